import AgentCore
import AgentTestKit
import Foundation
import GRDB
import Synchronization
import Testing

@testable import AgentPersistence

@Suite struct GroupCommitTests {
  @Test("The writer's and the readers' settings read back as durability needs them")
  func settings() async throws {
    let store = try StoreFixture().open()
    let pragmas = [
      "synchronous", "journal_mode", "auto_vacuum", "foreign_keys", "wal_autocheckpoint", "temp_store", "secure_delete",
    ]
    let writer = try await store.write { context in
      try pragmas.map { try String.fetchOne(context.db, sql: "PRAGMA \($0)") ?? "" }
    }
    #expect(writer == ["2", "wal", "2", "1", "0", "2", "1"])
    let reader = try await store.read { db in
      try ["journal_mode", "wal_autocheckpoint", "query_only", "busy_timeout"].map {
        try String.fetchOne(db, sql: "PRAGMA \($0)") ?? ""
      }
    }
    #expect(reader == ["wal", "0", "1", "100"] || reader == ["wal", "0", "0", "100"])
    await #expect(throws: StoreError.self) {
      try await store.read { db in try db.execute(sql: "INSERT INTO name (text) VALUES ('x')") }
    }
    await store.close()
  }

  @Test("A connection that would leave deleted bytes in free space overwrites them from then on")
  func secureDelete() throws {
    let queue = try DatabaseQueue()
    let answers = try queue.writeWithoutTransaction { db -> [Int?] in
      // Some builds of SQLite have it on from the beginning.
      try db.execute(sql: "PRAGMA secure_delete = OFF")
      let before = try Int.fetchOne(db, sql: "PRAGMA secure_delete")
      try WriterConnection.overwriteDeleted(db)
      return [before, try Int.fetchOne(db, sql: "PRAGMA secure_delete")]
    }
    #expect(answers == [0, 1])
  }

  @Test("Writes that wait together go into one commit, at most 256 of them")
  func grouping() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    let before = store.commitNumber
    let results = try await store.together((0..<300).map { addName("name \($0)") })
    #expect(results.count == 300)
    // The one that held the writer, 256, and the rest.
    #expect(store.commitNumber == before + 3)
    #expect(try await store.count("name") == 300)
    let sequences: [Int64] = fixture.notices.withLock { notices in notices.map(\.lastSequence) }
    #expect(sequences == [0, 256, 300])
    let drawn: [Int64] = results.compactMap(\.value)
    #expect(drawn == Array(1...300))
    await store.close()
  }

  @Test("A closure that throws fails alone, and its rows, numbers and counts go with it")
  func failsAlone() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    let results = try await store.together([
      addName("a"),
      { context in
        _ = try addName("b")(context)
        context.count(.tasks, "1:0", by: 5)
        context.touch(TaskID(number: 9))
        throw StoreError(.claimLost, "not any more")
      },
      { context in
        context.count(.tasks, "1:0", by: 1)
        return try addName("c")(context)
      },
      addName("a"),
    ])
    #expect(results[0] == .success(1))
    #expect(results[1] == .failure(StoreError(.claimLost, "not any more")))
    #expect(results[2] == .success(2))
    #expect(results[3].failureCode == .storageIOError)
    #expect(try await store.read { try String.fetchAll($0, sql: "SELECT text FROM name ORDER BY id") } == ["a", "c"])
    #expect(store.counters() == [CounterKey(name: .tasks, label: "1:0"): 1])
    #expect(store.lastSequence == 2)
    let touched: Set<TaskID>? = fixture.notices.withLock { notices in notices.last?.tasks }
    #expect(touched == [])
    await store.close()
  }

  @Test("A refusal is told only after the commit that it may rest on")
  func refusalsWait() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    fixture.faults.withLock { $0 = [store.commitNumber + 2: 1034] }
    let results = try await store.together([
      addName("a"),
      { context in
        let count = try Int.fetchOne(context.db, sql: "SELECT count(*) FROM name") ?? 0
        throw StoreError(count == 1 ? .queueFull : .notFound, "")
      },
    ])
    // The row that the second one saw never came to be: it must not be told of it.
    #expect(results.allSatisfy { $0.failureCode == .storageIOError })
    await store.close()
  }

  @Test("A batch whose transaction is gone is run again, one closure a transaction")
  func lostTransaction() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    _ = try await store.write { context in
      try context.db.execute(
        sql: """
          CREATE TRIGGER poison BEFORE INSERT ON name WHEN NEW.text = 'poison'
          BEGIN SELECT RAISE(ROLLBACK, 'all of it'); END
          """)
    }
    let before = store.commitNumber
    let results = try await store.together(["a", "poison", "b"].map { addName($0) })
    #expect(results.map { $0.failureCode == nil } == [true, false, true])
    #expect(try await store.read { try String.fetchAll($0, sql: "SELECT text FROM name ORDER BY id") } == ["a", "b"])
    #expect(store.commitNumber == before + 3)
    #expect(store.lastSequence == 2)
    #expect(store.condition == nil)
    await store.close()
  }

  @Test("A write that commits by itself is told so, and harms nobody else")
  func ownCommit() async throws {
    let store = try StoreFixture().open()
    let results = try await store.together([
      addName("a"),
      { context in
        try context.db.execute(sql: "ROLLBACK")
        return 0
      },
    ])
    #expect(results[0].failureCode == nil)
    #expect(results[1].failureCode == .storageIOError)
    #expect(try await store.count("name") == 1)
    await store.close()
  }

  @Test("Too many callers that wait are turned away, essential writes never")
  func bounds() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open { $0.waitingCallers = 2 }
    let gate = WriterGate()
    async let holder: Void = store.write(.essential, gate.closure)
    #expect(await eventually { gate.isEntered })
    async let first = store.write(addName("a"))
    async let second = store.write(addName("b"))
    #expect(await eventually { store.waitingWrites == 2 })
    await #expect(throws: StoreError(.overloaded, "2 writes wait already: try again later.").asRefusal) {
      try await store.write(addName("c"))
    }
    async let essential = store.write(.essential, addName("d"))
    #expect(await eventually { store.waitingWrites == 3 })
    gate.open()
    _ = try await (holder, first, second, essential)
    #expect(try await store.count("name") == 3)
    await store.close()
  }

  @Test("What only the reserve holds is kept for essential writes")
  func reserve() async throws {
    let store = try StoreFixture().open { $0.reservedBytes = .max }
    let refusal = await #expect(throws: StoreError.self) { try await store.write(addName("a")) }
    #expect(refusal?.code == .diskFull)
    // It never ran: whoever prepared something for it can take that back.
    #expect(refusal?.leavesOutcomeUnknown == false)
    _ = try await store.write(.essential, addName("b"))
    #expect(try await store.count("name") == 1)
    await store.close()
  }

  @Test("A closed store has done what waited, and says that it is closed")
  func closing() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    let gate = WriterGate()
    async let holder: Void = store.write(gate.closure)
    #expect(await eventually { gate.isEntered })
    async let waiting = store.write(addName("a"))
    #expect(await eventually { store.waitingWrites == 1 })
    async let closed: Void = store.close()
    gate.open()
    _ = try await (holder, waiting)
    await closed
    await store.close()
    await #expect(throws: StoreError(.closed, "The store is closed.").asRefusal) { try await store.write(addName("b")) }
    await #expect(throws: StoreError(.closed, "The store is closed.")) { try await store.count("name") }
    // The last checkpoint has moved everything; SQLite took the WAL away with the last connection.
    #expect(!FileManager.default.fileExists(atPath: fixture.wal))
    let again = try fixture.open()
    #expect(try await again.count("name") == 1)
    await again.close()
  }

  @Test("A caller that is cancelled still reads and writes to the end")
  func cancelledCaller() async throws {
    let store = try StoreFixture().open()
    let outcome = await withTaskGroup(of: Int?.self) { group in
      group.addTask {
        while !Task.isCancelled { await Task.yield() }
        guard await store.outcome(addName("a")).value == 1 else { return nil }
        return try? await store.count("name")  // An error shows as nil, which is no count.
      }
      group.cancelAll()
      return await group.next() ?? nil
    }
    #expect(outcome == 1)
    await store.close()
  }

  @Test("Checkpoints are run by the writer once the WAL is long, and the WAL begins anew")
  func checkpoints() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open { $0.checkpointPages = 50 }
    for index in 0..<400 { _ = try await store.write(addName(String(repeating: "x", count: 1000) + "\(index)")) }
    let size = fixture.bytes(fixture.wal)?.count ?? 0
    #expect(size > 0 && size < 1_000_000)
    await store.close()
  }

  @Test("Fault points are passed right around the commit")
  func faultPoints() async throws {
    final class Recorder: FaultInjector {
      let points = Mutex<[String]>([])
      func reached(_ point: FaultPoint) { points.withLock { $0.append(point.description) } }
    }
    let recorder = Recorder()
    var options = try StoreFixture().options()
    options.faults = recorder
    let store = try StoreFile.open(options)
    _ = try await store.write { $0.mark(.create) }
    #expect(recorder.points.withLock { $0 } == ["create.before_commit", "create.after_commit"])
    await store.close()
  }
}

extension Result where Failure == StoreError {
  var value: Success? { if case .success(let value) = self { value } else { nil } }
  var failureCode: StoreError.Code? { if case .failure(let error) = self { error.code } else { nil } }
}
