import AgentCore
import AgentTestKit
import Foundation
import GRDB
import Synchronization
import Testing

@testable import AgentPersistence

/// What is written while a name is out of the list is looked at again once it is in it, whatever process finds it there.
@Suite("Names that go out of the list, and a process that dies", .timeLimit(.minutes(5)))
struct SealingLapseTests {
  private static let long = SensitiveFields(SensitiveFields.standard.names + ["pin"])
  private static let input: JSONValue = ["prompt": "go", "pin": "written-between"]

  private func submit(_ bench: SealingBench) async throws -> TaskID {
    let id = try bench.store.drawTaskIDs(count: 1)[0]
    _ = try await bench.store.submit(
      [NewTask(id: id, agent: "coder", input: Self.input, labels: ["pin": "written-between"])], key: nil,
      maximumUnfinished: 99, by: .local)
    #expect(try await bench.store.task(id)?.input == Self.input)
    return id
  }

  /// Three turns of the writer reach the disk, and then none until the pass has been cancelled.
  private func cut(_ bench: SealingBench) async throws {
    let start = bench.file.commitNumber
    bench.fixture.faults.withLock { $0 = Dictionary(uniqueKeysWithValues: (4...99).map { (start + $0, 1034) }) }
    let pass = bench.pass { $0.rows = 4 }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await pass.run() }
      #expect(await eventually { bench.fixture.clock.sleeperCount > 0 })
      group.cancelAll()
    }
    bench.fixture.setFault(nil)
    let goal = try #require(try await bench.goal())
    #expect(!goal.isFinished && goal.cursor > 0)
  }

  private func expectHidden(_ id: TaskID, _ fixture: StoreFixture, _ keys: TestKeys) async throws {
    let next = try await SealingBench(fixture, keys, fields: Self.long)
    let shown: JSONValue = ["prompt": "go", "pin": "[sealed]"]
    #expect(try await next.store.task(id)?.input == shown)
    await next.pass().run()
    #expect(try await next.store.task(id)?.input == shown)
    #expect(try await next.clear(id.number).reveal(path: "pin") == "written-between")
    #expect(try await next.traces(of: "written-between") == 0)
  }

  @Test("a row that was written under a shorter list, before any pass took that in, is sealed by the next process")
  func killed() async throws {
    let fixture = try OldDatabase.fixture(tasks: 3)
    let keys = try TestKeys()
    let bench = try await SealingBench(fixture, keys, fields: Self.long)
    await bench.pass().run()
    bench.sealing.policy.fields = .standard
    let id = try await submit(bench)
    await bench.file.close()
    try await expectHidden(id, fixture, keys)
  }

  @Test("so is one that a process wrote which began with the shorter list, and had run no pass yet")
  func started() async throws {
    let fixture = try OldDatabase.fixture(tasks: 3)
    let keys = try TestKeys()
    var bench = try await SealingBench(fixture, keys, fields: Self.long)
    await bench.pass().run()
    await bench.file.close()
    bench = try await SealingBench(fixture, keys)
    let id = try await submit(bench)
    await bench.file.close()
    try await expectHidden(id, fixture, keys)
  }

  @Test(
    "so is one that was written in the middle of a rotation's pass, or of a longer list's", arguments: [true, false])
  func midway(isRotation: Bool) async throws {
    let fixture = try OldDatabase.fixture(tasks: 9)
    let keys = try TestKeys()
    let bench = try await SealingBench(fixture, keys, fields: isRotation ? Self.long : .standard)
    await bench.pass().run()
    if isRotation {
      let (new, opening) = try bench.ring.newActiveFieldRow(at: Timestamp(milliseconds: 9))
      try bench.ring.adopt(try await KeyRingStore(file: bench.file).addActive(new, opening: opening))
    } else {
      // A name whose rows there are, so that the pass has something to do.
      bench.sealing.policy.fields = SensitiveFields(Self.long.names + ["prompt"])
    }
    try await cut(bench)
    let before = bench.sealing.policy.fields
    bench.sealing.policy.fields = .standard
    let id = try await submit(bench)
    bench.sealing.policy.fields = before
    await bench.file.close()
    try await expectHidden(id, fixture, keys)
  }

  /// Calls `look` whenever the pass looks at the time: in each turn of the writer.
  private final class LookedAtClock: WallClock {
    private let looks = Atomic<Int>(0)
    private let look: @Sendable (Int) -> Void
    init(_ look: @escaping @Sendable (Int) -> Void) { self.look = look }
    func now() -> Timestamp { Timestamp(milliseconds: 1) }
    func uptime() -> Duration {
      look(looks.wrappingAdd(1, ordering: .relaxed).newValue)
      return .zero
    }
    func sleep(for duration: Duration) async throws {}
  }

  @Test("a pass under way takes a shorter list in with its next batch, and goes on with what is left to do")
  func inForce() async throws {
    let fixture = try OldDatabase.fixture(tasks: 40)
    let bench = try await SealingBench(fixture, TestKeys(), fields: Self.long)
    let policy = bench.sealing.policy
    let lapsed = Mutex<[Int: Bool]>([:])
    let clock = LookedAtClock { look in
      if look == 6 { policy.fields = .standard }
      lapsed.withLock { $0[look] = policy.lapsed != nil }
    }
    var limits = SealingPass.Limits()
    limits.rows = 4
    let pass = SealingPass(file: bench.file, sealing: bench.sealing, clock: clock, limits: limits)
    await pass.run()
    let seen = lapsed.withLock { $0 }
    #expect(seen.count > 60 && seen[6] == true)
    // Some rows of the batch in hand may follow.
    #expect(seen.filter { $0.key > 6 && $0.value }.count <= 8, "\(seen.filter(\.value).keys.sorted())")
    let goal = try #require(try await bench.goal())
    #expect(goal.isFinished && goal.fields.canonical == SensitiveFields.standard.canonical)
    #expect(try await bench.clear(40).reveal(path: "api_key") == "planted-40-input")
    await bench.file.close()
  }
}
