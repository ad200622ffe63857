import AgentCore
import AgentPersistence
import AgentRuntime
import AgentTestKit
import Testing

/// The one try at half of a conversation that its provider found too long, whatever comes between the two tries.
@Suite("Half", .timeLimit(.minutes(4))) struct HalfTests {
  private static let tooLong = ProviderError(.contextTooLong, "too long", status: 400, wasSent: true)
  private static let busy = ProviderError(.providerError, "busy", status: 503, wasSent: true)
  private static let full = ProviderError(.rateLimited, "the provider is full")

  private static func call(_ turn: Int, tokens: Int64) -> ProbeProvider.Behaviour {
    .reply(
      ModelReply(
        text: "", calls: [ToolCall(id: "c\(turn)", name: "test.echo", arguments: [:])], finish: .toolCalls,
        usage: ModelUsage(inputTokens: tokens - 10, outputTokens: 10), model: "m"))
  }

  /// Two answered calls with 4,000 bytes each, of which the first can give way.
  private static let opening = [call(1, tokens: 500), call(2, tokens: 1200)]

  private static func rig(_ provider: ProbeProvider, _ other: ProbeProvider = ProbeProvider([.text("no")])) async throws
    -> EngineRig
  {
    let tool = ProbeTool("test.echo", effect: .pure, [.answer(String(repeating: "x", count: 4000))])
    return try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["test.echo"])], script: .turns([]), tools: [tool],
      provider: provider, others: ["other": other])
  }

  /// What the results of tools take in a request, in bytes.
  private static func results(_ request: ModelRequest?) -> [Int] {
    (request?.messages ?? []).compactMap { message -> Int? in
      if case .toolResult(_, _, let text, _) = message { text.utf8.count } else { nil }
    }
  }

  private static let marker = "[4000 bytes of output of step 2 elided]".utf8.count

  @Test(
    "waits for its place without a worker, and is half after the wait, once",
    arguments: [(true, 1), (false, 1), (true, 2)])
  func waiting(isTaken: Bool, waits: Int) async throws {
    let later = ProbeProvider.Admission.later(.seconds(20), Self.full)
    let provider = ProbeProvider(
      Self.opening + [.fail(Self.tooLong), isTaken ? .text("done") : .fail(Self.tooLong)],
      admissions: [.place, .place, .place] + Array(repeating: later, count: waits) + [.place])
    try await Self.rig(provider).run { rig in
      let id = try await rig.submit("coder")
      _ = try await rig.task(id, when: [.waiting])
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).status == (isTaken ? .completed : .failed))
      #expect(try await rig.tasks.task(id).error?.code == (isTaken ? nil : "context_too_long"))
      #expect(provider.calls.map { Self.results($0) }.dropFirst(2) == [[4000, 4000], [Self.marker, 4000]])
      #expect(try await rig.store.journal(of: id).count { $0.type == .taskWaiting } == waits)
      let step = try #require(try await rig.tasks.steps(of: id).last)
      #expect(step.attempt == 2 && step.input["halved"] == true && step.input["elided_outputs"] == [2])
    }
  }

  @Test("is half after a restart that came while it asked for its place, and no try was given back")
  func restarted() async throws {
    let provider = ProbeProvider(
      Self.opening + [.fail(Self.tooLong), .text("done")], admissions: [.place, .place, .place, .hang, .place])
    try await Self.rig(provider).run { rig in
      let id = try await rig.submit("coder")
      while provider.askedFor.count < 4 { await provider.asked() }
      async let isDone: Void = rig.engine.restart("coder")
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      await isDone
      #expect(try await rig.tasks.task(id).status == .completed)
      #expect(provider.calls.map { Self.results($0) }.dropFirst(2) == [[4000, 4000], [Self.marker, 4000]])
      let requeued = try await rig.event(.taskRequeued, of: id)
      #expect(requeued.head["too_long"] == true && requeued.head["after_failed_try"] == true)
    }
  }

  @Test("goes to the default of then, where it was switched in between")
  func switched() async throws {
    let provider = ProbeProvider(
      Self.opening + [.fail(Self.tooLong), .text("no")],
      admissions: [.place, .place, .place, .later(.seconds(20), Self.full), .place])
    let other = ProbeProvider([.text("done")])
    try await Self.rig(provider, other).run { rig in
      let id = try await rig.submit("coder")
      _ = try await rig.task(id, when: [.waiting])
      _ = try await rig.providers.setDefault("other", by: .local)
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).output?.text == "done")
      #expect(provider.calls.count == 3)
      #expect(other.calls.map { Self.results($0) } == [[Self.marker, 4000]])
    }
  }

  @Test("is one of the step's tries, and of the next attempt's where they are used up", arguments: [1, 2])
  func bounded(attempts: Int) async throws {
    let provider = ProbeProvider(
      Self.opening + Array(repeating: .fail(Self.busy), count: 3) + [.fail(Self.tooLong), .text("done")])
    try await Self.rig(provider).run { rig in
      let id = try await rig.submit("coder") { $0.maxAttempts = attempts }
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      let task = try await rig.tasks.task(id)
      #expect(task.error?.code == (attempts == 1 ? "context_too_long" : nil))
      // Two turns before, then (1 + retries) tries.
      #expect(provider.calls.count == 6 + (attempts - 1))
      guard attempts == 2 else { return }
      #expect(task.output?.text == "done" && task.attempt == 2)
      #expect(Self.results(provider.calls.last) == [Self.marker, 4000])
      let last = try #require(try await rig.tasks.steps(of: id).last)
      #expect(last.attempt == 1 && last.input["halved"] == true)
    }
  }

  @Test("that is refused as well in the next attempt ends the task")
  func refusedAgain() async throws {
    let provider = ProbeProvider(
      Self.opening + Array(repeating: .fail(Self.busy), count: 3) + [.fail(Self.tooLong)])
    try await Self.rig(provider).run { rig in
      let id = try await rig.submit("coder") { $0.maxAttempts = 3 }
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      let task = try await rig.tasks.task(id)
      #expect(task.error?.code == "context_too_long" && task.attempt == 2 && provider.calls.count == 7)
    }
  }
}
