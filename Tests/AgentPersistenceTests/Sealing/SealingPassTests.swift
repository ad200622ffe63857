import AgentCore
import AgentTestKit
import Foundation
import GRDB
import Testing

@testable import AgentPersistence

@Suite("The pass that seals rows which are there already")
struct SealingPassTests {
  private typealias Bench = SealingBench

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
    let fixture = try OldDatabase.fixture(tasks: 300)
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
    let fixture = try OldDatabase.fixture(tasks: 60)
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
    let fixture = try OldDatabase.fixture(tasks: 5)
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
    let fixture = try OldDatabase.fixture(tasks: 40)
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
    let fixture = try OldDatabase.fixture(tasks: 3)
    let bench = try await Bench(fixture, TestKeys())
    await bench.pass().run()
    try await bench.file.write(.essential) { context in
      try context.db.run("UPDATE journal SET body = (SELECT body FROM journal WHERE seq = 1) WHERE seq = 5")
    }
    try await bench.rotate()
    #expect(try await bench.goal()?.isFinished == true)
    #expect(try await bench.goal()?.unopened == 2)
    #expect(fixture.logged("error sealed_value_invalid: The sealed value of row 5 of table journal, column body"))
    #expect(try await KeyRingStore(file: bench.file).rows()[0].state == .opening)
    #expect(try await bench.store.task(TaskID(number: 2))?.input["api_key"] == "[sealed]")
    await bench.file.close()
  }

  @Test("beside a value that does not open, its key alone outlives the next rotations, and it is told once a start")
  func unopenedLater() async throws {
    let fixture = try OldDatabase.fixture(tasks: 3)
    let keys = try TestKeys()
    let bench = try await Bench(fixture, keys)
    await bench.pass().run()
    let whole = try await bench.file.write(.essential) { context in
      let row = try context.db.firstRow("SELECT body FROM journal WHERE seq = 5")
      try context.db.run("UPDATE journal SET body = (SELECT body FROM journal WHERE seq = 1) WHERE seq = 5")
      return try #require(row)[0] as Data
    }
    for _ in 0..<3 { try await bench.rotate() }
    let table = KeyRingStore(file: bench.file)
    #expect(try await table.rows().map(\.state) == [.opening, .active, .destroyed, .destroyed, .active])
    #expect(bench.ring.rows == (try await table.rows()))
    // Key and metadata of the one row; the worker that asks is told, and not the log again.
    await #expect(throws: StoreError.self) { try await bench.clear(2) }
    #expect(fixture.log.withLock { $0.filter { $0.contains("error sealed_value_invalid") } }.count == 2)
    await bench.file.close()

    let next = try await Bench(fixture, keys)
    try await next.rotate()
    #expect(fixture.log.withLock { $0.filter { $0.contains("error sealed_value_invalid") } }.count == 4)
    // Put back from a backup, it opens, and then nothing needs its key.
    try await next.file.write(.essential) { context in
      try context.db.run("UPDATE journal SET body = ? WHERE seq = 5", [whole])
    }
    #expect(try await next.clear(2).reveal(path: "api_key") == "planted-2-input")
    try await next.rotate()
    let states = try await KeyRingStore(file: next.file).rows().filter { $0.purpose == .field }.map(\.state)
    #expect(states == [.destroyed, .destroyed, .destroyed, .destroyed, .destroyed, .active])
    try await expectSealed(next, tasks: 3)
    await next.file.close()
  }

  @Test("it is over only when the WAL could be emptied: a reader holds it up, and nobody else waits")
  func busy() async throws {
    let fixture = try OldDatabase.fixture(tasks: 3)
    let bench = try await Bench(fixture, TestKeys())
    let gate = WriterGate()
    async let reader: Void = bench.file.read { db in
      _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM task")
      gate.hold()
    }
    #expect(await eventually { gate.isEntered })
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
}
