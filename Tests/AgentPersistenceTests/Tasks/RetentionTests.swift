import AgentCore
import Testing

@testable import AgentPersistence

@Suite("Deleting")
struct RetentionTests {
  @Test("a purge takes the task with all that hangs on it, and nothing of others")
  func purge() async throws {
    let bench = try await TaskStoreBench()
    let other = try await bench.submit(labels: ["a": "b"])[0]
    let id = try await bench.submit(labels: ["a": "b", "c": "d"])[0]
    #expect(try await bench.code { try await $0.purge(id, by: .local) } == .taskNotFinished)
    for claimed in try await bench.claim(2) { try await bench.advance(claimed, .start(1), .finish(1)) }
    #expect(try await bench.code { try await $0.purge(id, by: .local) } == .taskNotFinished)
    _ = try await bench.store.cancel(id, by: .local)
    #expect(try await bench.code { try await $0.purge(id, by: .local) } == .taskNotFinished)
    let row = try await bench.row(id)
    _ = try await bench.store.advance(Claim(task: id, epoch: row.epoch, number: row.claim), [.cancelled])
    try await bench.store.purge(id, by: .local)
    #expect(try await bench.code { try await $0.purge(id, by: .local) } == .notFound)
    #expect(try await bench.store.task(id) == nil)
    #expect(try await bench.store.journal(of: id).isEmpty)
    #expect(try await bench.store.journal(of: other).count == 4)
    let labels = try await bench.file.read { try $0.integers("SELECT task FROM label") }
    #expect(labels == [other.number])
    try await bench.expectTrueCounters()
  }

  @Test("a cleanup deletes the oldest finished tasks up to its limit, however many closures that takes")
  func cleanup() async throws {
    let bench = try await TaskStoreBench()
    let ids = try await bench.submit(150)
    for id in ids.prefix(140) { _ = try await bench.store.cancel(id, by: .local) }
    let cut = bench.clock.now().adding(.seconds(1))
    bench.clock.advance(by: .seconds(10))
    _ = try await bench.store.cancel(ids[140], by: .local)
    #expect(try await bench.store.countFinished(before: cut) == 140)
    let commits = bench.file.commitNumber
    let first = try await bench.store.deleteFinished(before: cut, limit: 100)
    #expect(first.count == 100 && Set(first).isSubset(of: ids.prefix(140)))
    #expect(bench.file.commitNumber == commits + 2)
    #expect(try await bench.store.deleteFinished(before: cut, limit: 100).count == 40)
    #expect(try await bench.store.deleteFinished(before: cut, limit: 100).isEmpty)
    #expect(try await bench.store.tasks(TaskQuery(limit: 500)).items.count == 10)
    try await bench.expectTrueCounters()
  }

  @Test("a definition goes with the last task that pins it")
  func definitions() async throws {
    let bench = try await TaskStoreBench()
    try await bench.submit(2)
    let claimed = try await bench.claim(2)
    let count = "SELECT count(*) FROM agent_version"
    #expect(try await bench.file.read { try $0.firstInteger(count) } == 1)
    for (left, one) in zip([1, 0], claimed) {
      try await bench.advance(one, .done)
      try await bench.store.purge(one.task.id, by: .local)
      #expect(try await bench.file.read { try $0.firstInteger(count) } == Int64(left))
    }
    try await bench.submit()
    #expect(try await bench.claim().first?.definition == TaskStoreBench.agent)
  }

  @Test("freed pages are given back a few at a time")
  func pages() async throws {
    let bench = try await TaskStoreBench()
    let id = try await bench.submit(input: .string(String(repeating: "a", count: 900_000)))[0]
    _ = try await bench.store.cancel(id, by: .local)
    try await bench.store.purge(id, by: .local)
    #expect(try await bench.store.reclaimPages(limit: 100))
    #expect(try await !bench.store.reclaimPages(limit: 10_000))
    #expect(try await bench.file.read { try $0.firstInteger("PRAGMA freelist_count") } == 0)
  }

  @Test("the probe writes, reads, and tells how durable the database is")
  func probe() async throws {
    let bench = try await TaskStoreBench()
    let health = try await bench.store.probe()
    #expect(health.journalMode == "wal" && health.synchronous == 2)
    let commits = bench.file.commitNumber
    _ = try await bench.store.probe()
    #expect(bench.file.commitNumber == commits + 1)
  }
}
