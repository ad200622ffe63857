import AgentCore
import Testing

@testable import AgentPersistence

@Suite("Recovery after the death of a process")
struct RecoveryTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var isCancelled = false
    var isOverdue = false
    var earlierCrashes = 0
    var open: EffectClass?
    var status: TaskStatus
    var code: String?
    /// After `task.started` and the open step's start.
    var events: [JournalEventType]
  }

  static let cases: [Case] = [
    Case(testDescription: "nothing open: pending", status: .pending, events: [.taskRequeued]),
    Case(
      testDescription: "a pure step open: pending, the step stays open", open: .pure, status: .pending,
      events: [.taskRequeued]),
    Case(testDescription: "an idempotent one: pending", open: .idempotent, status: .pending, events: [.taskRequeued]),
    Case(
      testDescription: "a once one: in doubt, waiting", open: .once, status: .waiting,
      events: [.stepInDoubt, .taskWaiting]),
    Case(
      testDescription: "5 crashes go before doubt", earlierCrashes: 4, open: .once, status: .failed,
      code: "crashed_repeatedly", events: [.stepInDoubt, .taskFailed]),
    Case(
      testDescription: "5 crashes", earlierCrashes: 4, status: .failed, code: "crashed_repeatedly",
      events: [.taskFailed]),
    Case(testDescription: "4 crashes are not 5", earlierCrashes: 3, status: .pending, events: [.taskRequeued]),
    Case(
      testDescription: "the deadline goes before crashes and doubt", isOverdue: true, earlierCrashes: 4, open: .once,
      status: .failed, code: "timeout", events: [.stepInDoubt, .taskFailed]),
    Case(
      testDescription: "a timed-out pure step fails with its task", isOverdue: true, open: .pure, status: .failed,
      code: "timeout", events: [.stepFailed, .taskFailed]),
    Case(
      testDescription: "a cancel goes before all", isCancelled: true, isOverdue: true, earlierCrashes: 4, open: .once,
      status: .cancelled, events: [.stepInDoubt, .taskCancelled]),
    Case(
      testDescription: "an idempotent one that nobody has looked at is in doubt as its task ends", isOverdue: true,
      open: .idempotent, status: .failed, code: "timeout", events: [.stepInDoubt, .taskFailed]),
    Case(
      testDescription: "a cancelled pure step ends failed", isCancelled: true, open: .pure, status: .cancelled,
      events: [.stepFailed, .taskCancelled]),
  ]

  @Test("Outcome", arguments: cases)
  func outcome(_ given: Case) async throws {
    let bench = try await TaskStoreBench()
    let id = try await bench.submit(timeoutSeconds: 100)[0]
    for _ in 0..<given.earlierCrashes {
      #expect(try await bench.claim(quarantine: true).count == 1)
      try await bench.reopen()
      _ = try await bench.store.beginEpoch()
    }
    let claimed = try #require(try await bench.claim(quarantine: true).first)
    #expect(claimed.crashes == given.earlierCrashes)
    if let effect = given.open {
      try await bench.advance(claimed, .start(1, effect, reserved: 40, evidence: ["path": "a"]))
    }
    if given.isCancelled { _ = try await bench.store.cancel(id, by: .local) }
    if given.isOverdue { bench.clock.advance(by: .seconds(100)) }
    let before = try await bench.types(id)
    // The service time of a commit reaches the disk with it.
    _ = try await bench.store.probe()
    try await bench.reopen()
    let report = try await bench.store.beginEpoch()
    let task = try await bench.task(id)
    #expect(task.status == given.status)
    #expect(task.error?.code == given.code)
    #expect(try await bench.types(id) == before + given.events)
    #expect(task.attempt == 1)
    #expect(report.epoch == Int64(given.earlierCrashes + 2))
    #expect([report.requeued, report.waiting, report.failed, report.cancelled].reduce(0, +) == 1)
    let row = try await bench.row(id)
    #expect(row.crashes == Int64(given.earlierCrashes + 1))
    #expect(row.tokensReserved == 0 && row.tokensUsed == (given.open == nil ? 0 : 40))
    try await bench.expectTrueCounters()
    guard given.open == .once else { return }
    let step = try #require(try await bench.steps(id)[1])
    #expect(step.status == .inDoubt && step.evidence == ["path": "a"] && row.inDoubt == 1 && row.openStep == nil)
    #expect(try await bench.code { _ = try await $0.retry(id, from: .lastStep, by: .local) } != nil)
    if given.status == .waiting { #expect(task.waiting == TaskWait(reason: .stepInDoubt, step: 1)) }
  }

  @Test("a step put in doubt by its worker parks the task, though the worker died before it said so")
  func doubtBeforeDeath() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    try await bench.advance(claimed, .start(1, .once), .doubt(1))
    try await bench.reopen()
    #expect(try await bench.store.beginEpoch().waiting == 1)
    #expect(try await bench.task(claimed.task.id).waiting?.step == 1)
  }

  @Test("a crash in a model call books its reservation as used, by estimate")
  func reservation() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    try await bench.advance(claimed, .start(1, kind: .modelCall, reserved: 500))
    try await bench.reopen()
    _ = try await bench.store.beginEpoch()
    let last = try #require(try await bench.store.journal(of: claimed.task.id).last)
    #expect(last.type == .taskRequeued && last.head["reason"] == "crash" && last.actor == .system)
    let settled = try #require(last.head["settled"].flatMap(ModelUsage.init(json:)))
    #expect(settled.totalTokens == 500 && settled.isEstimated)
    #expect(try await bench.task(claimed.task.id).usage.inputTokens == 500)
  }

  @Test("a start puts back more running tasks than it reads at a time, in one commit")
  func many() async throws {
    let bench = try await TaskStoreBench()
    let count = SQLiteTaskStore.recoveryChunk * 2 + 10
    try await bench.submit(count)
    while try await !bench.claim(64).isEmpty {}
    #expect(bench.store.counts().byStatus[.running] == Int64(count))
    try await bench.reopen()
    let commits = bench.file.commitNumber
    #expect(try await bench.store.beginEpoch() == RecoveryReport(epoch: 2, requeued: count))
    #expect(bench.file.commitNumber == commits + 1)
    #expect(bench.store.counts().byStatus == [.pending: Int64(count)])
    try await bench.expectTrueCounters()
  }

  @Test("at 3 crashes a task is claimed only by the lane of its own, and comes back with its next finished step")
  func quarantine() async throws {
    let bench = try await TaskStoreBench()
    let ids = try await bench.submit(2)
    for _ in 0..<3 {
      #expect(try await bench.claim(2).count == 2)
      try await bench.reopen()
      _ = try await bench.store.beginEpoch()
    }
    try await bench.expectTrueCounters()
    #expect(try await bench.claim(5).isEmpty)
    let healthy = try await bench.submit()[0]
    let claimed = try await bench.claim(5, quarantine: true)
    #expect(claimed.map(\.task.id) == [ids[0], healthy])
    #expect(claimed[0].crashes == 3)
    try await bench.advance(claimed[0], .start(1), .finish(1), .requeued(reason: "shutdown"))
    #expect(try await bench.claim(5).map(\.task.id) == [ids[0]])
    try await bench.expectTrueCounters()
  }

  @Test("a retry that was asked for clears the crashes and the deadline")
  func retryClears() async throws {
    let bench = try await TaskStoreBench()
    let id = try await bench.submit(timeoutSeconds: 50)[0]
    for _ in 0..<5 {
      _ = try await bench.claim(quarantine: true)
      try await bench.reopen()
      _ = try await bench.store.beginEpoch()
    }
    #expect(try await bench.task(id).error?.code == "crashed_repeatedly")
    bench.clock.advance(by: .seconds(40))
    let task = try await bench.store.retry(id, from: .lastStep, by: .local)
    #expect(task.attempt == 2 && task.status == .pending && task.error == nil && task.finishedAt == nil)
    let claimed = try #require(try await bench.claim().first)
    #expect(claimed.crashes == 0 && claimed.timeLeft == .seconds(50))
  }
}
