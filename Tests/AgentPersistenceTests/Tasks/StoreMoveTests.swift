import AgentCore
import Testing

@testable import AgentPersistence

/// Moves that the store decides by itself: each is told in the notice of its commit, for the log.
@Suite("The store's own moves") struct StoreMoveTests {
  /// Those since the last call: `task.failed task-2 coder timeout`.
  private static func moves(_ bench: TaskStoreBench) -> [String] {
    bench.notices.take().flatMap(\.moves).map { move in
      let error = move.entry.head["error"]?["code"]?.stringValue
      return ([move.entry.type.rawValue, "\(move.entry.task)", move.agent.name] + (error.map { [$0] } ?? []))
        .joined(separator: " ")
    }
  }

  @Test("a timer that is due and a deadline that is over are told; what workers and callers do is not")
  func timers() async throws {
    let bench = try await TaskStoreBench()
    let timed = try await bench.running()
    let soon = bench.clock.now().adding(.seconds(5))
    try await bench.advance(timed, .waiting(TaskWait(reason: .timer, until: soon)))
    let late = try await bench.running(timeoutSeconds: 10)
    let never = bench.clock.now().adding(.seconds(500))
    try await bench.advance(late, .waiting(TaskWait(reason: .timer, until: never)))
    let broken = try await bench.running()
    try await bench.advance(broken, .broken)
    _ = try await bench.store.retry(broken.task.id, from: .lastStep, by: .local)
    _ = try await bench.store.cancel(broken.task.id, by: .local)
    #expect(Self.moves(bench) == [])
    bench.clock.advance(by: .seconds(10))
    #expect(try await bench.store.promoteDue(limit: 10) == 1)
    #expect(Self.moves(bench) == ["task.resumed task-1 coder"])
    #expect(try await bench.store.expireDeadlines(limit: 10) == [])
    #expect(Self.moves(bench) == ["task.failed task-2 coder timeout"])
  }

  @Test("recovery tells what it put back, parked and failed, each task by name")
  func recovery() async throws {
    let bench = try await TaskStoreBench()
    let plain = try await bench.running()
    let doubtful = try await bench.running()
    try await bench.advance(doubtful, .start(1, .once))
    let late = try await bench.running(timeoutSeconds: 10)
    try await bench.advance(plain, .start(1))
    bench.clock.advance(by: .seconds(10))
    // Service time is kept with each commit.
    _ = try await bench.store.expireDeadlines(limit: 10)
    try await bench.reopen()
    #expect(Self.moves(bench) == [])
    _ = try await bench.store.beginEpoch()
    #expect(
      Self.moves(bench) == [
        "task.requeued \(plain.task.id) coder", "task.waiting \(doubtful.task.id) coder",
        "task.failed \(late.task.id) coder timeout",
      ])
  }

  @Test("a step settled as failed fails its task, and that is told; an ended task's step moves nothing")
  func resolved() async throws {
    let bench = try await TaskStoreBench()
    for resolution in [StepResolution.fail, .retry] {
      let claimed = try await bench.running()
      try await bench.advance(claimed, .start(1, .once), .doubt(1))
      try await bench.advance(claimed, .waiting(TaskWait(reason: .stepInDoubt, step: 1)))
      _ = Self.moves(bench)
      _ = try await bench.store.resolve(claimed.task.id, step: 1, as: resolution, by: .uid(7))
      let told = bench.notices.take().flatMap(\.moves)
      #expect(told.map(\.entry.type) == [resolution == .fail ? .taskFailed : .taskResumed])
      #expect(told.first?.entry.actor == .uid(7) && told.first?.entry.task == claimed.task.id)
    }
  }
}
