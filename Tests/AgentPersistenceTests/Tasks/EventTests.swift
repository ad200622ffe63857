import AgentCore
import Testing

@testable import AgentPersistence

@Suite("The journal as a stream")
struct EventTests {
  @Test("all rows come once and in order, in pages; the end says how far was looked")
  func pages() async throws {
    let bench = try await TaskStoreBench()
    try await bench.submit(5)
    for claimed in try await bench.claim(5) { try await bench.advance(claimed, .start(1), .finish(1), .done) }
    let newest = try await bench.store.eventBounds().newest
    #expect(newest == 25)
    var (seen, after): ([Int64], Int64) = ([], 0)
    while after < newest {
      let page = try await bench.store.events(after: after, of: nil, limit: 7).page
      #expect(page.entries.count <= 7 && page.lookedUpTo > after)
      seen += page.entries.map(\.sequence)
      after = page.lookedUpTo
    }
    #expect(seen == Array(1...25))
    let end = try await bench.store.events(after: newest, of: nil, limit: 7)
    #expect(end.page.entries.isEmpty && end.page.lookedUpTo == newest && end.status == nil)
  }

  @Test("one task's rows come with its status, and looking goes on past those of others")
  func oneTask() async throws {
    let bench = try await TaskStoreBench()
    let id = try await bench.submit()[0]
    try await bench.submit(9)
    let first = try await bench.store.events(after: 0, of: id, limit: 10)
    #expect(first.page.entries.map(\.sequence) == [1] && first.page.lookedUpTo == 10 && first.status == .pending)
    _ = try await bench.store.cancel(id, by: .local)
    let next = try await bench.store.events(after: 10, of: id, limit: 10)
    #expect(next.page.entries.map(\.type) == [.taskCancelled] && next.status == .cancelled)
    let cut = try await bench.store.events(after: 0, of: id, limit: 1)
    #expect(cut.page.entries.count == 1 && cut.page.lookedUpTo == 1)
    #expect(try await bench.store.events(after: 0, of: TaskID(number: 77), limit: 1).status == nil)
  }

  @Test("a deletion leaves a mark, and no number is given again")
  func deletion() async throws {
    let bench = try await TaskStoreBench()
    try await bench.submit(2)
    let newest = try await bench.submit()[0]
    #expect(try await bench.store.eventBounds() == (3, 0))
    _ = try await bench.store.cancel(newest, by: .local)
    _ = bench.notices.take()
    try await bench.store.purge(newest, by: .local)
    #expect(bench.notices.take().contains { $0.tasks == [newest] })
    #expect(try await bench.store.eventBounds() == (4, 4))
    let page = try await bench.store.events(after: 2, of: nil, limit: 10).page
    #expect(page.entries.isEmpty && page.lookedUpTo == 4)
    try await bench.reopen()
    let next = try await bench.submit()[0]
    #expect(next > newest)
    #expect(try await bench.store.journal(of: next)[0].sequence == 5)
    #expect(try await bench.store.eventBounds() == (5, 4))
  }

  @Test("times never fall from row to row, though the clock does")
  func clockBack() async throws {
    let bench = try await TaskStoreBench()
    let id = try await bench.submit()[0]
    bench.clock.jump(to: bench.clock.now().adding(.seconds(-7200)))
    let later = try await bench.submit()[0]
    #expect(try await bench.task(later).createdAt >= bench.task(id).createdAt)
    _ = try await bench.store.cancel(id, by: .local)
    let times = try await bench.store.journal(of: id).map(\.at)
    #expect(times == times.sorted())
  }
}
