import AgentCore
import Testing

@testable import AgentPersistence

@Suite("Steps and what they use")
struct StepTests {
  private let usage = ModelUsage(inputTokens: 30, outputTokens: 12, cost: NanoUSD(7))

  @Test("a later try settles the one before in its own commit, and the end settles the last")
  func tries() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    try await bench.advance(claimed, .start(1, kind: .modelCall, reserved: 100))
    #expect(try await bench.row(claimed.task.id).tokensReserved == 100)
    try await bench.advance(claimed, .start(1, kind: .modelCall, attempt: 2, reserved: 80, settling: usage))
    var row = try await bench.row(claimed.task.id)
    #expect(row.tokensReserved == 80 && row.tokensUsed == 42 && row.nanoUSDUsed == 7 && row.modelCalls == 2)
    #expect(row.lastStep == 1 && row.openStep == 1)
    try await bench.advance(claimed, .finish(1, usage: usage), .start(2, .once))
    row = try await bench.row(claimed.task.id)
    #expect(row.tokensReserved == 0 && row.tokensUsed == 84 && row.lastStep == 2 && row.toolCalls == 1)
    #expect(row.openStep == 2 && row.openEffect == .once)
    let history = try await bench.steps(claimed.task.id)
    #expect(history[1]?.attempt == 2 && history[1]?.input == ["n": 1] && history[1]?.status == .finished)
    #expect(history[1]?.resultHash == "r1" && history[1]?.inputHash == "hash-1" && history[2]?.effect == .once)
    let later = try await bench.store.journal(of: claimed.task.id).filter { $0.type == .stepStarted }[1]
    #expect(later.head["settled"] == usage.json && later.head["reserved"] == 80 && later.body == nil)
  }

  @Test("what a model called a tool is kept whatever it is", arguments: ["q\u{0}", "\u{0}", "", "a\u{FFFF}\u{1B}[2J"])
  func toolNames(name: String) async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    let start = StepStart(
      number: 1, kind: .toolCall, name: name, effect: .pure, attempt: 1, input: [:], inputHash: "h")
    try await bench.advance(claimed, .stepStarted(start), .finish(1))
    #expect(try await bench.steps(claimed.task.id)[1]?.name == name)
    #expect(try await bench.store.journal(of: claimed.task.id).first { $0.step == 1 }?.head["name"] == .string(name))
  }

  @Test("a failed try uses nothing unless it says so")
  func failedStep() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    let failure = Failure(code: "provider_error", detail: "500")
    try await bench.advance(
      claimed, .start(1, kind: .modelCall, reserved: 100),
      .stepEnded(StepEnd(number: 1, outcome: .failed(failure, output: ["seen": true]))))
    let row = try await bench.row(claimed.task.id)
    #expect(row.tokensReserved == 0 && row.tokensUsed == 0 && row.openStep == nil)
    let step = try #require(try await bench.steps(claimed.task.id)[1])
    #expect(step.status == .failed && step.error == failure && step.output == ["seen": true])
  }

  @Test("what is still reserved is booked when a task leaves running, and given back when it waits")
  func leaving() async throws {
    let bench = try await TaskStoreBench()
    let leaving: [(TaskChange, Int64)] = [
      (.requeued(reason: "shutdown"), 100), (.broken, 100), (.done, 100),
      (.retrying(Failure(code: "e", detail: ""), after: .seconds(99)), 100),
      (.waiting(TaskWait(reason: .providerLimit, until: bench.clock.now().adding(.seconds(9)))), 0),
    ]
    for (change, used) in leaving {
      let claimed = try await bench.running()
      try await bench.advance(claimed, .start(1, kind: .modelCall, reserved: 100))
      try await bench.advance(claimed, change)
      let row = try await bench.row(claimed.task.id)
      #expect(row.tokensReserved == 0 && row.tokensUsed == used, "\(change)")
      let last = try #require(try await bench.store.journal(of: claimed.task.id).last)
      #expect((last.head["settled"] != nil) == (used > 0), "\(change)")
      _ = try? await bench.store.cancel(claimed.task.id, by: .local)  // So that the next claim is the next task's.
    }
  }

  @Test("the same call in doubt, once its worker lives: the task waits, however the worker wanted to go on")
  func doubtKeepsFromGoingOn() async throws {
    let bench = try await TaskStoreBench()
    let onward: [TaskChange] = [
      .requeued(reason: "shutdown"), .retrying(Failure(code: "e", detail: ""), after: .zero),
    ]
    for change in onward {
      let claimed = try await bench.running()
      let result = try await bench.advance(claimed, .start(1, .once), .doubt(1), change)
      #expect(result.status == .waiting)
      #expect(try await bench.task(claimed.task.id).waiting == TaskWait(reason: .stepInDoubt, step: 1))
    }
    for (change, status) in [(TaskChange.broken, TaskStatus.failed), (.cancelled, .cancelled)] {
      let claimed = try await bench.running()
      #expect(try await bench.advance(claimed, .start(1, .once), .doubt(1), change).status == status)
      #expect(
        try await bench.code { _ = try await $0.retry(claimed.task.id, from: .lastStep, by: .local) } == .stepInDoubt)
    }
  }

  @Test("the last attempt is not followed by another")
  func lastAttempt() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running(maxAttempts: 1)
    let failure = Failure(code: "provider_error", detail: "500")
    let result = try await bench.advance(claimed, .retrying(failure, after: .zero))
    #expect(result.status == .failed)
    let task = try await bench.task(claimed.task.id)
    #expect(task.error == failure && task.attempt == 1)
  }

  @Test("time spent running counts towards the wall time of the attempt, service time alone")
  func wallTime() async throws {
    let bench = try await TaskStoreBench()
    var claimed = try await bench.running()
    bench.clock.advance(by: .seconds(7))
    try await bench.advance(claimed, .start(1), .requeued(reason: "shutdown"))
    bench.clock.advance(by: .seconds(100))
    await bench.file.close()
    bench.clock.jump(to: bench.clock.now().adding(.seconds(9999)))
    try await bench.reopen()
    claimed = try #require(try await bench.claim().first)
    #expect(claimed.wallTimeUsed == .seconds(7) && claimed.hasSteps)
    #expect(claimed.timeLeft >= .seconds(3600 - 107) && claimed.timeLeft < .seconds(3600))
    bench.clock.advance(by: .seconds(3))
    try await bench.advance(claimed, .retrying(Failure(code: "e", detail: ""), after: .zero))
    _ = try await bench.store.promoteDue(limit: 1)
    #expect(try await bench.claim().first?.wallTimeUsed == .zero)
  }
}

@Suite("What a worker asks for and does not get")
struct OvertakenChangeTests {
  @Test("a task put back after its deadline ends failed, its open step with it")
  func overdueRequeue() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running(timeoutSeconds: 10)
    bench.clock.advance(by: .seconds(10))
    let result = try await bench.advance(claimed, .start(1), .requeued(reason: "shutdown"))
    #expect(result.status == .failed)
    #expect(result.entries.map(\.type) == [.stepStarted, .stepFailed, .taskFailed])
    #expect(try await bench.task(claimed.task.id).error?.code == "timeout")
    #expect(try await bench.steps(claimed.task.id)[1]?.status == .failed)
    #expect(try await bench.row(claimed.task.id).openStep == nil)
  }

  @Test("a wait for a step that somebody has settled meanwhile is none")
  func settledMeanwhile() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    try await bench.advance(claimed, .start(1, .once), .doubt(1))
    let settled = try await bench.store.resolve(claimed.task.id, step: 1, as: .retry, by: .local)
    #expect(settled.status == .running)
    let result = try await bench.advance(claimed, .waiting(TaskWait(reason: .stepInDoubt, step: 1)))
    #expect(result.status == .pending)
    #expect(try await bench.claim().map(\.task.id) == [claimed.task.id])
  }
}
