import AgentCore
import AgentTestKit
import Foundation
import GRDB
import Testing
import Vault

@testable import AgentPersistence

@Suite("The pass that seals rows which are there already")
struct SealingPassTests {
  /// A store with a ring in its table, and what opens it again.
  private final class Bench: Sendable {
    let fixture: StoreFixture
    let keys: TestKeys
    let file: StoreFile
    let store: SQLiteTaskStore
    let sealing: StoreSealing
    var ring: KeyRing { sealing.ring }

    init(_ fixture: StoreFixture, _ keys: TestKeys, fields: SensitiveFields = .standard) async throws {
      (self.fixture, self.keys) = (fixture, keys)
      file = try fixture.open()
      let table = KeyRingStore(file: file)
      if try await table.rows().isEmpty { try await table.insertFirst(try keys.firstRows()) }
      sealing = StoreSealing(ring: try keys.ring(try await table.rows()), policy: SensitivePolicy(fields))
      store = try await SQLiteTaskStore(
        file: file, clock: fixture.clock, digester: FixedDigester(), sealing: sealing)
    }

    func pass(_ change: (inout SealingPass.Limits) -> Void = { _ in }) -> SealingPass {
      var limits = SealingPass.Limits()
      change(&limits)
      return SealingPass(file: file, sealing: sealing, clock: fixture.clock, limits: limits)
    }

    func goal() async throws -> SealingGoal? { try await file.read { try $0.sealingGoal() } }

    /// How often the text stands in the database, with its WAL as it is now; the file is closed for that.
    func traces(of text: String) async throws -> Int {
      let wal = fixture.bytes(fixture.wal) ?? Data()
      await file.close()
      return Self.count(text, in: wal) + Self.count(text, in: try #require(fixture.bytes(fixture.database)))
    }

    private static func count(_ text: String, in bytes: Data) -> Int {
      var (count, rest) = (0, bytes[...])
      while let found = rest.range(of: Data(text.utf8)) { (count, rest) = (count + 1, rest[found.upperBound...]) }
      return count
    }

    func clear(_ task: Int64) async throws -> ClearValues { try await store.clearValues(of: TaskID(number: task)) }
  }

  private func old(tasks: Int) throws -> StoreFixture {
    let fixture = try StoreFixture()
    try OldDatabase.make(at: fixture.database, tasks: tasks)
    return fixture
  }

  private func expectSealed(_ bench: Bench, tasks: Int) async throws {
    for id in 1...Int64(tasks) {
      let clear = try await bench.clear(id)
      #expect(clear.reveal(path: "api_key") == .string("planted-\(id)-input"))
      #expect(clear.revealArguments(ofStep: 1)?["token"] == .string("planted-\(id)-argument"))
      let texts = clear.revealTexts().map { $0.reveal() }
      #expect(texts.contains("planted-\(id)-label") && texts.contains("planted-\(id)-metadata"))
      let task = try #require(try await bench.store.task(TaskID(number: id)))
      #expect(task.input["api_key"] == "[sealed]" && task.labels == ["token": "[sealed]"])
    }
    #expect(try await bench.file.count("label") == 0)
    #expect(try await bench.file.count("task WHERE sealed = 1 AND id <= \(tasks)") == tasks)
  }

  @Test("a database from before keys is sealed, and no byte of the old values is left in it or in its WAL")
  func first() async throws {
    let fixture = try old(tasks: 300)
    let bench = try await Bench(fixture, TestKeys())
    let pass = bench.pass { $0.rows = 50 }
    #expect(pass.progress() == SealingPass.Progress(done: 0, total: 0, isRunning: false))
    await pass.run()
    #expect(pass.progress() == SealingPass.Progress(done: 1200, total: 1200, isRunning: false))
    let goal = try #require(try await bench.goal())
    #expect(goal.isFinished && goal.kind == .first && goal.key == 1 && goal.unopened == 0)
    #expect((fixture.bytes(fixture.wal) ?? Data()).count < 40_000)
    try await expectSealed(bench, tasks: 300)
    #expect(fixture.logged("sealing_finished"))
    #expect(try await bench.traces(of: "planted-") == 0)
  }

  @Test("a pass that is cut anywhere goes on where it was, in the next process")
  func resumed() async throws {
    let fixture = try old(tasks: 60)
    let keys = try TestKeys()
    var cursors: [Int64] = []
    for _ in 0..<40 {
      let bench = try await Bench(fixture, keys)
      let start = bench.file.commitNumber
      // The third turn of the writer never gets to disk; the pass would try again, but its process ends.
      fixture.faults.withLock { $0 = Dictionary(uniqueKeysWithValues: (3...9).map { (start + $0, 1034) }) }
      let pass = bench.pass { $0.rows = 7 }
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await pass.run() }
        _ = await eventually { fixture.clock.sleeperCount > 0 || !pass.progress().isRunning }
        group.cancelAll()
      }
      fixture.setFault(nil)
      cursors.append(try await bench.goal()?.cursor ?? 0)
      let isFinished = try await bench.goal()?.isFinished ?? false
      await bench.file.close()
      if isFinished { break }
    }
    #expect(cursors == cursors.sorted() && cursors.count > 3, "\(cursors)")
    let bench = try await Bench(fixture, keys)
    await bench.pass().run()
    #expect(try await bench.goal()?.isFinished == true)
    try await expectSealed(bench, tasks: 60)
    #expect(try await bench.traces(of: "planted-") == 0)
  }

  @Test(
    "a longer list seals what it names anew, a shorter one unseals nothing, and a longer one after that looks again")
  func lists() async throws {
    let fixture = try old(tasks: 5)
    let bench = try await Bench(fixture, TestKeys())
    await bench.pass().run()
    bench.sealing.policy.fields = SensitiveFields(["api_key", "password", "token", "pin", "prompt"])
    await bench.pass().run()
    #expect(try await bench.goal()?.kind == .list)
    #expect(try await bench.clear(3).paths == ["api_key", "prompt"])
    bench.sealing.policy.fields = SensitiveFields(["api_key"])
    await bench.pass().run()
    #expect(try await bench.goal()?.fields.canonical == ["apikey"])
    #expect(try await bench.clear(3).paths == ["api_key", "prompt"])
    _ = try await bench.store.submit(
      [NewTask(id: TaskID(number: 99), agent: "coder", input: ["token": "written-between"])], key: nil,
      maximumUnfinished: 9, by: .local)
    #expect(try await bench.store.task(TaskID(number: 99))?.input == ["token": "written-between"])
    bench.sealing.policy.fields = .standard
    await bench.pass().run()
    #expect(try await bench.store.task(TaskID(number: 99))?.input == ["token": "[sealed]"])
    // Out of force and in again before any pass looked.
    bench.sealing.policy.fields = SensitiveFields(["api_key", "password"])
    _ = try await bench.store.submit(
      [NewTask(id: TaskID(number: 100), agent: "coder", input: ["token": "written-between"])], key: nil,
      maximumUnfinished: 9, by: .local)
    bench.sealing.policy.fields = .standard
    await bench.pass().run()
    #expect(try await bench.store.task(TaskID(number: 100))?.input == ["token": "[sealed]"])
    #expect(try await bench.traces(of: "written-between") == 0)
  }

  @Test("after a rotation every value is sealed anew, the old key is destroyed, and rows written meanwhile stay whole")
  func rotation() async throws {
    let fixture = try old(tasks: 40)
    let keys = try TestKeys()
    let bench = try await Bench(fixture, keys)
    await bench.pass().run()
    let before = try await bench.file.read { try Data.fetchOne($0, sql: "SELECT body FROM journal WHERE seq = 1") }
    let (new, opening) = try bench.ring.newActiveFieldRow(at: Timestamp(milliseconds: 9))
    let table = KeyRingStore(file: bench.file)
    let rows = try await table.addActive(new, opening: opening)
    // Committed, and not in force yet: nothing is to be done, and the key in use must stay.
    await bench.pass().run()
    #expect(try await table.rows().map(\.state) == [.opening, .active, .active])
    _ = try await bench.store.submit(
      [NewTask(id: TaskID(number: 99), agent: "coder", input: ["token": "12345678"])], key: nil, maximumUnfinished: 9,
      by: .local)
    try bench.ring.adopt(rows)
    await bench.pass { $0.rows = 9 }.run()
    #expect(try await bench.goal()?.kind == .key)
    let states = try await table.rows()
    #expect(states.map(\.state) == [.destroyed, .active, .active] && states[0].wrapped.isEmpty)
    #expect(bench.ring.rows == states)
    try await expectSealed(bench, tasks: 40)
    #expect(try await bench.clear(99).reveal(path: "token") == "12345678")
    let after = try await bench.file.read { try Data.fetchOne($0, sql: "SELECT body FROM journal WHERE seq = 1") }
    #expect(before != after)
    await bench.file.close()
    // The ring as the table has it opens all.
    let next = try await Bench(fixture, keys)
    try await expectSealed(next, tasks: 40)
    await next.file.close()
  }

  @Test("a value that does not open stays, is told, and keeps its key")
  func unopened() async throws {
    let fixture = try old(tasks: 3)
    let bench = try await Bench(fixture, TestKeys())
    await bench.pass().run()
    try await bench.file.write(.essential) { context in
      try context.db.run("UPDATE journal SET body = (SELECT body FROM journal WHERE seq = 1) WHERE seq = 5")
    }
    let (new, opening) = try bench.ring.newActiveFieldRow(at: Timestamp(milliseconds: 9))
    try bench.ring.adopt(try await KeyRingStore(file: bench.file).addActive(new, opening: opening))
    await bench.pass().run()
    #expect(try await bench.goal()?.isFinished == true)
    #expect(try await bench.goal()?.unopened == 2)
    #expect(fixture.logged("error sealed_value_invalid: The sealed value of row 5 of table journal, column body"))
    #expect(try await KeyRingStore(file: bench.file).rows()[0].state == .opening)
    #expect(try await bench.store.task(TaskID(number: 2))?.input["api_key"] == "[sealed]")
    await bench.file.close()
  }

  @Test("it is over only when the WAL could be emptied: a reader holds it up, and nobody else waits")
  func busy() async throws {
    let fixture = try old(tasks: 3)
    let bench = try await Bench(fixture, TestKeys())
    let gate = WriterGate()
    async let reader: Void = bench.file.read { db in
      _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM task")
      gate.hold()
    }
    _ = await eventually { gate.isEntered }
    let pass = bench.pass()
    async let run: Void = pass.run()
    #expect(await eventually { fixture.clock.sleeperCount == 1 })
    #expect(try await bench.goal()?.isFinished == false)
    #expect(pass.progress().isRunning)
    gate.open()
    try await reader
    #expect(
      await eventually {
        fixture.clock.advance(by: .seconds(1))
        return !pass.progress().isRunning
      })
    await run
    #expect(try await bench.goal()?.isFinished == true)
    #expect(try await bench.traces(of: "planted-") == 0)
  }

  @Test("a new installation has nothing to seal, and an unchanged one does nothing at its next start")
  func nothingToDo() async throws {
    let fixture = try StoreFixture()
    let keys = try TestKeys()
    var bench = try await Bench(fixture, keys)
    await bench.pass().run()
    #expect(try await bench.goal()?.isFinished == true && !fixture.logged("sealing_started"))
    await bench.file.close()
    bench = try await Bench(fixture, keys)
    let commits = bench.file.commitNumber
    await bench.pass().run()
    #expect(bench.file.commitNumber == commits)
    await bench.file.close()
  }

  @Test("a turn of the writer ends when its time is up, with the place reached in the same commit")
  func turns() async throws {
    let fixture = try old(tasks: 20)
    let bench = try await Bench(fixture, TestKeys())
    let before = bench.file.commitNumber
    // No time at all: one row a turn.
    await bench.pass { $0.writer = .zero }.run()
    // Three of a task's four rows change.
    #expect(bench.file.commitNumber - before > 60)
    try await expectSealed(bench, tasks: 20)
    await bench.file.close()
  }
}
