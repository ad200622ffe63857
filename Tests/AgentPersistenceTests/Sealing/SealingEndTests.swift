import AgentCore
import AgentTestKit
import GRDB
import Testing
import Vault

@testable import AgentPersistence

@Suite("The end of a sealing pass, and what goes on beside it", .timeLimit(.minutes(5)))
struct SealingEndTests {
  @Test("a task whose values are being opened while a rotation ends gets them, though its key is gone by then")
  func reader() async throws {
    let fixture = try OldDatabase.fixture(tasks: 3)
    let bench = try await SealingBench(fixture, TestKeys())
    await bench.pass().run()
    let gate = WriterGate()
    let store = bench.store
    async let clear = store.clearValues(of: TaskID(number: 2), onRead: { gate.hold() })
    #expect(await eventually { gate.isEntered })
    async let rotation: Void = bench.rotate()
    #expect(await eventually { bench.ring.rows[0].state == .destroyed })
    // Once for each reading.
    for _ in 0..<2 { gate.open() }
    #expect(try await clear.reveal(path: "api_key") == "planted-2-input")
    #expect(
      try await eventually {
        fixture.clock.advance(by: .seconds(1))
        return try await bench.goal()?.isFinished == true
      })
    try await rotation
    #expect(!fixture.logged("key_unknown"))
    await bench.file.close()
  }

  @Test("a key that was never there is told at once")
  func unknown() async throws {
    let fixture = try OldDatabase.fixture(tasks: 1)
    let bench = try await SealingBench(fixture, TestKeys())
    await bench.pass().run()
    let mark = SealedMark([1, 1, 0, 0, 0, 9] + Array(repeating: 7, count: 40))
    let body: JSONValue = ["input": ["api_key": mark.stored]]
    try await bench.file.write(.essential) { context in
      try context.db.run("UPDATE journal SET body = ? WHERE seq = 1", [JSONColumn.encode(body)])
    }
    await #expect {
      try await bench.clear(1)
    } throws: { ($0 as? StoreError)?.code == .keyUnknown }
    #expect(fixture.logged("error key_unknown"))
    await bench.file.close()
  }

  @Test("a pass that waits for the WAL to be emptied ends with the store")
  func closed() async throws {
    let fixture = try OldDatabase.fixture(tasks: 3)
    let bench = try await SealingBench(fixture, TestKeys())
    let gate = WriterGate()
    async let reader: Void = bench.file.read { db in
      _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM task")
      gate.hold()
    }
    #expect(await eventually { gate.isEntered })
    let pass = bench.pass()
    async let run: Void = pass.run()
    #expect(await eventually { fixture.clock.sleeperCount == 1 })
    gate.open()
    try await reader
    await bench.file.close()
    await #expect(throws: StoreError.self) { try await bench.file.truncateWAL() }
    fixture.clock.advance(by: .milliseconds(100))
    #expect(await eventually { !pass.progress().isRunning })
    await run
    #expect(!fixture.logged("sealing_finished"))
  }
}
