import AgentCore
import Testing

@testable import AgentPersistence

@Suite("Submitting")
struct SubmitTests {
  private let key = IdempotencyKey(key: "k1", bodyHash: "h1")

  private func submit(
    _ bench: TaskStoreBench, _ key: IdempotencyKey, count: Int = 1, by principal: Principal = .local
  ) async throws -> (ids: [TaskID], isRepeated: Bool) {
    let tasks = try bench.newTasks(count)
    switch try await bench.store.submit(tasks, key: key, maximumUnfinished: 100, by: principal) {
    case .created(let tasks): return (tasks.map(\.id), false)
    case .repeated(let tasks): return (tasks.map(\.id), true)
    }
  }

  @Test("the same key and body give the tasks of then, as they are now")
  func repeated() async throws {
    let bench = try await TaskStoreBench()
    let first = try await submit(bench, key, count: 3)
    _ = try await bench.store.cancel(first.ids[1], by: .local)
    let tasks = try bench.newTasks(3)
    let again = try await bench.store.submit(tasks, key: key, maximumUnfinished: 0, by: .local)
    guard case .repeated(let found) = again else {
      Issue.record("made new tasks")
      return
    }
    #expect(found.map(\.id) == first.ids && found[1].status == .cancelled)
    #expect(bench.store.counts().byStatus == [.pending: 2, .cancelled: 1])
    try await bench.reopen()
    #expect(try await submit(bench, key, count: 3).isRepeated)
  }

  @Test("many at once with one key make one task")
  func atOnce() async throws {
    let bench = try await TaskStoreBench()
    let ids = try await withThrowingTaskGroup(of: [TaskID].self) { group in
      for _ in 0..<50 { group.addTask { try await submit(bench, key).ids } }
      return try await group.reduce(into: Set<TaskID>()) { $0.formUnion($1) }
    }
    #expect(ids.count == 1)
    #expect(bench.store.counts().byStatus == [.pending: 1])
  }

  @Test("another body is refused, another principal's key is another key")
  func mismatch() async throws {
    let bench = try await TaskStoreBench()
    _ = try await submit(bench, key)
    let other = IdempotencyKey(key: "k1", bodyHash: "h2")
    #expect(try await bench.code { _ in _ = try await submit(bench, other) } == .idempotencyMismatch)
    #expect(try await !submit(bench, other, by: .uid(1)).isRepeated)
    #expect(bench.store.counts().byStatus == [.pending: 2])
  }

  @Test("a key outlives its task, for a day in all")
  func lifetime() async throws {
    let bench = try await TaskStoreBench()
    let first = try await submit(bench, key)
    _ = try await bench.store.cancel(first.ids[0], by: .local)
    try await bench.store.purge(first.ids[0], by: .local)
    #expect(try await bench.code { _ in _ = try await submit(bench, key) } == .taskDeleted)
    bench.clock.advance(by: .seconds(24 * 3600 - 1))
    #expect(try await bench.code { _ in _ = try await submit(bench, key) } == .taskDeleted)
    bench.clock.advance(by: .seconds(1))
    #expect(try await !submit(bench, IdempotencyKey(key: "k1", bodyHash: "h9")).isRepeated)
  }

  @Test("expired keys go, a few with each submission")
  func expiredKeys() async throws {
    let bench = try await TaskStoreBench()
    for number in 0..<40 { _ = try await submit(bench, IdempotencyKey(key: "old\(number)", bodyHash: "h")) }
    bench.clock.advance(by: SQLiteTaskStore.idempotencyLifetime)
    for number in 0..<3 { _ = try await submit(bench, IdempotencyKey(key: "new\(number)", bodyHash: "h")) }
    let left = try await bench.file.read { try $0.firstInteger("SELECT count(*) FROM idempotency") }
    #expect(left == 3)
  }

  @Test("the bound of unfinished tasks holds for submissions of one commit")
  func boundTogether() async throws {
    let bench = try await TaskStoreBench()
    let refusals = try await withThrowingTaskGroup(of: StoreError.Code?.self) { group in
      for _ in 0..<60 {
        let task = try bench.newTasks(1)
        group.addTask {
          try await bench.code { _ = try await $0.submit(task, key: nil, maximumUnfinished: 25, by: .local) }
        }
      }
      return try await group.reduce(into: [StoreError.Code?]()) { $0.append($1) }
    }
    #expect(refusals.count { $0 == nil } == 25)
    #expect(refusals.count { $0 == .queueFull } == 35)
    #expect(bench.store.counts().unfinished == 25)
    let claimed = try #require(try await bench.claim().first)
    try await bench.advance(claimed, .done)
  }

  @Test("created never falls with the id, whoever is written first")
  func createdNeverFalls() async throws {
    let bench = try await TaskStoreBench()
    let early = try bench.newTasks(1)
    let late = try bench.newTasks(1)
    _ = try await bench.store.submit(late, key: nil, maximumUnfinished: 10, by: .local)
    bench.clock.advance(by: .seconds(60))
    _ = try await bench.store.submit(early, key: nil, maximumUnfinished: 10, by: .local)
    let (first, second) = (try await bench.task(early[0].id), try await bench.task(late[0].id))
    #expect(first.id < second.id && first.createdAt <= second.createdAt)
    // The journal tells when it was written.
    let journal = try await bench.store.journal(of: first.id)
    #expect(journal[0].at == bench.clock.now())
  }

  @Test("a submission that is refused leaves no name, no label and no number behind")
  func nothingLeft() async throws {
    let bench = try await TaskStoreBench()
    let tasks = try bench.newTasks(2, agent: "ghost", labels: ["a": "b"])
    _ = try await bench.code { _ = try await $0.submit(tasks, key: key, maximumUnfinished: 1, by: .uid(9)) }
    let left = try await bench.file.read { db in
      try db.integers(
        """
        SELECT count(*) FROM name WHERE text IN ('ghost', 'uid:9') UNION ALL SELECT count(*) FROM label
        UNION ALL SELECT count(*) FROM journal UNION ALL SELECT count(*) FROM idempotency
        """)
    }
    #expect(left == [0, 0, 0, 0])
    #expect(bench.store.counts() == TaskCounts())
  }
}
