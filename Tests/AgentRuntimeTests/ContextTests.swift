import AgentCore
import AgentTestKit
import Testing

@testable import AgentRuntime

/// What a limit on tokens leaves of a conversation: histories replayed, without an engine.
@Suite("Context", .timeLimit(.minutes(4))) struct ContextTests {
  /// Four answered calls over three turns: step 2 (the oldest), 3 and 5 of older turns, 7 of the newest. 3,000 bytes are
  /// 1,000 tokens; the last reply's usage is 2,900, after which 3,000 bytes and a name of 9 came.
  private static func journal(usage: Int64 = 2900, elidedBefore: JSONValue? = nil) -> JournalBuilder {
    var journal = JournalBuilder()
    let calls = (1...4).map {
      ToolCall(id: "c\($0)", name: "file.write", arguments: ["path": "x", "text": .string(text("w", 600))])
    }
    journal.model(text: "first", calls: [calls[0], calls[1]])
    journal.tool(calls[0], text: text("a", 3000))
    journal.tool(calls[1], text: text("b", 10))
    journal.model(text: "second", calls: [calls[2]])
    journal.tool(calls[2], text: text("c", 3000))
    journal.startModel(input: elidedBefore.map { ["elided_outputs": $0] })
    journal.end(
      .stepFinished,
      output: ["text": "third", "tool_calls": .array([calls[3].json])],
      usage: ModelUsage(inputTokens: usage - 100, outputTokens: 100))
    journal.tool(calls[3], text: text("d", 3000))
    return journal
  }

  private static func text(_ letter: String, _ count: Int) -> String { String(repeating: letter, count: count) }

  private static func script(_ prompt: String = "do it") -> AgentLoop.Script {
    let definition = AgentDefinition(id: "coder", instructions: "be good", tools: [])
    let task = AgentTask(
      id: TaskID(number: 1), agent: "coder", owner: .local, status: .running, input: .string(prompt),
      createdAt: Timestamp(milliseconds: 0))
    return AgentLoop.Script(task: task, definition: definition)
  }

  private static func request(_ history: StepHistory, _ shape: ConversationShape = ConversationShape()) -> ModelRequest
  {
    ModelRequest(
      model: nil, messages: AgentLoop.messages(script(), history: history, shape: shape), tools: [],
      maxOutputTokens: 100, task: TaskID(number: 1), agent: "coder", turn: 4)
  }

  private static func shape(_ limit: AgentLoop.ContextLimit, _ journal: JournalBuilder = journal()) throws
    -> ConversationShape
  {
    let history = journal.history
    let carried = ConversationShape(carriedFrom: history)
    return try AgentLoop.shape(carried, of: request(history, carried), history: history, keepingTo: limit)
  }

  /// 2,900 and (3,000 + 10) / 3.
  private static let whole = 2900 + 1003

  @Test("the estimate is what the provider counted last, and a third of the bytes that came since")
  func estimate() {
    let history = Self.journal().history
    #expect(
      AgentLoop.estimate(Self.request(history), history: history, shape: ConversationShape()) == Int64(Self.whole))
    let empty = StepHistory()
    let request = Self.request(empty)
    #expect(AgentLoop.estimate(request, history: empty, shape: ConversationShape()) == 4)
    var pictured = request
    pictured.messages[1] = .user("do it", images: [ChatImage(mediaType: "image/png", digest: "d", bytes: [1, 2, 3])])
    #expect(AgentLoop.estimate(pictured, history: empty, shape: ConversationShape()) == 5004)
  }

  @Test("what elides lies in the estimate once, and not again after the provider has counted without it")
  func elidedSince() {
    var shape = ConversationShape()
    shape.elidedOutputs = [2]
    let gain = 3000 - "[3000 bytes of output of step 2 elided]".utf8.count
    var history = Self.journal().history
    #expect(
      AgentLoop.estimate(Self.request(history, shape), history: history, shape: shape)
        == Int64(2900 + (3010 - gain) / 3))
    history = Self.journal(elidedBefore: [2]).history
    #expect(AgentLoop.estimate(Self.request(history, shape), history: history, shape: shape) == Int64(Self.whole))
  }

  @Test(
    "over the limit, the oldest outputs give way until three quarters are left, then the arguments of writes",
    arguments: [
      (3903, [], []), (3902, [2], []), (3800, [2, 5], []), (2500, [2, 5], [2]), (2300, [2, 5], [2, 3]),
    ] as [(Int, Set<Int>, Set<Int>)])
  func oldestFirst(limit: Int, outputs: Set<Int>, arguments: Set<Int>) throws {
    let shape = try Self.shape(.within(limit))
    #expect(shape.elidedOutputs == outputs && shape.elidedArguments == arguments)
  }

  @Test("what cannot be brought within the limit is not sent; the newest turn and what the model said stay")
  func overflow() throws {
    let overflow = #expect(throws: AgentLoop.ContextOverflow.self) { try Self.shape(.within(1300)) }
    #expect(overflow == AgentLoop.ContextOverflow(tokens: 1348, limit: 1300))
  }

  @Test(
    "of the newest turn the oldest outputs give way last, no more of them than must, and never the newest",
    arguments: [(8400, []), (8000, [2]), (7000, [2, 4]), (5000, [2, 4, 5])] as [(Int, Set<Int>)])
  func newestTurn(limit: Int, outputs: Set<Int>) throws {
    var journal = JournalBuilder()
    let calls = (1...4).map { ToolCall(id: "c\($0)", name: "file.read", arguments: ["path": .string("\($0)")]) }
    journal.model(text: "first", calls: [calls[0]])
    journal.tool(calls[0], text: Self.text("a", 3000))
    journal.model(text: "second", calls: Array(calls[1...]), tokens: 2000)
    for call in calls[1...] { journal.tool(call, text: Self.text("n", 6291)) }
    // 2,000 and three times (6,291 and a name of 9) / 3.
    #expect(AgentLoop.estimate(Self.request(journal.history), history: journal.history, shape: .init()) == 8300)
    let shape = try Self.shape(.within(limit), journal)
    #expect(shape.elidedOutputs == outputs && shape.elidedArguments.isEmpty)
    // What it came to is what the next try, or the next life, finds: nothing more gives way.
    let history = journal.history
    let request = Self.request(history, shape)
    #expect(try AgentLoop.shape(shape, of: request, history: history, keepingTo: .within(limit)) == shape)
    #expect(throws: AgentLoop.ContextOverflow.self) { try Self.shape(.within(3000), journal) }
  }

  @Test("a model is shown at most 32 KiB of an output and of an error, and the journal has them whole")
  func shown() throws {
    var journal = JournalBuilder()
    let calls = ["test.echo", "file.read", "test.echo"].enumerated().map {
      ToolCall(id: "c\($0.offset)", name: $0.element, arguments: ["path": "x"])
    }
    journal.model(text: "go", calls: calls)
    for call in calls[..<2] { journal.tool(call, text: String(repeating: Self.text("o", 63) + "\n", count: 625)) }
    journal.failedTool(calls[2], code: "io_error", detail: Self.text("e", 40_000))
    let messages = AgentLoop.messages(Self.script(), history: journal.history)
    let texts = messages.compactMap { message -> String? in
      if case .toolResult(_, _, let text, _) = message { text } else { nil }
    }
    #expect(texts.count == 3 && texts.allSatisfy { (32_000...AgentLoop.shownOutputBytes).contains($0.utf8.count) })
    #expect(texts[0].hasSuffix("\n[cut: only the first bytes of 40000 are shown; ask for less at a time]"))
    #expect(texts[1].hasSuffix("go on with from_line 510]"))
    #expect(texts[2].hasPrefix("io_error: eee") && texts[2].contains("first bytes of 40010 are shown"))
    #expect(journal.history.steps[1].output?["text"]?.stringValue?.utf8.count == 40_000)
  }

  @Test("what was elided stays elided, in every later call")
  func forGood() throws {
    #expect(try Self.shape(.within(100_000), Self.journal(elidedBefore: [2])).elidedOutputs == [2])
  }

  @Test("half of a conversation that its provider refused")
  func half() throws {
    #expect(try Self.shape(.half).elidedOutputs == [2, 5])
    #expect(throws: AgentLoop.ContextOverflow.self) { try Self.shape(.half, Self.journal(usage: 10_000)) }
  }

  @Test("elided outputs and arguments leave markers")
  func markers() throws {
    var shape = ConversationShape()
    (shape.elidedOutputs, shape.elidedArguments) = ([2], [5])
    let messages = AgentLoop.messages(Self.script(), history: Self.journal().history, shape: shape)
    let texts = messages.compactMap { message -> String? in
      if case .toolResult(_, _, let text, _) = message { text } else { nil }
    }
    #expect(texts[0] == "[3000 bytes of output of step 2 elided]" && texts[2].hasPrefix("ccc"))
    let arguments = messages.flatMap { message -> [JSONValue] in
      if case .assistant(_, let calls, _) = message { calls.map(\.arguments) } else { [] }
    }
    #expect(arguments[2] == ["path": "x", "text": "[600 bytes elided]"])
    #expect(arguments[1]["text"]?.stringValue?.utf8.count == 600)
  }

  @Test("a tool's output is shown up to 32 KiB, cut between characters, and its own last line in brackets stays")
  func cut() {
    let bound = AgentLoop.shownOutputBytes
    #expect(AgentLoop.cut(Self.text("a", bound)) == Self.text("a", bound))
    for letter in ["a", "é", "𝄞"] {
      let text = "x" + Self.text(letter, bound) + "\n[lines 1-2 of 9]"
      let shown = AgentLoop.cut(text)
      #expect(shown.utf8.count <= bound && shown.utf8.count > bound - 8)
      #expect(
        shown.hasSuffix(
          "\n[cut: only the first bytes of \(text.utf8.count) are shown; ask for less at a time]\n[lines 1-2 of 9]"))
      #expect(!shown.contains("\u{FFFD}"))
    }
  }

  @Test("a file's lines are cut between two of them, and the end says from which to go on")
  func cutLines() {
    let line = Self.text("x", 63) + "\n"
    let text = String(repeating: line, count: 600)
    // 32,768 - 160 bytes have room for 509 lines of 64.
    #expect(
      AgentLoop.cut(text, fromLine: 11) == String(repeating: line, count: 509)
        + "[lines 11-519; cut: \(91 * 64) more bytes, go on with from_line 520]")
    #expect(AgentLoop.cut(line, fromLine: 1) == line)
    let long = AgentLoop.cut(Self.text("é", 20_000), fromLine: 3)
    #expect(long.hasSuffix("é\n[line 3, cut within the line: \(40_000 - 32_608) more bytes]"))
    #expect(AgentLoop.cut(text, fromLine: .max).utf8.count <= AgentLoop.shownOutputBytes)
  }

  @Test("a shape says in a step's input what it is, and is read back from there")
  func input() {
    var shape = ConversationShape()
    #expect(ConversationShape(input: .object(shape.members)) == shape)
    shape.elidedOutputs = [7, 2]
    (shape.elidedArguments, shape.repair, shape.isHalved) = ([3], "again", true)
    #expect(shape.members["elided_outputs"] == [2, 7])
    #expect(ConversationShape(input: .object(shape.members)) == shape)
    #expect(ConversationShape(input: ["elided_outputs": 3]) == ConversationShape())
  }
}

extension EngineTests {
  private static func usage(_ total: Int64) -> ModelUsage { ModelUsage(inputTokens: total - 10, outputTokens: 10) }

  private static func call(_ turn: Int, tokens: Int64) -> ProbeProvider.Behaviour {
    .reply(
      ModelReply(
        text: "", calls: [ToolCall(id: "c\(turn)", name: "test.echo", arguments: [:])], finish: .toolCalls,
        usage: usage(tokens), model: "m"))
  }

  private static func rig(_ provider: ProbeProvider, contextTokens: Int) async throws -> EngineRig {
    let tool = ProbeTool("test.echo", effect: .pure, [.answer(String(repeating: "x", count: 4000))])
    var agent = Self.agent(tools: ["test.echo"])
    agent.contextTokens = contextTokens
    return try await EngineRig(
      in: TemporaryFolder(), agents: [agent], script: .turns([]), tools: [tool], provider: provider)
  }

  @Test(
    "a model call's step lists the outputs that were elided, the provider gets the markers, and the smaller limit holds",
    arguments: [(3000, nil), (100_000, 3000)] as [(Int, Int?)])
  func elidedOutputs(agents: Int, providers: Int?) async throws {
    let provider = ProbeProvider(
      [Self.call(1, tokens: 500), Self.call(2, tokens: 1900), Self.call(3, tokens: 1800), .text("done")],
      traits: ProviderTraits(contextTokens: providers))
    let rig = try await Self.rig(provider, contextTokens: agents)
    let steps = try await rig.run { rig in
      let id = try await rig.submit("coder")
      _ = try await rig.ended(id)
      return try await rig.tasks.steps(of: id)
    }
    #expect(steps.filter { $0.kind == .modelCall }.map { $0.input["elided_outputs"] } == [[], [], [2], [2, 4]])
    let texts = (provider.calls.last?.messages ?? []).compactMap { message -> Int? in
      if case .toolResult(_, _, let text, _) = message { text.utf8.count } else { nil }
    }
    let marker = "[4000 bytes of output of step 2 elided]".utf8.count
    #expect(texts == [marker, marker, 4000])
  }

  @Test("a conversation that does not fit is not sent")
  func contextTooLong() async throws {
    let provider = ProbeProvider([.text("no")])
    try await Self.rig(provider, contextTokens: 1000).run { rig in
      let task = try await rig.ended(try await rig.submit("coder", String(repeating: "p", count: 4000)))
      #expect(task.error?.code == "context_too_long" && task.attempt == 1 && provider.calls.isEmpty)
      #expect(try await rig.tasks.steps(of: task.id).isEmpty)
    }
  }

  @Test("a provider that finds the conversation too long is asked once more, with half", arguments: [true, false])
  func half(isTaken: Bool) async throws {
    let tooLong = ProviderError(.contextTooLong, "too long", status: 400)
    let provider = ProbeProvider([
      Self.call(1, tokens: 500), Self.call(2, tokens: 1200), .fail(tooLong), isTaken ? .text("done") : .fail(tooLong),
    ])
    try await Self.rig(provider, contextTokens: 100_000).run { rig in
      let task = try await rig.ended(try await rig.submit("coder"))
      #expect(task.status == (isTaken ? .completed : .failed) && provider.calls.count == 4)
      #expect(task.error?.code == (isTaken ? nil : "context_too_long"))
      let last = try #require(try await rig.tasks.steps(of: task.id).last)
      #expect(last.attempt == 2 && last.input["halved"] == true && last.input["elided_outputs"] == [2])
    }
  }
}
