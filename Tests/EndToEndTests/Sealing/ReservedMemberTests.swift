import AgentCore
import AgentTestKit
import Foundation
import Testing

/// What callers may not write, over real HTTP.
@Suite(.timeLimit(.minutes(2))) struct ReservedMemberTests {
  private static func task(_ more: [String: JSONValue]) -> JSONValue {
    .object(["agent": "writer", "input": "go"].merging(more) { $1 })
  }

  private static let bodies: [(body: JSONValue, pointer: String)] = [
    (task(["input": ["prompt": "go", "a": [["$sealed": "x"]]]]), "/input/a/0/$sealed"),
    (task(["input": ["prompt": "go", "api-key": "[sealed]"]]), "/input/api-key"),
    (task(["input": ["prompt": "go", "arguments": #"{"$sealed":"x"}"#]]), "/input/arguments/$sealed"),
    (task(["metadata": ["a": ["$sealed": ["x"]]]]), "/metadata/a/$sealed"),
    (task(["labels": ["$sealed": "x", "team": "a"]]), "/labels/$sealed"),
    (task(["labels": ["token": "[sealed]", "team": "a"]]), "/labels/token"),
    (task(["output_schema": ["const": ["$sealed": "x"]]]), "/output_schema/const/$sealed"),
    (task(["output_schema": ["default": ["$sealed": "x"]]]), "/output_schema/default/$sealed"),
    (task(["output_schema": ["enum": [1, ["$sealed": "x"]]]]), "/output_schema/enum/1/$sealed"),
    (task(["output_schema": ["examples": [["a": ["$sealed": "x"]]]]]), "/output_schema/examples/0/a/$sealed"),
    (task(["output_schema": ["properties": ["$sealed": [:]]]]), "/output_schema/properties/$sealed"),
  ]

  @Test(
    "a caller's `$sealed`, or a sensitive member that says `[sealed]`, is 422 reserved_member, and nothing is stored")
  func refused() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    func pointers(_ answer: ServiceProcess.Answer) -> [String] {
      answer.json["errors"]?.arrayValue?.compactMap { $0["pointer"]?.stringValue } ?? []
    }
    for (body, pointer) in Self.bodies {
      let alone = try await service.refused(422, "reserved_member", "POST", "/api/tasks", body)
      #expect(pointers(alone) == [pointer])
      let batch: JSONValue = ["tasks": [Self.task([:]), body]]
      let together = try await service.refused(422, "reserved_member", "POST", "/api/tasks:batch", batch)
      #expect(pointers(together) == ["/tasks/1" + pointer])
    }
    let word: JSONValue = ["action": "finished", "output": ["a": ["$sealed": "x"]]]
    let settled = try await service.refused(422, "reserved_member", "POST", "/api/tasks/task-1/steps/1:resolve", word)
    #expect(pointers(settled) == ["/output/a/$sealed"])
    // Where no member of that name can be, it is one member too many.
    for change in [["$sealed": "x"], ["limits": ["$sealed": 1]]] as [[String: JSONValue]] {
      try await service.refused(422, "invalid_field", "POST", "/api/tasks", Self.task(change))
    }
    #expect(try await service.listed() == [])
    // Names and words like these elsewhere are anybody's.
    let id = try await service.create(
      Self.task([
        "labels": ["team": "[sealed]"], "input": "say $sealed and [sealed]", "metadata": ["a": "[sealed]"],
        "output_schema": ["properties": ["token": ["type": "string"]]],
      ]))
    let task = try await service.task(id)
    #expect(task["labels"] == ["team": "[sealed]"] && task["metadata"] == ["a": "[sealed]"])
  }
}
