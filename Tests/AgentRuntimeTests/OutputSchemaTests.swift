import AgentConfig
import AgentCore
import AgentRuntime
import AgentTestKit
import Testing

/// A task's final answer held to its `output_schema`.
@Suite("Output schema", .timeLimit(.minutes(1))) struct OutputSchemaTests {
  private static let schema: JSONValue = [
    "type": "object", "properties": ["title": ["type": "string"]], "required": ["title"],
    "additionalProperties": false,
  ]

  private static func rig(_ provider: ProbeProvider, tools: [any AgentTool] = []) async throws -> EngineRig {
    try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: tools.map(\.descriptor.name))], script: .turns([]),
      tools: tools, provider: provider)
  }

  @Test(
    "an answer that fits is the task's json, a fenced one too",
    arguments: [
      #"{"title":"x"}"#, "  {\"title\":\"x\"}\n", "Here it is:\n```json\n{\"title\":\"x\"}\n```\nDone.",
      "Here it is:\r\n```json\r\n{\"title\":\r\n\"x\"}\r\n```\r\nDone.", "```\r{\"title\":\"x\"}\r```",
    ])
  func fits(answer: String) async throws {
    let provider = ProbeProvider([.text(answer)])
    try await Self.rig(provider).run { rig in
      let task = try await rig.ended(try await rig.submit("coder") { $0.outputSchema = Self.schema })
      #expect(task.output == TaskOutput(text: answer, json: ["title": "x"]))
      #expect(provider.calls.map(\.outputSchema) == [Self.schema])
    }
  }

  @Test("a line break of Unicode's in a fenced value is part of its text")
  func unicodeBreaks() async throws {
    let title = "a\u{2028}b\u{85}c"
    let provider = ProbeProvider([.text("```json\r\n{\"title\":\"\(title)\"}\r\n```")])
    try await Self.rig(provider).run { rig in
      let task = try await rig.ended(try await rig.submit("coder") { $0.outputSchema = Self.schema })
      #expect(task.output?.json == ["title": .string(title)])
    }
  }

  @Test("one that does not is asked for once more, natively, without tools, and the step says in which words")
  func repaired() async throws {
    let probe = ProbeTool("probe", effect: .pure, [.answer("x")])
    let provider = ProbeProvider([.call("probe"), .text("no json"), .text(#"{"title":"x"}"#)])
    try await Self.rig(provider, tools: [probe]).run { rig in
      let id = try await rig.submit("coder") { $0.outputSchema = Self.schema }
      let task = try await rig.ended(id)
      #expect(task.output?.json == ["title": "x"])
      let calls = provider.calls
      #expect(calls.map(\.outputSchema) == [nil, nil, Self.schema] && calls.map(\.tools.count) == [1, 1, 0])
      #expect(calls[0].messages[0].json["text"]?.stringValue?.contains(Self.schema.text) == true)
      let words = try #require(try await rig.tasks.steps(of: id).last?.input["repair"]?.stringValue)
      #expect(calls[2].messages.suffix(2) == [.assistant(text: "no json", calls: []), .user(words)])
      #expect(words.contains("not one JSON value") && words.contains(Self.schema.text))
    }
  }

  @Test(
    "an answer that does not fit for good is a failed step, and the task fails unretried",
    arguments: [ProbeProvider.Behaviour.text(#"{"name":1}"#), .call("probe")])
  func mismatch(second: ProbeProvider.Behaviour) async throws {
    let provider = ProbeProvider([.text("[]"), second])
    try await Self.rig(provider).run { rig in
      let id = try await rig.submit("coder") { $0.outputSchema = Self.schema }
      let task = try await rig.ended(id)
      #expect(task.error?.code == "output_schema_mismatch" && task.attempt == 1 && provider.calls.count == 2)
      #expect(try await rig.tasks.steps(of: id).map(\.status) == [.finished, .failed])
    }
  }

  @Test("a retry that is asked for begins with a repair round anew")
  func retried() async throws {
    let provider = ProbeProvider([.text("1"), .text("2"), .text(#"{"title":"x"}"#)])
    try await Self.rig(provider).run { rig in
      let id = try await rig.submit("coder") { $0.outputSchema = Self.schema }
      #expect(try await rig.ended(id).status == .failed)
      _ = try await rig.tasks.retry(id, from: .lastStep, by: .local)
      #expect(try await rig.ended(id).output?.json == ["title": "x"])
      #expect(provider.calls[2].messages == provider.calls[1].messages)
    }
  }

  @Test("a repair round that a restart cuts sends the same again")
  func resumed() async throws {
    let provider = ProbeProvider([.text("1"), .hang(wasSent: true), .text(#"{"title":"x"}"#)])
    try await Self.rig(provider).run { rig in
      let id = try await rig.submit("coder") { $0.outputSchema = Self.schema }
      _ = try await rig.event(.stepStarted, of: id, step: 2)
      while provider.calls.count < 2 { await provider.begun() }
      async let isDone: Void = rig.engine.restart("coder")
      try await rig.advance(until: { try await rig.tasks.task(id).status == .completed })
      await isDone
      #expect(provider.calls[2] == provider.calls[1])
      #expect(try await rig.tasks.steps(of: id).map(\.attempt) == [1, 2])
    }
  }

  @Test(
    "a schema that this build cannot check is refused at creation, by its pointer",
    arguments: [
      (["properties": ["a": ["pattern": "x"]]], "/output_schema/properties/a/pattern"), ([], "/output_schema"),
    ] as [(JSONValue, String)])
  func refused(schema: JSONValue, pointer: String) async throws {
    try await Self.rig(ProbeProvider([.text("ok")])).run { rig in
      let refused = await #expect(throws: ServiceError.self) {
        try await rig.submit("coder") { $0.outputSchema = schema }
      }
      #expect(refused?.fields.map(\.pointer) == [pointer])
    }
  }
}

/// Arguments held to what a tool says of them.
@Suite("Arguments of tools") struct ArgumentTests {
  @Test(
    "arguments that do not fit what the tool says of them do nothing, and the model is told",
    arguments: [
      (["n": 1], nil), (["n": 1, "note": nil], nil), (["n": "1"], "/n"), ([:], "n"), (["n": nil], "/n"),
      ("no object", "the arguments are not valid JSON: they must be a JSON object"),
      ("[1]", "the arguments are not a JSON object but a JSON array"),
      ([1], "the arguments are not a JSON object but a JSON array"),
    ] as [(JSONValue, String?)])
  func checked(arguments: JSONValue, place: String?) async throws {
    let probe = ProbeTool(
      "probe", effect: .once, [.answer("did")],
      parameters: [
        "type": "object", "properties": ["n": ["type": "integer"], "note": ["type": "string"]], "required": ["n"],
      ])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["probe"])],
      script: .turns([.call("probe", arguments), .text("ok")]), tools: [probe])
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      #expect(try await rig.ended(id).status == .completed)
      let step = try await rig.tasks.steps(of: id)[1]
      #expect(step.error?.code == (place == nil ? nil : "tool_arguments_invalid"))
      #expect(step.error?.detail.contains(place ?? "") ?? true)
      #expect(probe.count == (place == nil ? 1 : 0))
    }
  }
}
