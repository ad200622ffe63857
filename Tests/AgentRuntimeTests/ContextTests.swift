import AgentCore
import AgentTestKit
import Testing

@testable import AgentRuntime

/// What an agent's `context_tokens` leaves of a conversation: histories replayed, without an engine.
@Suite("Context") struct ContextTests {
  /// Four answered calls over three turns: step 2 (the oldest), 3 and 5 of older turns, 7 of the newest.
  private static var journal: JournalBuilder {
    var journal = JournalBuilder()
    let calls = (1...4).map { ToolCall(id: "c\($0)", name: "file.read", arguments: ["path": "x"]) }
    journal.model(text: "first", calls: [calls[0], calls[1]])
    journal.tool(calls[0], text: String(repeating: "a", count: 3000))
    journal.tool(calls[1], text: String(repeating: "b", count: 10))
    journal.model(text: "second", calls: [calls[2]])
    journal.tool(calls[2], text: String(repeating: "c", count: 3000))
    journal.model(text: "third", calls: [calls[3]])
    journal.tool(calls[3], text: String(repeating: "d", count: 3000))
    return journal
  }

  private static func conversation(_ tokens: Int, prompt: String = "do it") -> AgentLoop.Conversation {
    let definition = AgentDefinition(id: "coder", instructions: "be good", tools: [], contextTokens: tokens)
    let task = AgentTask(
      id: TaskID(number: 1), agent: "coder", owner: .local, status: .running, input: .string(prompt),
      createdAt: Timestamp(milliseconds: 0))
    return AgentLoop.conversation(
      for: request([]), task: task, definition: definition, history: journal.history)
  }

  private static func request(_ messages: [ChatMessage]) -> ModelRequest {
    ModelRequest(
      model: nil, messages: messages, tools: [], maxOutputTokens: 100, task: TaskID(number: 1), agent: "coder", turn: 4)
  }

  private static func outputs(_ conversation: AgentLoop.Conversation) -> [String] {
    conversation.messages.compactMap { message in
      guard case .toolResult(_, _, let text, _) = message else { return nil }
      return text.hasPrefix("[") ? text : String(text.prefix(1))
    }
  }

  /// The estimate of the whole conversation: nine messages of 9,000 bytes and more.
  private static let whole = Int(Budget.inputTokens(for: request(conversation(1_000_000).messages)))

  @Test(
    "the oldest outputs give way first, and no more of them than must",
    arguments: [
      (0, ["a", "b", "c", "d"]), (1, ["[3000 bytes of output of step 2 elided]", "b", "c", "d"]),
      (1400, ["[3000 bytes of output of step 2 elided]", "b", "c", "d"]),
      (1500, ["[3000 bytes of output of step 2 elided]", "b", "[3000 bytes of output of step 5 elided]", "d"]),
    ] as [(Int, [String])])
  func oldestFirst(missing: Int, expected: [String]) {
    let conversation = Self.conversation(Self.whole - missing)
    #expect(Self.outputs(conversation) == expected)
    #expect(conversation.elidedOutputs == expected.count { $0.hasPrefix("[") })
    #expect(Budget.inputTokens(for: Self.request(conversation.messages)) <= Self.whole - missing)
  }

  @Test("the instructions, the prompt, what the model said and the newest turn stay, even when it does not fit")
  func kept() {
    let prompt = String(repeating: "p", count: 5000)
    let conversation = Self.conversation(1000, prompt: prompt)
    #expect(conversation.elidedOutputs == 2)
    #expect(Self.outputs(conversation).last == "d")
    #expect(conversation.messages.prefix(2) == [.system("be good"), .user(prompt)])
    let said = conversation.messages.compactMap { message in
      if case .assistant(let text, _, _) = message { text } else { nil }
    }
    #expect(said == ["first", "second", "third"])
  }

  @Test("the same history gives the same conversation: a resumed task sends what was sent the first time")
  func deterministic() {
    #expect(Self.conversation(Self.whole - 1500) == Self.conversation(Self.whole - 1500))
  }
}

extension EngineTests {
  @Test("a model call's step says how many older outputs were elided, and the provider gets the markers")
  func elidedOutputs() async throws {
    let tool = ProbeTool("test.echo", effect: .pure, [.answer(String(repeating: "x", count: 4000))])
    let provider = ProbeProvider([.call("test.echo"), .call("test.echo"), .text("done")])
    var agent = Self.agent(tools: ["test.echo"])
    agent.contextTokens = 4000
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [agent], script: .turns([]), tools: [tool], provider: provider)
    let steps = try await rig.run { rig in
      let id = try await rig.submit("coder")
      _ = try await rig.ended(id)
      return try await rig.tasks.steps(of: id)
    }
    #expect(steps.filter { $0.kind == .modelCall }.map { $0.input["elided_outputs"] } == [0, 0, 1])
    let texts = (provider.calls.last?.messages ?? []).compactMap { message -> Int? in
      if case .toolResult(_, _, let text, _) = message { text.utf8.count } else { nil }
    }
    #expect(texts == ["[4000 bytes of output of step 2 elided]".utf8.count, 4000])
  }
}
