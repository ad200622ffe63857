import AgentCore
import Testing

@testable import AgentPersistence

/// `resolve`, whatever state the task of the step in doubt is in.
@Suite("A step in doubt is settled")
struct ResolveTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var given: Given
    var action: StepResolution
    /// Of the task; nil: refused.
    var status: TaskStatus?
    var step: StepStatus
    var testDescription: String { "\(given), \(action)" }

    init(_ given: Given, _ action: StepResolution, _ status: TaskStatus?, _ step: StepStatus) {
      (self.given, self.action, self.status, self.step) = (given, action, status, step)
    }
  }
  enum Given: CaseIterable { case running, waiting, restored, failed, cancelled, completed }

  private static let finished = StepResolution.finished(output: ["sent": true], resultHash: "h")

  static let cases: [Case] = [
    Case(.running, finished, .running, .finished), Case(.running, .retry, .running, .inDoubt),
    Case(.running, .fail, .running, .failed),
    Case(.waiting, finished, .pending, .finished), Case(.waiting, .retry, .pending, .inDoubt),
    Case(.waiting, .fail, .failed, .failed),
    // It goes on waiting for what it waits for.
    Case(.restored, finished, .waiting, .finished), Case(.restored, .retry, .waiting, .inDoubt),
    Case(.restored, .fail, .failed, .failed),
    Case(.failed, finished, .failed, .finished), Case(.failed, .retry, nil, .inDoubt),
    Case(.failed, .fail, .failed, .failed),
    Case(.cancelled, finished, .cancelled, .finished), Case(.cancelled, .retry, nil, .inDoubt),
    Case(.cancelled, .fail, .cancelled, .failed),
    Case(.completed, finished, .completed, .finished), Case(.completed, .retry, nil, .inDoubt),
    Case(.completed, .fail, .completed, .failed),
  ]

  private func doubtful(_ given: Given, _ bench: TaskStoreBench) async throws -> TaskID {
    let claimed = try await bench.running()
    let leaving: [TaskChange] =
      switch given {
      case .running: []
      case .waiting: [.waiting(TaskWait(reason: .stepInDoubt, step: 1))]
      case .restored: [.waiting(TaskWait(reason: .restored))]
      case .failed: [.broken]
      case .cancelled: [.cancelled]
      case .completed: [.done]
      }
    _ = try await bench.store.advance(claimed.claim, [.start(1, .once), .doubt(1)] + leaving)
    return claimed.task.id
  }

  @Test("by each action, in each state of its task", arguments: cases)
  func table(_ given: Case) async throws {
    let bench = try await TaskStoreBench()
    let id = try await doubtful(given.given, bench)
    let before = try await bench.task(id)
    // Until it is settled the task does not go again.
    let refusal = try await bench.code { _ = try await $0.retry(id, from: .lastStep, by: .local) }
    let canBeRetried = [.failed, .cancelled].contains(before.status)
    #expect(refusal == (canBeRetried ? .stepInDoubt : .taskNotRetryable))
    let code = try await bench.code { _ = try await $0.resolve(id, step: 1, as: given.action, by: .local) }
    #expect(code == (given.status == nil ? .taskFinished : nil))
    let task = try await bench.task(id)
    #expect(task.status == given.status ?? before.status)
    #expect(try await bench.steps(id)[1]?.status == given.step)
    #expect(try await bench.row(id).inDoubt == (given.status == nil ? 1 : 0))
    guard given.status != nil, canBeRetried else { return }
    #expect(task.error == before.error && task.finishedAt == before.finishedAt)
    #expect(try await bench.types(id).last == .stepResolved)
    #expect(try await bench.store.retry(id, from: .lastStep, by: .local).status == .pending)
  }

  @Test("a step that does not exist is not found, one that is not in doubt is refused")
  func whichStep() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    try await bench.advance(claimed, .start(1), .finish(1), .start(2, .once), .doubt(2))
    let expected: [Int: StoreError.Code] = [-1: .notFound, 0: .notFound, 1: .stepNotInDoubt, 3: .notFound]
    for (step, wanted) in expected {
      let code = try await bench.code { _ = try await $0.resolve(claimed.task.id, step: step, as: .fail, by: .local) }
      #expect(code == wanted, "step \(step)")
    }
  }

  @Test("a once step put back unsent leaves no doubt until its next try, however its task ends")
  func unsent() async throws {
    for isUnsent in [true, false] {
      let bench = try await TaskStoreBench()
      let back = TaskChange.requeued(reason: "shutdown", isUnsent: isUnsent)
      let expected: StepStatus = isUnsent ? .failed : .inDoubt
      let cancelled = try await bench.running()
      try await bench.advance(cancelled, .start(1, .once), back)
      _ = try await bench.store.cancel(cancelled.task.id, by: .local)
      #expect(try await bench.steps(cancelled.task.id)[1]?.status == expected)

      let overdue = try await bench.running(timeoutSeconds: 10)
      try await bench.advance(overdue, .start(1, .once), back)
      bench.clock.advance(by: .seconds(10))
      _ = try await bench.store.expireDeadlines(limit: 5)
      #expect(try await bench.steps(overdue.task.id)[1]?.status == expected)

      let crashed = try await bench.running()
      try await bench.advance(crashed, .start(1, .once), back)
      _ = try await bench.claim()
      try await bench.reopen()
      _ = try await bench.store.beginEpoch()
      #expect(try await bench.task(crashed.task.id).status == (isUnsent ? .pending : .waiting))
      guard isUnsent else { continue }
      // Its next try is another matter.
      let again = try #require(try await bench.claim().first)
      try await bench.advance(again, .start(1, .once, attempt: 2))
      try await bench.reopen()
      #expect(try await bench.store.beginEpoch().waiting == 1)
    }
  }

  @Test("a worker's wait or requeue that an acknowledged cancel overtakes ends the step left open")
  func overtaken() async throws {
    let bench = try await TaskStoreBench()
    let changes: [TaskChange] = [
      .requeued(reason: "shutdown"),
      .waiting(TaskWait(reason: .providerLimit, until: bench.clock.now().adding(.seconds(9)), step: 1)),
    ]
    for change in changes {
      for (effect, status) in [(EffectClass.pure, StepStatus.failed), (.idempotent, .inDoubt)] {
        let claimed = try await bench.running()
        try await bench.advance(claimed, .start(1, effect))
        _ = try await bench.store.cancel(claimed.task.id, by: .local)
        #expect(try await bench.advance(claimed, change).status == .cancelled)
        #expect(try await bench.steps(claimed.task.id)[1]?.status == status)
        #expect(try await bench.row(claimed.task.id).openStep == nil)
      }
    }
  }
}
