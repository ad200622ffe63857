import AgentCore
import Testing

@testable import AgentPersistence

/// What goes before a worker's wish, at each way out of `running` that it asks for.
@Suite("Which outcome goes first, whatever a worker asks for")
struct OvertakenWishTests {
  private let nothing = ModelUsage(inputTokens: 0, outputTokens: 0)

  @Test("a deadline that has passed goes before a wait: no person is asked, and the step stays in doubt")
  func overdueDoubt() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running(timeoutSeconds: 10)
    try await bench.advance(claimed, .start(1, .once))
    bench.clock.advance(by: .seconds(10))
    let result = try await bench.advance(
      claimed, .doubt(1), .waiting(TaskWait(reason: .stepInDoubt, step: 1)))
    #expect(result.status == .failed)
    #expect(try await bench.task(claimed.task.id).error?.code == "timeout")
    #expect(try await bench.steps(claimed.task.id)[1]?.status == .inDoubt)
    #expect(
      try await bench.code { _ = try await $0.retry(claimed.task.id, from: .lastStep, by: .local) } == .stepInDoubt)
    try await bench.expectTrueCounters()
  }

  @Test("and before a wait for a provider, whose open step fails with it")
  func overdueWait() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running(timeoutSeconds: 10)
    try await bench.advance(claimed, .start(1, kind: .modelCall, reserved: 100))
    bench.clock.advance(by: .seconds(10))
    let until = bench.clock.now().adding(.seconds(5))
    let result = try await bench.advance(claimed, .waiting(TaskWait(reason: .providerLimit, until: until, step: 1)))
    #expect(result.entries.map(\.type) == [.stepFailed, .taskFailed])
    #expect(try await bench.row(claimed.task.id).tokensUsed == 0)
  }

  @Test("an overdue task that is put back pays what its last try used, and not all that was set aside")
  func overdueSettlement() async throws {
    let bench = try await TaskStoreBench()
    for (usage, tokens) in [(nothing, 0), (ModelUsage(inputTokens: 3, outputTokens: 4), 7), (nil, 100)] {
      let claimed = try await bench.running(timeoutSeconds: 10)
      try await bench.advance(claimed, .start(1, kind: .modelCall, reserved: 100))
      bench.clock.advance(by: .seconds(10))
      #expect(try await bench.advance(claimed, .requeued(reason: "shutdown", settling: usage)).status == .failed)
      let row = try await bench.row(claimed.task.id)
      #expect(row.tokensUsed == tokens && row.tokensReserved == 0)
      // The journal says as much: what it books is what the task has used.
      let booked = try await bench.store.journal(of: claimed.task.id).flatMap { entry in
        ["usage", "settled"].compactMap { entry.head[$0].flatMap(ModelUsage.init(json:))?.totalTokens }
      }
      #expect(booked.reduce(0, +) == tokens)
    }
  }

  @Test("a stored cancel ends the step that a worker leaves open, however it wants to go on")
  func cancelled() async throws {
    let bench = try await TaskStoreBench()
    let failure = Failure(code: "e", detail: "")
    let now = bench.clock.now()
    for change in [
      TaskChange.waiting(TaskWait(reason: .providerLimit, until: now, step: 1), settling: nothing),
      .requeued(reason: "shutdown", settling: nothing), .retrying(failure, after: .zero), .failed(failure), .cancelled,
    ] {
      let claimed = try await bench.running()
      try await bench.advance(claimed, .start(1, kind: .modelCall, reserved: 100))
      _ = try await bench.store.cancel(claimed.task.id, by: .local)
      #expect(try await bench.advance(claimed, change).status == .cancelled)
      let step = try #require(try await bench.steps(claimed.task.id)[1])
      #expect(step.status == .failed, "\(change)")
      #expect(try await bench.row(claimed.task.id).openStep == nil)
    }
    try await bench.expectTrueCounters()
  }
}

@Suite("A step that a person wants tried again")
struct WantedAgainTests {
  /// A task whose step 1 was in doubt and shall be tried again, not claimed yet.
  private func wanted(_ bench: TaskStoreBench) async throws -> TaskID {
    let claimed = try await bench.running(timeoutSeconds: 100)
    try await bench.advance(claimed, .start(1, .once), .doubt(1), .waiting(TaskWait(reason: .stepInDoubt, step: 1)))
    _ = try await bench.store.resolve(claimed.task.id, step: 1, as: .retry, by: .local)
    return claimed.task.id
  }

  enum End: CaseIterable { case cancel, deadline, workersCancel, workersDeadline }

  @Test("is in doubt again when its task ends before the next try: nothing repeats it unasked", arguments: End.allCases)
  func ended(end: End) async throws {
    let bench = try await TaskStoreBench()
    let id = try await wanted(bench)
    switch end {
    case .cancel: _ = try await bench.store.cancel(id, by: .local)
    case .deadline:
      bench.clock.advance(by: .seconds(100))
      _ = try await bench.store.expireDeadlines(limit: 5)
    case .workersCancel:
      let claimed = try #require(try await bench.claim().first)
      _ = try await bench.store.cancel(id, by: .local)
      try await bench.advance(claimed, .cancelled)
    case .workersDeadline:
      let claimed = try #require(try await bench.claim().first)
      try await bench.advance(claimed, .failed(Failure(code: "timeout", detail: "")))
    }
    #expect(try await bench.task(id).status.isTerminal)
    #expect(try await bench.steps(id)[1]?.status == .inDoubt)
    #expect(try await bench.code { _ = try await $0.retry(id, from: .lastStep, by: .local) } == .stepInDoubt)
    #expect(try await bench.code { _ = try await $0.resolve(id, step: 1, as: .retry, by: .local) } == .taskFinished)
    _ = try await bench.store.resolve(id, step: 1, as: .finished(output: "sent", resultHash: "h"), by: .local)
    #expect(try await bench.steps(id)[1]?.status == .finished)
    #expect(try await bench.store.retry(id, from: .lastStep, by: .local).status == .pending)
    try await bench.expectTrueCounters()
  }

  @Test("still is after a crash that came before the next try, and not once the next try has begun")
  func crashed() async throws {
    let bench = try await TaskStoreBench()
    let id = try await wanted(bench)
    _ = try #require(try await bench.claim().first)
    try await bench.reopen()
    #expect(try await bench.store.beginEpoch().requeued == 1)
    let claimed = try #require(try await bench.claim().first)
    try await bench.advance(claimed, .start(1, .once, attempt: 2))
    try await bench.reopen()
    #expect(try await bench.store.beginEpoch().waiting == 1)
    #expect(try await bench.task(id).waiting == TaskWait(reason: .stepInDoubt, step: 1))
  }
}

@Suite("A step's rows")
struct StepOrderTests {
  @Test("a step that is not open does not end, one that is open does not begin again by the same try")
  func refused() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    func refusal(_ changes: TaskChange...) async throws -> StoreError.Code? {
      try await bench.code { _ = try await $0.advance(claimed.claim, changes) }
    }
    #expect(try await refusal(.finish(1)) == .claimLost)
    try await bench.advance(claimed, .start(1))
    #expect(try await refusal(.start(1)) == .claimLost)
    #expect(try await refusal(.start(2)) == .claimLost)
    try await bench.advance(claimed, .start(1, attempt: 2))
    #expect(try await refusal(.start(1, attempt: 2)) == .claimLost)
    try await bench.advance(claimed, .finish(1))
    #expect(try await refusal(.finish(1)) == .claimLost)
    #expect(try await refusal(.start(1)) == .claimLost)
    #expect(try await refusal(.start(1, attempt: 3)) == .claimLost)
    try await bench.advance(claimed, .start(2), .finish(2), .done)
    #expect(try await bench.steps(claimed.task.id).steps.map(\.status) == [.finished, .finished])
  }
}
