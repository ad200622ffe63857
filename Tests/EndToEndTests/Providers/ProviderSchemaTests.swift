import AgentCore
import AgentTestKit
import Testing

/// A task's `output_schema` over both wire formats: what is asked of the provider, and what comes of the answer.
@Suite struct ProviderSchemaTests {
  /// Meets the rules of strict mode.
  private static let closed: JSONValue = [
    "type": "object", "properties": ["title": ["type": "string"], "count": ["type": "integer"]],
    "required": ["title", "count"], "additionalProperties": false,
  ]
  /// Schemas that no service can be held to, each with an answer that does not fit and one that does.
  private static let looseSchemas: [JSONValue] = [
    // Members of any name.
    [
      "schema": [
        "type": "object", "properties": ["title": ["type": "string"], "count": ["type": "integer", "minimum": 0]],
        "required": ["title"], "additionalProperties": ["type": "string"],
      ], "misfit": ["title": "Fish", "count": -1], "fit": ["title": "Fish", "river": "Elbe"],
    ],
    // Any object in a place that may be empty.
    [
      "schema": [
        "type": "object", "properties": ["extra": ["type": ["object", "null"]]], "required": ["extra"],
        "additionalProperties": false,
      ], "misfit": ["extra": 4], "fit": ["extra": ["river": "Elbe"]],
    ],
    // Objects to choose from, and a reference within `allOf`: taken by OpenAI, refused by Anthropic.
    [
      "schema": [
        "type": "object", "properties": ["place": ["enum": [["x": 1], ["x": 2]]]], "required": ["place"],
        "additionalProperties": false,
      ], "misfit": ["place": ["x": 3]], "fit": ["place": ["x": 2]],
    ],
    [
      "schema": [
        "type": "object", "properties": ["count": ["allOf": [["$ref": "#/$defs/number"]]]], "required": ["count"],
        "additionalProperties": false, "$defs": ["number": ["type": "integer"]],
      ], "misfit": ["count": "three"], "fit": ["count": 3],
    ],
    // A tree: Anthropic takes no definition that leads back to itself.
    [
      "schema": [
        "type": "object", "properties": ["root": ["$ref": "#/$defs/node"]], "required": ["root"],
        "additionalProperties": false,
        "$defs": [
          "node": [
            "type": "object", "properties": ["name": ["type": "string"], "next": ["$ref": "#/$defs/node"]],
            "required": ["name"], "additionalProperties": false,
          ]
        ],
      ], "misfit": ["root": ["next": ["name": "b"]]], "fit": ["root": ["name": "a", "next": ["name": "b"]]],
    ],
  ]
  private static let answer: JSONValue = ["title": "Fish", "count": 3]

  @Test(
    "without tools the provider is asked to keep to the schema at once, and the answer is the output",
    arguments: WireFormat.allCases)
  func native(format: WireFormat) async throws {
    let site = try await ProviderSite(
      format, [["reply": ["text": .string(Self.answer.text)]]], agent: ["tools": []])
    let task = try await site.run("go", ["output_schema": Self.closed])
    #expect(task["status"] == "completed" && task["output"]?["json"] == Self.answer, "\(task.text)")
    let calls = try site.double.calls()
    let call = try #require(calls.first)
    #expect(calls.count == 1 && call.refused == nil, "\(site.double.told)")
    #expect(format.schema(in: call.body) == Self.closed && call.body["tools"] == nil, "\(call.body.text)")
    if format == .openai { #expect(call.body["response_format"]?["json_schema"]?["strict"] == true) }
  }

  @Test(
    "with tools the schema is an instruction; an answer in prose is asked for again, natively and without calls",
    arguments: WireFormat.allCases)
  func repaired(format: WireFormat) async throws {
    let site = try await ProviderSite(
      format,
      [
        ProviderSite.calling("go", [ProviderSite.call("file.read", ["path": "fish.txt"])]),
        ProviderSite.rule("go", turn: 2, ["text": "There are three kinds of fish."]),
        ProviderSite.rule("go", turn: 3, ["text": .string(Self.answer.text)]),
      ])
    let task = try await site.run(
      "go", ["output_schema": Self.closed, "files": [["path": "fish.txt", "text": "cod, pike, eel\n"]]])
    #expect(task["status"] == "completed", "\(task.text), \(site.double.told)")
    #expect(task["output"]?["json"] == Self.answer, "\(task.text)")
    let calls = try site.double.calls()
    #expect(calls.count == 3 && calls.allSatisfy { $0.refused == nil }, "\(site.double.told)")
    for call in calls {
      #expect(format.offersTools(in: call.body) == (call.turn < 3), "\(call.body.text)")
      #expect(format.schema(in: call.body) == (call.turn < 3 ? Optional.none : Self.closed), "\(call.body.text)")
      #expect(format.instructions(in: call.body).contains(Self.closed.text), "\(call.body.text)")
    }
    let last = try #require(calls.last)
    let messages = format.messages(in: last.body)
    #expect(messages.last?["role"] == "user" && messages.last?.text.contains("does not fit") == true, "\(messages)")
    #expect(messages.contains { $0.text.contains("There are three kinds of fish.") }, "\(messages)")
    #expect(format.results(in: last.body).first?.text.contains("cod, pike, eel") == true, "\(messages)")
    let steps = try await site.steps(task)
    #expect(steps.map { $0["kind"] } == ["model_call", "tool_call", "model_call", "model_call"], "\(steps)")
  }

  @Test("an answer that fits neither time ends the task, and is no output", arguments: WireFormat.allCases)
  func misfit(format: WireFormat) async throws {
    let site = try await ProviderSite(format, [["reply": ["text": "{\"title\": 4}"]]], agent: ["tools": []])
    let task = try await site.run("go", ["output_schema": Self.closed])
    #expect(task["error"]?["code"] == "output_schema_mismatch" && task["output"] == .null, "\(task.text)")
    let calls = try site.double.calls()
    #expect(calls.count == 2 && calls.allSatisfy { $0.refused == nil }, "\(site.double.told)")
  }

  @Test(
    "a schema that cannot be strict is taken by the service all the same, told to the model, and held by our own check",
    arguments: WireFormat.allCases, looseSchemas)
  func loose(format: WireFormat, entry: JSONValue) async throws {
    let schema = entry["schema"] ?? .null
    let site = try await ProviderSite(
      format,
      [
        ["when": ["turn": 1], "reply": ["text": .string(entry["misfit"]?.text ?? "")]],
        ["reply": ["text": .string(entry["fit"]?.text ?? "")]],
      ], agent: ["tools": []])
    let task = try await site.run("go", ["output_schema": schema])
    #expect(task["output"]?["json"] == entry["fit"], "\(task.text), \(site.double.told)")
    let calls = try site.double.calls()
    #expect(calls.count == 2 && calls.allSatisfy { $0.refused == nil }, "\(site.double.told)")
    for call in calls {
      #expect(call.body["response_format"]?["json_schema"]?["strict"] != true, "\(call.body.text)")
      let told = [format.instructions(in: call.body), format.lastText(in: call.body)]
      let isTold = told.contains { $0.contains(schema.text) }
      #expect(format.schema(in: call.body) == schema || isTold, "\(call.body.text)")
    }
  }
}
