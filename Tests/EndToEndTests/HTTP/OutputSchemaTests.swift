import AgentCore
import AgentTestKit
import Testing

/// `output_schema` and `input.images` on the running binary, the model's words from a script.
@Suite("Output schema over HTTP") struct OutputSchemaTests {
  private static let schema: JSONValue = [
    "type": "object", "properties": ["title": ["type": "string"]], "required": ["title"],
    "additionalProperties": false,
  ]

  private static func says(_ prompt: String, _ turn: Int64, _ text: String) -> JSONValue {
    ["when": ["prompt": .string(prompt), "turn": .integer(turn)], "reply": ["text": .string(text)]]
  }

  @Test("an answer that fits is the output's json, one that never does fails the task, a schema we cannot check is 422")
  func answers() async throws {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(),
      files: ServiceProcess.scripted([
        Self.says("at once", 1, "```json\n{\"title\":\"x\"}\n```"),
        Self.says("by CRLF", 1, "So:\r\n```json\r\n{\"title\":\"x\"}\r\n```\r\n"),
        Self.says("in the end", 1, "a title? x"),
        Self.says("in the end", 2, "{\"title\":\"x\"}"), ["reply": ["text": "no"]],
      ]))
    func task(_ prompt: String) async throws -> JSONValue {
      let id = try await service.create([
        "agent": "coder", "input": .string(prompt), "output_schema": Self.schema,
      ])
      return try await service.ended(id)
    }
    #expect(try await task("at once")["output"]?["json"] == ["title": "x"])
    let windows = try await task("by CRLF")
    #expect(windows["output"]?["json"] == ["title": "x"] && windows["usage"]?["llm_calls"] == 1, "\(windows.text)")
    let mended = try await task("in the end")
    #expect(mended["output"]?["json"] == ["title": "x"] && mended["output"]?["text"] == "{\"title\":\"x\"}")
    let id = try #require(mended["id"]?.stringValue)
    let steps = try await service.steps(id)
    #expect(steps.count == 2 && steps[1]["input"]?["repair"]?.stringValue?.contains("not one JSON value") == true)
    let failed = try await task("never")
    #expect(failed["status"] == "failed" && failed["error"]?["code"] == "output_schema_mismatch")
    let answer = try await service.refused(
      422, "invalid_field", "POST", "/api/tasks",
      ["agent": "coder", "input": "x", "output_schema": ["properties": ["a": ["pattern": "(a+)+"]]]])
    #expect(answer.json["errors"]?.arrayValue?.first?["pointer"] == "/output_schema/properties/a/pattern")
  }

  @Test("a picture is checked when the task is created, and what is shown is named by path and digest")
  func images() async throws {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(), files: ServiceProcess.scripted([ServiceProcess.saysDone]))
    let input: JSONValue = ["prompt": "look", "images": ["a.png"]]
    let id = try await service.create([
      "agent": "coder", "input": input, "files": [["path": "a.png", "base64": "iVBORw0KGgo="]],
    ])
    #expect(try await service.ended(id)["status"] == "completed")
    let image = try #require(try await service.steps(id)[0]["input"]?["images"]?.arrayValue?.first)
    #expect(image["path"] == "a.png" && image["media_type"] == "image/png")
    #expect(image["digest"]?.stringValue?.utf8.count == 64)
    let answer = try await service.refused(
      422, "invalid_field", "POST", "/api/tasks",
      ["agent": "coder", "input": input, "files": [["path": "a.png", "text": "no picture"]]])
    #expect(answer.json["errors"]?.arrayValue?.first?["pointer"] == "/input/images/0")
  }
}
