import AgentCore
import AgentPersistence
import AgentRuntime
import AgentTestKit
import Testing

/// What a worker does with what could not be read back, and where it cannot read.
@Suite("Unreadable journals", .timeLimit(.minutes(4))) struct UnreadableJournalTests {
  private static func nested(_ levels: Int) -> JSONValue {
    (1..<levels).reduce(JSONValue.array([])) { inner, _ in .array([inner]) }
  }

  private static func reply(_ levels: Int, calls: [ToolCall] = []) -> ProbeProvider.Behaviour {
    let origin = ReplyOrigin(provider: "sandbox", model: "m", message: ["x": nested(levels)], envelope: [:])
    return .reply(
      ModelReply(
        text: "said", calls: calls, finish: calls.isEmpty ? .stop : .toolCalls,
        usage: ModelUsage(inputTokens: 20, outputTokens: 10), model: "m", origin: origin))
  }

  @Test(
    "a reply too deep to be read back is not stored: step and task fail with the reason, and their pages can be read",
    arguments: [true, false])
  func deepReply(isLast: Bool) async throws {
    let calls = isLast ? [] : [ToolCall(id: "c", name: "no.such", arguments: [:])]
    let provider = ProbeProvider([Self.reply(JSONValue.maximumStoredDepth, calls: calls), .text("no")])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent()], script: .turns([]), provider: provider)
    try await rig.run { rig in
      let task = try await rig.ended(try await rig.submit("coder"))
      #expect(task.status == .failed && task.error?.code == "json_too_deep" && provider.calls.count == 1)
      let step = try #require(try await rig.tasks.steps(of: task.id).first)
      #expect(step.status == .failed && step.error?.code == "json_too_deep" && step.output == nil)
      #expect(step.usage?.totalTokens == 30)
      #expect(try await rig.store.events(after: 0, of: nil, limit: 100).page.entries.last?.type == .taskFailed)
      // The worker is free for the next.
      #expect(try await rig.ended(try await rig.submit("coder")).status == .completed)
    }
  }

  @Test("as deep as may be stored is stored")
  func deepest() async throws {
    // Around it lie the row's `output`, its `origin`, and the message's member.
    let provider = ProbeProvider([Self.reply(JSONValue.maximumStoredDepth - 3)])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent()], script: .turns([]), provider: provider)
    try await rig.run { rig in
      let task = try await rig.ended(try await rig.submit("coder"))
      #expect(task.status == .completed)
      #expect(try await rig.tasks.steps(of: task.id).first?.output?["origin"]?["message"]?["x"] != nil)
    }
  }

  enum End: CaseIterable { case cancel, deadline, restart }

  @Test(
    "a worker that cannot read its task's journal heeds a cancel, the deadline and a restart", arguments: End.allCases)
  func unreadable(end: End) async throws {
    let isDamaged = Box<Bool>()
    let tried = Wakeup()
    var hooks = StoreHooks()
    hooks.beforeJournal = { () throws(StoreError) in
      guard isDamaged.value == true else { return }
      tried.wake()
      throw StoreError(.databaseCorrupt, "a row cannot be read")
    }
    let limited = ProviderError(.rateLimited, "slow down", status: 429, retryAfter: .seconds(30))
    let provider = ProbeProvider([.fail(limited), .text("done")])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent()], script: .turns([]), provider: provider, hooks: hooks)
    try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.timeoutSeconds = 120 }
      _ = try await rig.task(id, when: [.waiting])
      isDamaged.set(true)
      try await rig.advance(until: { try await rig.tasks.task(id).status == .running })
      await tried.wait()
      switch end {
      case .cancel:
        // At once: the pause itself is five seconds.
        _ = try await rig.tasks.cancel(id, by: .local)
        #expect(try await rig.ended(id).status == .cancelled)
      case .deadline:
        try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
        #expect(try await rig.tasks.task(id).error?.code == "timeout")
      case .restart:
        async let isDone: Void = rig.engine.restart("coder")
        try await rig.advance(until: {
          try await rig.store.journal(of: id).contains { $0.type == .taskRequeued }
        })
        isDamaged.set(false)
        try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
        await isDone
        #expect(try await rig.tasks.task(id).status == .completed)
      }
      #expect(try await rig.tasks.steps(of: id).map(\.status) == [end == .restart ? .finished : .failed])
      isDamaged.set(false)
    }
  }
}
