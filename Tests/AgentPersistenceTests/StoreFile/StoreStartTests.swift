import AgentCore
import AgentTestKit
import Foundation
import GRDB
import Glibc
import Testing

@testable import AgentPersistence

@Suite struct StoreStartTests {
  private func refusal(_ fixture: StoreFixture) throws -> StoreStartError? {
    do {
      _ = try StoreFile.open(fixture.options())
      return nil
    } catch {
      return error
    }
  }

  /// Another program changes the file; the copy is made before that one closes.
  private func alter(
    _ fixture: StoreFixture, _ statements: String, truncating: Bool = false, copyingTo copy: StoreFixture? = nil
  ) throws {
    let queue = try DatabaseQueue(path: fixture.database)
    try queue.writeWithoutTransaction { db in
      try db.execute(sql: statements)
      if truncating { _ = try db.checkpoint(.truncate) }
    }
    if let copy {
      for name in ["agent.db", "agent.db-wal"] {
        try FileManager.default.copyItem(atPath: fixture.path + "/" + name, toPath: copy.path + "/" + name)
      }
    }
    try queue.close()
  }

  @Test("A new folder becomes a store: private, with its schema, its lock and its position")
  func newStore() async throws {
    let fixture = try StoreFixture(path: TemporaryFolder("gone").path + "/data")
    try FileManager.default.createDirectory(
      atPath: (fixture.path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    let store = try fixture.open()
    let row = try await store.read { db in
      [
        try Int64.fetchOne(db, sql: "PRAGMA application_id"), try Int64.fetchOne(db, sql: "PRAGMA user_version"),
      ]
    }
    #expect(row == [Migrations.applicationID, Int64(Migrations.all.count)])
    for (name, mode) in [("", 0o700), ("/agent.db", 0o600), ("/lock", 0o600)] {
      let attributes = try FileManager.default.attributesOfItem(atPath: fixture.path + name)
      #expect(attributes[.posixPermissions] as? Int == mode, "\(name)")
    }
    #expect(try String(contentsOfFile: fixture.path + "/lock", encoding: .utf8) == "\(getpid())\n")
    await store.close()
    #expect(FileManager.default.fileExists(atPath: fixture.path + "/wal.position"))
    try FileManager.default.removeItem(atPath: (fixture.path as NSString).deletingLastPathComponent)
  }

  @Test("A folder that is open to others is refused as a fault of the set-up", arguments: [0o750, 0o701, 0o500])
  func permissions(mode: Int) throws {
    let fixture = try StoreFixture()
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: fixture.path)
    let error = try refusal(fixture)
    #expect(error?.code == .dataFolderPermissions)
    #expect(error?.exitCode == 78)
    #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.path) == [])
  }

  @Test("A second opener is refused with the pid of the first, until that one has closed")
  func secondOpener() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    let error = try refusal(fixture)
    #expect(error?.code == .dataFolderInUse)
    #expect(error?.exitCode == 1)
    #expect(error?.detail.contains("process \(getpid())") == true)
    await store.close()
    let again = try fixture.open()
    await again.close()
  }

  @Test(
    "What is no database is refused untouched",
    arguments: [
      Data("a text file".utf8), Data(repeating: 0, count: 8192), Data("SQLite format 3\u{0}".utf8) + Data([9, 9, 9]),
    ])
  func noDatabase(content: Data) throws {
    let fixture = try StoreFixture()
    try content.write(to: URL(fileURLWithPath: fixture.database))
    let error = try refusal(fixture)
    #expect(error?.code == .databaseCorrupt)
    #expect(error?.detail.contains("restore") == true)
    #expect(fixture.bytes(fixture.database) == content)
  }

  @Test(
    "A newer or foreign database is refused, and neither it nor its WAL changes by a byte",
    arguments: [
      ("PRAGMA user_version = 99", StoreStartError.Code.schemaNewer),
      ("PRAGMA application_id = 7", .databaseForeign),
      ("PRAGMA application_id = 0", .databaseForeign),
    ], [false, true])
  func foreign(change: (String, StoreStartError.Code), isInWALOnly: Bool) async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    _ = try await store.write(addName("a"))
    await store.close()
    // With the WAL alone changed: as a kill leaves it, before any checkpoint.
    let copy = try StoreFixture()
    try alter(fixture, "PRAGMA wal_autocheckpoint = 0; \(change.0)", truncating: !isInWALOnly, copyingTo: copy)
    let before = [copy.bytes(copy.database), copy.bytes(copy.wal)]
    let error = try refusal(copy)
    #expect(error?.code == change.1)
    #expect(error?.exitCode == 1)
    #expect([copy.bytes(copy.database), copy.bytes(copy.wal)] == before)
  }

  @Test("Another program's database without an id is refused untouched")
  func foreignWithoutID() throws {
    let fixture = try StoreFixture()
    try alter(fixture, "CREATE TABLE recipe (text TEXT); INSERT INTO recipe VALUES ('soup')")
    let before = fixture.bytes(fixture.database)
    #expect(try refusal(fixture)?.code == .databaseForeign)
    #expect(fixture.bytes(fixture.database) == before)
  }

  @Test("A small table that is damaged is refused untouched")
  func damaged() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    for index in 0..<50 { _ = try await store.write(addName("name \(index)")) }
    let page = try await store.read {
      try Int.fetchOne($0, sql: "SELECT rootpage FROM sqlite_schema WHERE name = 'name'")
    }
    await store.close()
    var bytes = try #require(fixture.bytes(fixture.database))
    let start = (try #require(page) - 1) * 4096
    bytes.replaceSubrange(start..<start + 64, with: Data(repeating: 0xEE, count: 64))
    try bytes.write(to: URL(fileURLWithPath: fixture.database))
    let error = try refusal(fixture)
    #expect(error?.code == .databaseCorrupt)
    #expect(error?.detail.contains("restore") == true)
    #expect(fixture.bytes(fixture.database) == bytes)
  }

  @Test("A step of the schema that fails leaves the old data whole")
  func failedMigration() throws {
    let queue = try DatabaseQueue()
    let steps = [
      Migrations.Step(number: 1, name: "one", statements: "CREATE TABLE one (a); INSERT INTO one VALUES (1)"),
      Migrations.Step(number: 2, name: "two", statements: "DROP TABLE one; CREATE TABLE two (a); NONSENSE"),
    ]
    try queue.writeWithoutTransaction { db in
      do {
        try SchemaMigrator.migrate(db, steps: steps)
        Issue.record("migrated")
      } catch let error as StoreStartError {
        #expect(error.code == .migrationFailed)
      }
      // All of them or none.
      #expect(try Int.fetchOne(db, sql: "PRAGMA user_version") == 0)
      #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0)
      #expect(!db.isInsideTransaction)
    }
  }

  @Test("Counters that do not match the last commit are counted anew")
  func recount() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    _ = try await store.write { context in
      context.count(.tasks, "1:0", by: 4)
    }
    await store.close()
    try alter(fixture, "UPDATE counter SET value = 40")
    let again = try fixture.open()
    #expect(fixture.logged("counters_recounted"))
    #expect(again.counters() == [:])
    await again.close()
    fixture.log.withLock { $0 = [] }
    let third = try fixture.open()
    #expect(!fixture.logged("counters_recounted"))
    await third.close()
  }

  @Test("the WAL that a killed process leaves is in the database before the first acknowledgement")
  func killedWAL() async throws {
    let fixture = try StoreFixture()
    let file = try fixture.open { $0.checkpointPages = 1_000_000 }
    for number in 0..<300 {
      _ = try await file.outcome(addName("\(number) " + String(repeating: "x", count: 4000))).get()
    }
    let copy = try StoreFixture()
    for name in ["agent.db", "agent.db-wal", "wal.position"] {
      guard let bytes = fixture.bytes("\(fixture.path)/\(name)") else { continue }
      try bytes.write(to: URL(fileURLWithPath: "\(copy.path)/\(name)"))
    }
    await file.close()
    #expect(try #require(copy.bytes(copy.wal)).count > 1 << 20)
    let opened = try copy.open()
    // The start's own commit is all that stands in it.
    #expect((copy.bytes(copy.wal)?.count ?? 0) <= 16 * 4120)
    #expect(try await opened.count("name") == 300)
    await opened.close()
  }
}
