import AgentCore
import AgentTestKit
import Foundation
import GRDB
import Testing

@testable import AgentPersistence

@Suite("Rows that cannot be read") struct UnreadableRowTests {
  private static func nested(_ levels: Int) -> JSONValue {
    (1..<levels).reduce(JSONValue.array([])) { inner, _ in .array([inner]) }
  }

  private static func end(_ output: JSONValue) -> TaskChange {
    .stepEnded(StepEnd(number: 1, outcome: .finished(output: output, resultHash: "r")))
  }

  @Test("a body that could not be read back is refused when it is written, with all that goes with it")
  func refused() async throws {
    let bench = try await TaskStoreBench()
    // The row's own `{"output":…}` lies around it.
    let most = JSONValue.maximumStoredDepth
    let claimed = try await bench.running()
    try await bench.advance(claimed, .start(1))
    let before = try await bench.types(claimed.task.id)
    for levels in [most + 1, most + 40] {
      #expect(
        try await bench.code { _ = try await $0.advance(claimed.claim, [Self.end(Self.nested(levels)), .start(2)]) }
          == .jsonTooDeep)
    }
    #expect(
      try await bench.code {
        _ = try await $0.submit(
          try bench.newTasks(input: Self.nested(most + 1)), key: nil, maximumUnfinished: 100, by: .local)
      } == .jsonTooDeep)
    #expect(
      try await bench.code {
        _ = try await $0.advance(claimed.claim, [.start(1, attempt: 2, evidence: Self.nested(most + 1))])
      } == .jsonTooDeep)
    #expect(try await bench.types(claimed.task.id) == before)
    // The claim holds, and what is as deep as may be comes back.
    try await bench.advance(claimed, Self.end(Self.nested(most)), .done)
    #expect(try await bench.steps(claimed.task.id)[1]?.output == Self.nested(most))
    let page = try await bench.store.events(after: 0, of: nil, limit: 100).page
    #expect(page.entries.map(\.type).last == .taskCompleted)
    #expect(page.entries.contains { $0.body?["output"] == Self.nested(most) })
    try await bench.expectTrueCounters()
  }

  /// A store whose log a test reads, with three tasks: rows 1 to 3, and 4 to 7 of the second one's life.
  private static func bench(_ fixture: StoreFixture) async throws -> SealingBench {
    let bench = try await SealingBench(fixture, TestKeys())
    _ = try await bench.store.beginEpoch()
    for number in 1...3 {
      let tasks = try bench.store.drawTaskIDs(count: 1).map {
        NewTask(id: $0, agent: number == 2 ? "coder" : "writer", input: .string("input \(number)"))
      }
      _ = try await bench.store.submit(tasks, key: nil, maximumUnfinished: 100, by: .local)
    }
    let request = ClaimRequest(
      rooms: [ClaimRequest.Room(agent: TaskStoreBench.agent, places: 1)], places: 1, quarantineIsFree: false)
    let claimed = try #require(try await bench.store.claim(request).first)
    _ = try await bench.store.advance(claimed.claim, [.start(1), .finish(1), .done])
    return bench
  }

  @Test(
    "one harms only itself: pages show it without what it holds, and tell it once",
    arguments: ["body = X'007B'", "body = X'017B7D'", "head = '{'"], [2, 6])
  func harmsItself(damage: String, row: Int64) async throws {
    let fixture = try StoreFixture()
    let bench = try await Self.bench(fixture)
    let whole = try await bench.store.events(after: 0, of: nil, limit: 100).page
    #expect(whole.entries.first { $0.sequence == 6 }?.type == .stepFinished)
    try await bench.file.write(.essential) { context in
      try context.db.run("UPDATE journal SET \(damage) WHERE seq = ?", [row])
    }
    for _ in 1...2 {
      let page = try await bench.store.events(after: 0, of: nil, limit: 100).page
      #expect(page.entries.map(\.sequence) == whole.entries.map(\.sequence) && page.lookedUpTo == whole.lookedUpTo)
      for (entry, earlier) in zip(page.entries, whole.entries) {
        guard entry.sequence == row else {
          #expect(entry == earlier)
          continue
        }
        #expect(entry.body == nil && entry.type == earlier.type)
        #expect(entry.head == (damage.hasPrefix("head") ? [:] : earlier.head))
      }
      let own = try await bench.store.events(after: 0, of: TaskID(number: 2), limit: 100).page
      #expect(own.entries.count == 5)
      #expect(try await bench.store.shownJournal(of: TaskID(number: 2)).map(\.sequence) == own.entries.map(\.sequence))
      let tasks = try await bench.store.tasks(TaskQuery())
      #expect(tasks.items.map(\.id.number) == [3, 2, 1])
      #expect(tasks.items.map(\.input) == ["input 3", row == 2 ? .null : "input 2", "input 1"])
    }
    // Whoever goes on from it has to know.
    await #expect(throws: StoreError.self) { try await bench.store.journal(of: TaskID(number: 2)) }
    let told = fixture.log.withLock { $0.filter { $0.hasPrefix("error database_corrupt: row \(row) ") }.count }
    #expect(told == 1)
    await bench.file.close()
  }
}
