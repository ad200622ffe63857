import AgentCore
import Testing

@testable import AgentPersistence

@Suite("Deadlines and timers")
struct DeadlineTests {
  @Test("a task never started does not time out")
  func neverStarted() async throws {
    let bench = try await TaskStoreBench()
    let id = try await bench.submit(timeoutSeconds: 1)[0]
    bench.clock.advance(by: .seconds(1000))
    #expect(try await bench.store.expireDeadlines(limit: 10).isEmpty)
    #expect(try await bench.task(id).status == .pending)
  }

  @Test("pending and waiting tasks past their deadline fail, running ones are named, however many those are")
  func expire() async throws {
    let bench = try await TaskStoreBench()
    let pending = try await bench.running(timeoutSeconds: 10)
    try await bench.advance(pending, .start(1), .requeued(reason: "shutdown"))
    let again = try #require(try await bench.claim().first)
    let late = bench.clock.now().adding(.seconds(500))
    try await bench.advance(again, .retrying(Failure(code: "e", detail: ""), after: .seconds(500)))
    let waiting = try await bench.running(timeoutSeconds: 10)
    try await bench.advance(waiting, .waiting(TaskWait(reason: .timer, until: late)))
    let running = try await bench.running(timeoutSeconds: 5)
    #expect(try await bench.store.expireDeadlines(limit: 10).isEmpty)
    bench.clock.advance(by: .seconds(10))
    #expect(try await bench.store.expireDeadlines(limit: 1) == [running.task.id])
    #expect(try await bench.store.expireDeadlines(limit: 1) == [running.task.id])
    for id in [pending.task.id, waiting.task.id] {
      let task = try await bench.task(id)
      #expect(task.status == .failed && task.error?.code == "timeout" && task.runAfter == nil && task.waiting == nil)
    }
    #expect(try await bench.task(running.task.id).status == .running)
    #expect(try await bench.steps(pending.task.id)[1]?.status == .failed)
    #expect(try await bench.store.promoteDue(limit: 10) == 0)
    try await bench.expectTrueCounters()
  }

  @Test(
    "waiting for a person stops the deadline; a timer and a provider's limit do not", arguments: WaitReason.allCases)
  func waits(_ reason: WaitReason) async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running(timeoutSeconds: 100)
    bench.clock.advance(by: .seconds(30))
    if reason == .stepInDoubt { try await bench.advance(claimed, .start(1, .once), .doubt(1)) }
    let until = reason.isForPerson ? nil : bench.clock.now().adding(.seconds(50))
    try await bench.advance(claimed, .waiting(TaskWait(reason: reason, until: until, step: 1)))
    #expect(try await bench.task(claimed.task.id).waiting == TaskWait(reason: reason, until: until, step: 1))
    bench.clock.advance(by: .seconds(50))
    let id = claimed.task.id
    switch reason {
    case .timer, .providerLimit: #expect(try await bench.store.promoteDue(limit: 5) == 1)
    case .restored: _ = try await bench.store.resume(id, by: .local)
    case .stepInDoubt: _ = try await bench.store.resolve(id, step: 1, as: .retry, by: .local)
    case .approval:
      // Nothing ends an approval yet but a cancel.
      bench.clock.advance(by: .seconds(1000))
      #expect(try await bench.store.expireDeadlines(limit: 5).isEmpty)
      return
    }
    let again = try #require(try await bench.claim().first)
    #expect(again.timeLeft == .seconds(reason.isForPerson ? 70 : 20))
    #expect(try await bench.types(id).suffix(2) == [.taskResumed, .taskStarted])
  }

  @Test("time that a task rested is no running time, and no more of it than there was", arguments: [(8, 2), (50, 0)])
  func rested(rest: Int, used: Int) async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    bench.clock.advance(by: .seconds(10))
    try await bench.advance(claimed, .rested(.seconds(rest)), .requeued(reason: "shutdown"))
    #expect(try #require(try await bench.claim().first).wallTimeUsed == .seconds(used))
    #expect(try await bench.types(claimed.task.id).suffix(2) == [.taskRequeued, .taskStarted])
  }

  @Test("a hastened wait for a provider is due at once; other waits, other states and gone tasks are passed over")
  func hasten() async throws {
    let bench = try await TaskStoreBench()
    let until = bench.clock.now().adding(.seconds(500))
    var ids: [TaskID] = [TaskID(number: 99)]
    for reason in [WaitReason.providerLimit, .timer, .approval] {
      let claimed = try await bench.running()
      try await bench.advance(claimed, .waiting(TaskWait(reason: reason, until: until)))
      ids.append(claimed.task.id)
    }
    ids.append(try await bench.running().task.id)
    #expect(try await bench.store.hasten([]) == 0)
    #expect(try await bench.store.hasten(ids) == 1)
    #expect(try await bench.task(ids[1]).waiting?.until == bench.clock.now())
    #expect(try await bench.types(ids[1]).last == .taskWaiting)
    #expect(try await bench.store.promoteDue(limit: 10) == 1)
    #expect(try await bench.task(ids[1]).status == .pending)
    #expect(try await bench.task(ids[2]).waiting?.until == until)
    // Nothing to bring forward any more.
    #expect(try await bench.store.hasten(ids) == 0)
    try await bench.expectTrueCounters()
  }

  @Test("a start makes waits for a turn at a provider due, however many, and no others")
  func limitedAtStart() async throws {
    let bench = try await TaskStoreBench()
    let until = bench.clock.now().adding(.seconds(500))
    let refused = try await bench.running()
    try await bench.advance(refused, .start(1, kind: .modelCall))
    try await bench.advance(refused, .waiting(TaskWait(reason: .providerLimit, until: until, step: 1)))
    var ids = [refused.task.id]
    // More than recovery reads at a time.
    for reason in [WaitReason.timer, .approval] + Array(repeating: .providerLimit, count: 300) {
      let claimed = try await bench.running()
      try await bench.advance(claimed, .waiting(TaskWait(reason: reason, until: until)))
      ids.append(claimed.task.id)
    }
    try await bench.reopen()
    let now = bench.clock.now()
    _ = try await bench.store.beginEpoch()
    for (index, id) in ids.enumerated() {
      #expect(try await bench.task(id).waiting?.until == (index < 3 ? until : now))
    }
    #expect(try await bench.store.promoteDue(limit: 500) == 300)
    #expect(try await bench.task(ids[0]).waiting?.until == until)
    try await bench.expectTrueCounters()
  }

  @Test("a wait that ends after the deadline ends failed")
  func overdueWait() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running(timeoutSeconds: 10)
    try await bench.advance(
      claimed, .waiting(TaskWait(reason: .timer, until: bench.clock.now().adding(.seconds(20)))))
    bench.clock.advance(by: .seconds(20))
    #expect(try await bench.store.promoteDue(limit: 5) == 1)
    #expect(try await bench.task(claimed.task.id).error?.code == "timeout")
    try await bench.expectTrueCounters()
  }

  @Test("no more timers end at once than asked for, the earliest first")
  func limit() async throws {
    let bench = try await TaskStoreBench()
    var ids: [TaskID] = []
    for seconds in [3, 1, 2] {
      let claimed = try await bench.running()
      let until = bench.clock.now().adding(.seconds(seconds))
      try await bench.advance(claimed, .waiting(TaskWait(reason: .timer, until: until)))
      ids.append(claimed.task.id)
    }
    bench.clock.advance(by: .seconds(10))
    #expect(try await bench.store.promoteDue(limit: 2) == 2)
    #expect(try await bench.task(ids[0]).status == .waiting)
    #expect(try await bench.task(ids[1]).status == .pending)
    #expect(try await bench.task(ids[2]).status == .pending)
  }

  @Test("looks at timers, deadlines and the queue write nothing when there is nothing to do")
  func idleLooks() async throws {
    let bench = try await TaskStoreBench()
    let disabled = try await bench.submit(agent: "writer")[0]
    _ = try await bench.store.setDisabled(true, agent: "writer", by: .local)
    let claimed = try await bench.running()
    try await bench.advance(claimed, .waiting(TaskWait(reason: .timer, until: bench.clock.now().adding(.seconds(60)))))
    _ = bench.notices.take()
    for _ in 0..<20 {
      bench.clock.advance(by: .milliseconds(250))
      #expect(try await bench.store.promoteDue(limit: 5) == 0)
      #expect(try await bench.store.expireDeadlines(limit: 5).isEmpty)
      #expect(
        try await bench.claim(agents: [TaskStoreBench.agent, TaskStoreBench.otherAgent], quarantine: true).isEmpty)
    }
    #expect(bench.notices.take().isEmpty)
    #expect(try await bench.task(disabled).status == .pending)
  }

  @Test("while a task runs, its service time is kept once a second, so that a crash forgets no more")
  func serviceTimeKept() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running(timeoutSeconds: 10)
    for _ in 0..<32 {
      bench.clock.advance(by: .milliseconds(250))
      _ = try await bench.store.expireDeadlines(limit: 5)
    }
    bench.clock.advance(by: .milliseconds(900))
    try await bench.reopen()
    _ = try await bench.store.beginEpoch()
    let again = try #require(try await bench.claim().first)
    #expect(again.task.id == claimed.task.id)
    #expect(again.timeLeft <= .seconds(3) && again.timeLeft >= .seconds(1))
  }
}
