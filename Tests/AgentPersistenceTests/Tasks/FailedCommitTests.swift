import AgentCore
import GRDB
import Testing

@testable import AgentPersistence

@Suite("When a commit fails")
struct FailedCommitTests {
  private static let results: [ResultCode] = [.SQLITE_IOERR, .SQLITE_FULL]

  /// Runs `body` while every commit fails.
  private func failing(
    _ result: ResultCode, _ bench: TaskStoreBench, _ body: (SQLiteTaskStore) async throws -> Void
  ) async throws -> StoreError.Code? {
    bench.notices.fault.store(result.rawValue, ordering: .relaxed)
    defer { bench.notices.fault.store(0, ordering: .relaxed) }
    return try await bench.code(body)
  }

  @Test("a worker's result is offered again under the same claim, and stands once", arguments: results)
  func result(_ result: ResultCode) async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    try await bench.advance(claimed, .start(1, .once, kind: .modelCall, reserved: 50))
    let changes: [TaskChange] = [.finish(1, usage: ModelUsage(inputTokens: 1, outputTokens: 2)), .done]
    let code = try await failing(result, bench) { _ = try await $0.advance(claimed.claim, changes) }
    #expect(code.map { StoreError($0, "").leavesOutcomeUnknown } == true)
    #expect(try await bench.task(claimed.task.id).status == .running)
    try await bench.expectTrueCounters()
    #expect(try await bench.store.advance(claimed.claim, changes).status == .completed)
    #expect(
      try await bench.types(claimed.task.id) == [
        .taskSubmitted, .taskStarted, .stepStarted, .stepFinished, .taskCompleted,
      ])
    #expect(try await bench.row(claimed.task.id).tokensUsed == 3)
    try await bench.expectTrueCounters()
  }

  @Test("a submission of unknown outcome, sent again with its key, makes its task once", arguments: results)
  func submission(_ result: ResultCode) async throws {
    let bench = try await TaskStoreBench()
    let key = IdempotencyKey(key: "k", bodyHash: "h")
    for _ in 0..<2 {
      let tasks = try bench.newTasks(agent: "writer")
      let code = try await failing(result, bench) {
        _ = try await $0.submit(tasks, key: key, maximumUnfinished: 9, by: .uid(4))
      }
      #expect(code != nil)
    }
    #expect(bench.store.counts() == TaskCounts())
    let tasks = try bench.newTasks(agent: "writer")
    guard case .created = try await bench.store.submit(tasks, key: key, maximumUnfinished: 9, by: .uid(4)) else {
      Issue.record("a submission that failed was remembered")
      return
    }
    #expect(bench.store.counts().byAgent == ["writer": [.pending: 1]])
    #expect(try await bench.claim(agents: [TaskStoreBench.otherAgent]).map(\.task.id) == tasks.map(\.id))
    try await bench.expectTrueCounters()
  }

  @Test("a claim that failed has claimed nothing, and nobody's turn is lost")
  func claim() async throws {
    let bench = try await TaskStoreBench()
    try await bench.submit(3, by: .uid(1))
    try await bench.submit(3, by: .uid(2))
    #expect(try await failing(.SQLITE_IOERR, bench) { _ in _ = try await bench.claim(2) } != nil)
    #expect(bench.store.counts().byStatus == [.pending: 6])
    #expect(try await Set(bench.claim(2).map(\.task.owner)) == [.uid(1), .uid(2)])
  }
}
