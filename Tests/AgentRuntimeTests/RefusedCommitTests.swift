import AgentConfig
import AgentCore
import AgentPersistence
import AgentRuntime
import AgentTestKit
import Synchronization
import Testing

/// What a worker does whose commits the storage refuses, wholly or in part.
@Suite("Refused commits", .timeLimit(.minutes(4))) struct RefusedCommitTests {
  private static func rig(
    _ probe: ProbeTool, _ provider: ProbeProvider, lost: LostAnswers? = nil, hooks: StoreHooks
  ) async throws -> EngineRig {
    try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["probe"])], script: .turns([]), tools: [probe],
      provider: provider, lostAnswers: lost, hooks: hooks)
  }

  private static let whole: [JournalEventType] = [
    .taskSubmitted, .taskStarted, .stepStarted, .stepFinished, .stepStarted, .stepFinished, .stepStarted,
    .stepFinished, .taskCompleted,
  ]

  /// Refuses the beginning of steps from the second one on, for as long as it is told to.
  private static func refusingStarts(_ isFull: Box<Bool>) -> StoreHooks {
    var hooks = StoreHooks()
    hooks.beforeAdvance = { changes throws(StoreError) in
      let begins = changes.contains { if case .stepStarted(let start) = $0 { start.number > 1 } else { false } }
      if begins, isFull.value == true { throw StoreError(.diskFull, "only the reserve is left") }
    }
    return hooks
  }

  @Test("while only the reserve is left a result is written and nothing new begins")
  func resultAlone() async throws {
    let isFull = Box<Bool>()
    isFull.set(true)
    let probe = ProbeTool("probe", effect: .once, [.answer("sent")])
    let rig = try await Self.rig(
      probe, ProbeProvider([.call("probe"), .text("ok")]), hooks: Self.refusingStarts(isFull))
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      try await rig.advance(until: { try await rig.store.journal(of: id).contains { $0.type == .stepFinished } })
      for _ in 0..<20 {
        rig.clock.advance(by: .milliseconds(250))
        _ = try await rig.store.task(id)
      }
      #expect(probe.count == 0)
      isFull.set(false)
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.store.journal(of: id).map(\.type) == Self.whole)
      #expect(probe.count == 1)
    }
  }

  @Test("a worker that may begin nothing still heeds a cancel")
  func cancelled() async throws {
    let isFull = Box<Bool>()
    isFull.set(true)
    let probe = ProbeTool("probe", effect: .once, [.answer("sent")])
    let rig = try await Self.rig(
      probe, ProbeProvider([.call("probe"), .text("ok")]), hooks: Self.refusingStarts(isFull))
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      try await rig.advance(until: { try await rig.store.journal(of: id).contains { $0.type == .stepFinished } })
      _ = try await rig.tasks.cancel(id, by: .local)
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).status == .cancelled)
      #expect(try await rig.tasks.steps(of: id).map(\.status) == [.finished] && probe.count == 0)
    }
  }

  @Test("a storage that is damaged is asked seldom, and a shutdown does not wait for it")
  func damaged() async throws {
    let isDamaged = Box<Bool>()
    let probe = ProbeTool("probe", effect: .pure, [.answer("x")])
    probe.onPerform { isDamaged.set(true) }
    let counted = OfferCount()
    var hooks = StoreHooks()
    hooks.beforeAdvance = { _ throws(StoreError) in
      guard isDamaged.value == true else { return }
      counted.add()
      throw StoreError(.databaseCorrupt, "damaged")
    }
    let rig = try await Self.rig(probe, ProbeProvider([.call("probe"), .text("ok")]), hooks: hooks)
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      await probe.begun()
      for _ in 0..<40 {
        rig.clock.advance(by: .milliseconds(250))
        for _ in 0..<10 { _ = try await rig.store.task(id) }
      }
      #expect(counted.count <= 4)
      rig.engine.drain()
      for _ in 0..<10 {
        rig.clock.advance(by: .seconds(1))
        for _ in 0..<20 { _ = try await rig.store.task(id) }
      }
      #expect(rig.engine.runningCount == 0)
      isDamaged.set(false)
    }
  }

  @Test("a commit whose outcome cannot be read at first is not offered before it can", arguments: [1, 2])
  func unreadable(step: Int) async throws {
    let lost = LostAnswers { changes in
      if case .stepStarted(let start) = changes.last { start.number == step } else { false }
    }
    let left = Countdown(3)
    var hooks = StoreHooks()
    hooks.beforeJournal = { () throws(StoreError) in
      if lost.count > 0, left.take() { throw StoreError(.storageIOError, "not now") }
    }
    let probe = ProbeTool("probe", effect: .once, [.answer("sent")])
    let rig = try await Self.rig(probe, ProbeProvider([.call("probe"), .text("ok")]), lost: lost, hooks: hooks)
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.store.journal(of: id).map(\.type) == Self.whole)
      #expect(probe.count == 1 && lost.count == 1)
    }
  }

  @Test("a restart in the pause after a failed try gives no try back")
  func boundedCalls() async throws {
    let provider = ProbeProvider([.fail(ProviderError(.providerError, "busy", status: 503))])
    let rig = try await Self.rig(ProbeTool("probe", effect: .pure, [.hang]), provider, hooks: StoreHooks())
    try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.maxAttempts = 1 }
      for round in 1...3 {
        await provider.begun()
        async let isDone: Void = rig.engine.restart("coder")
        try await rig.advance(until: {
          try await rig.store.journal(of: id).count { $0.type == .taskRequeued } >= round
        })
        await isDone
      }
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(provider.calls.count == 4)
    }
  }
}

private final class OfferCount: Sendable {
  private let content = Mutex(0)
  var count: Int { content.withLock { $0 } }
  func add() { content.withLock { $0 += 1 } }
}

/// True so many times.
private final class Countdown: Sendable {
  private let left: Mutex<Int>
  init(_ count: Int) { left = Mutex(count) }
  func take() -> Bool {
    left.withLock { left in
      left -= 1
      return left >= 0
    }
  }
}
