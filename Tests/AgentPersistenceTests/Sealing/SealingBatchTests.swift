import AgentCore
import AgentTestKit
import Synchronization
import Testing

@testable import AgentPersistence

@Suite("How much of the journal one turn of the sealing pass takes")
struct SealingBatchTests {
  @Test("a batch looks at 500 rows, and at no more")
  func rows() async throws {
    // Three of a task's four rows are walked: 501.
    let fixture = try OldDatabase.fixture(tasks: 167)
    let bench = try await SealingBench(fixture, TestKeys())
    var limits = SealingPass.Limits()
    limits.bytes = .max
    let goal = SealingGoal(kind: .first, fields: .standard, key: 1, last: 668)
    let reader = SealingReader(goal: goal, sealing: bench.sealing, limits: limits)
    let first = try await bench.file.read { db in try reader.batch(after: 0, db) }
    #expect(first.changes.count == 500 && first.upTo == 666 && first.changes.last?.sequence == 666)
    let second = try await bench.file.read { db in try reader.batch(after: first.upTo, db) }
    #expect(second.changes.map(\.sequence) == [667] && second.upTo == 668)
    await bench.file.close()
  }

  @Test("a batch ends with the row that takes it to 1 MiB")
  func bytes() async throws {
    let fixture = try OldDatabase.fixture(tasks: 4)
    let bench = try await SealingBench(fixture, TestKeys())
    let half: JSONValue = ["input": ["prompt": .string(String(repeating: "x", count: 1 << 19)), "token": "12345678"]]
    try await bench.file.write(.essential) { context in
      try context.db.run("UPDATE journal SET body = ? WHERE type = 1", [JSONColumn.encode(half)])
    }
    let goal = SealingGoal(kind: .first, fields: .standard, key: 1, last: 16)
    let reader = SealingReader(goal: goal, sealing: bench.sealing, limits: SealingPass.Limits())
    let batch = try await bench.file.read { db in try reader.batch(after: 0, db) }
    #expect(batch.upTo == 5)
    await bench.file.close()
  }

  /// Time goes on by ten milliseconds whenever it is looked at.
  private final class PacedClock: WallClock {
    private let looks = Atomic<Int64>(0)
    func now() -> Timestamp { Timestamp(milliseconds: 1) }
    func uptime() -> Duration { .milliseconds(looks.wrappingAdd(10, ordering: .relaxed).newValue) }
    func sleep(for duration: Duration) async throws {}
  }

  @Test("a turn of the writer is over after 20 ms: two rows of ten")
  func turns() async throws {
    let fixture = try OldDatabase.fixture(tasks: 20)
    let bench = try await SealingBench(fixture, TestKeys())
    let before = bench.file.commitNumber
    await SealingPass(file: bench.file, sealing: bench.sealing, clock: PacedClock()).run()
    // 60 rows change, in 30 turns, beside a few for beginning and end.
    #expect((31...40).contains(bench.file.commitNumber - before), "\(bench.file.commitNumber - before)")
    #expect(try await bench.goal()?.isFinished == true)
    await bench.file.close()
  }
}
