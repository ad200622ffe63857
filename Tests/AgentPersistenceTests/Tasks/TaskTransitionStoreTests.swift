import AgentCore
import Testing

@testable import AgentPersistence

@Suite("The table of states, through the store")
struct TaskTransitionStoreTests {
  /// Brings a fresh task into that state; the claim is the last one it had.
  private func task(_ status: TaskStatus, _ bench: TaskStoreBench) async throws -> (TaskID, ClaimedTask?) {
    if status == .pending { return (try await bench.submit()[0], nil) }
    let claimed = try await bench.running()
    let id = claimed.task.id
    switch status {
    case .pending, .running: break
    case .waiting: try await bench.advance(claimed, .waiting(TaskWait(reason: .restored)))
    case .completed: try await bench.advance(claimed, .done)
    case .failed: try await bench.advance(claimed, .broken)
    case .cancelled: try await bench.advance(claimed, .cancelled)
    }
    #expect(try await bench.task(id).status == status)
    return (id, claimed)
  }

  private func perform(_ move: TaskMove, _ id: TaskID, _ claimed: ClaimedTask?, _ bench: TaskStoreBench) async throws {
    let claim = claimed?.claim ?? Claim(task: id, epoch: 1, number: 0)
    func advance(_ change: TaskChange) async throws { _ = try await bench.store.advance(claim, [change]) }
    switch move {
    case .submit: break
    case .claim: _ = try await bench.claim(9)
    case .wait: try await advance(.waiting(TaskWait(reason: .approval)))
    case .resume: _ = try await bench.store.resume(id, by: .local)
    case .retryAfterError:
      try await advance(.retrying(Failure(code: "e", detail: ""), after: .seconds(5)))
    case .retryAsked: _ = try await bench.store.retry(id, from: .lastStep, by: .local)
    case .requeue: try await advance(.requeued(reason: "shutdown"))
    case .complete: try await advance(.done)
    case .fail: try await advance(.broken)
    case .cancel: _ = try await bench.store.cancel(id, by: .local)
    }
  }

  @Test(
    "a move of the table is made with its event, and no other is made", arguments: TaskStatus.allCases,
    TaskMove.allCases.filter { $0 != .submit })
  func table(_ status: TaskStatus, _ move: TaskMove) async throws {
    let bench = try await TaskStoreBench()
    let (id, claimed) = try await task(status, bench)
    let before = try await bench.types(id)
    // Only workers make these moves, and a worker has a running task: pending ones fail and wait by other causes.
    let isWorkers = [.wait, .retryAfterError, .requeue, .complete, .fail].contains(move)
    let result = isWorkers && status != .running ? nil : TaskTransition.result(of: move, from: status)
    var expected = result.map { (status: $0.status, event: $0.event) }
    if move == .cancel, status == .running { expected = (.running, .taskCancelling) }
    let code = try await bench.code { _ in try await perform(move, id, claimed, bench) }
    let after = try await bench.task(id)
    if let expected {
      #expect(code == nil)
      #expect(after.status == expected.status)
      #expect(try await bench.types(id) == before + [expected.event])
    } else {
      // A claim does not name a task: it passes by those that are not pending.
      #expect(code != nil || move == .claim)
      #expect(after.status == status)
      #expect(try await bench.types(id) == before)
    }
    try await bench.expectTrueCounters()
  }

  @Test(
    "once a cancel was acknowledged, every way out of running ends cancelled",
    arguments: [TaskMove.wait, .retryAfterError, .requeue, .complete, .fail])
  func cancelWins(_ move: TaskMove) async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    let id = claimed.task.id
    let wished = try await bench.store.cancel(id, by: .uid(3))
    #expect(wished.status == .running && wished.cancelRequestedAt != nil)
    // A second wish is the same wish.
    #expect(try await bench.store.cancel(id, by: .local).cancelRequestedAt == wished.cancelRequestedAt)
    try await perform(move, id, claimed, bench)
    let task = try await bench.task(id)
    #expect(task.status == .cancelled && task.output == nil && task.error == nil && task.waiting == nil)
    #expect(task.runAfter == nil && task.attempt == 1)
    #expect(try await bench.types(id) == [.taskSubmitted, .taskStarted, .taskCancelling, .taskCancelled])
    #expect(try await bench.store.journal(of: id)[2].actor == .uid(3))
    try await bench.expectTrueCounters()
  }
}
