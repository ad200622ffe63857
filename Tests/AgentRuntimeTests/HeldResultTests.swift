import AgentConfig
import AgentCore
import AgentPersistence
import AgentRuntime
import AgentTestKit
import Synchronization
import Testing

/// A worker whose result the storage does not take.
@Suite("A result that cannot be written", .timeLimit(.minutes(4))) struct HeldResultTests {
  @Test(
    "is held and offered again, and nothing else is started meanwhile",
    arguments: [CommitFault.ioError, CommitFault.full])
  func held(code: Int32) async throws {
    let probe = ProbeTool("probe", effect: .once, [.answer("sent")])
    let provider = ProbeProvider([.call("probe"), .text("ok")])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["probe"])], script: .turns([]), tools: [probe],
      provider: provider)
    probe.onPerform { rig.commitFault.set(code) }
    try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.timeoutSeconds = 604_800 }
      await probe.begun()
      for _ in 0..<20 {
        rig.clock.advance(by: .milliseconds(500))
        _ = try await rig.store.task(id)
      }
      #expect(provider.calls.count == 1 && probe.count == 1)
      #expect(try await rig.tasks.task(id).status == .running)
      rig.commitFault.set(0)
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).status == .completed)
      #expect(probe.count == 1 && provider.calls.count == 2)
      #expect(try await rig.tasks.steps(of: id).map(\.status) == [.finished, .finished, .finished])
    }
  }

  @Test("the log says so once when it begins, then once a minute, and once when the result was written after all")
  func logged() async throws {
    let (probe, log) = (ProbeTool("probe", effect: .once, [.answer("sent")]), RecordedLog())
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["probe"])],
      script: .turns([.call("probe"), .text("ok")]), tools: [probe], log: log)
    probe.onPerform { rig.commitFault.set(CommitFault.full) }
    try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.timeoutSeconds = 604_800 }
      await probe.begun()
      try await rig.advance(until: { log.lines("worker").count == 1 })
      let start = rig.clock.uptime()
      try await rig.advance(until: { log.lines("worker").count == 2 })
      #expect(rig.clock.uptime() - start >= .seconds(58))
      #expect(log.lines("dispatcher").count <= 2)
      rig.commitFault.set(0)
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      let refused = "warning a result could not be written yet"
      #expect(log.lines("worker") == [refused, refused, "info the result was written after all"])
    }
  }

  enum Moment: String, CaseIterable { case firstStart, modelEnd, toolStart, completion }

  @Test("a commit that is on disk although its answer failed is adopted, not doubled", arguments: Moment.allCases)
  func adopted(moment: Moment) async throws {
    let lost = LostAnswers { changes in
      switch (moment, changes.first, changes.last) {
      // What the wait for leave took may stand before it.
      case (.firstStart, _, .stepStarted(let start)): start.number == 1
      case (.modelEnd, .stepEnded(let end), _): end.number == 1
      case (.toolStart, _, .stepStarted(let start)): start.number == 2
      case (.completion, _, .completed): true
      default: false
      }
    }
    let probe = ProbeTool("probe", effect: .once, [.answer("sent")])
    let provider = ProbeProvider([.call("probe"), .text("ok")])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["probe"])], script: .turns([]), tools: [probe],
      provider: provider, lostAnswers: lost)
    try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.timeoutSeconds = 604_800 }
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(lost.count == 1)
      #expect(probe.count == 1 && provider.calls.count == 2)
      let journal = try await rig.store.journal(of: id)
      #expect(journal.map(\.taskSequence) == (1...Int64(journal.count)).map { $0 })
      #expect(
        journal.map(\.type) == [
          .taskSubmitted, .taskStarted, .stepStarted, .stepFinished, .stepStarted, .stepFinished, .stepStarted,
          .stepFinished, .taskCompleted,
        ])
    }
  }

  @Test("a first commit that failed for good is written before the model is asked")
  func firstCommitFails() async throws {
    let provider = ProbeProvider([.text("ok")])
    let fault = FaultAfterClaim()
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent()], script: .turns([]), provider: provider,
      onCommit: { fault.committed($0) })
    fault.set(rig.commitFault)
    try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.timeoutSeconds = 604_800 }
      // Before the claim there is no fault to lift, and a later one would stay for ever.
      try await rig.advance(until: { rig.commitFault.next() != 0 })
      for _ in 0..<20 {
        rig.clock.advance(by: .milliseconds(500))
        _ = try await rig.store.task(id)
      }
      #expect(provider.calls.isEmpty)
      rig.commitFault.set(0)
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).status == .completed)
      #expect(try await rig.tasks.steps(of: id).map(\.status) == [.finished])
    }
  }
}

/// Keeps what was logged at `info` and above.
final class RecordedLog: ServiceLog {
  private let records = Mutex<[(component: String, line: String)]>([])

  func lines(_ component: String) -> [String] {
    records.withLock { $0.filter { $0.component == component }.map(\.line) }
  }

  func record(
    _ level: LogLevel, _ component: String, _ message: String, _ fields: KeyValuePairs<String, String>
  ) {
    guard level != .debug else { return }
    records.withLock { $0.append((component, "\(level.rawValue) \(message)")) }
  }
}
