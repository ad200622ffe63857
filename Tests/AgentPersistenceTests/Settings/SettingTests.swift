import AgentCore
import AgentTestKit
import GRDB
import Testing

@testable import AgentPersistence

@Suite struct SettingTests {
  private static func store(_ fixture: StoreFixture) async throws -> (SQLiteTaskStore, StoreFile) {
    let file = try fixture.open()
    let sealing = StoreSealing(ring: try TestKeys.ring(), policy: SensitivePolicy())
    let store = try await SQLiteTaskStore(
      file: file, clock: fixture.clock, digester: FixedDigester(), sealing: sealing)
    return (store, file)
  }

  @Test("a setting is there when `set` returns, after a start too; another value takes its place")
  func durable() async throws {
    let fixture = try StoreFixture()
    var (store, file) = try await Self.store(fixture)
    #expect(try await store.settings() == [])
    let first = StoredSetting(name: "default_provider", value: "a", fileValue: nil)
    try await store.set(first, by: .local)
    #expect(try await store.settings() == [first])
    await file.close()
    (store, file) = try await Self.store(fixture)
    #expect(try await store.settings() == [first])
    let second = StoredSetting(name: "default_provider", value: "b", fileValue: "a")
    let other = StoredSetting(name: "another", value: "x", fileValue: "")
    try await store.set(second, by: .uid(7))
    try await store.set(other, by: .uid(7))
    #expect(try await store.settings() == [other, second])
    let actor = try await file.read { db in
      try String.fetchOne(
        db, sql: "SELECT text FROM setting JOIN name ON name.id = actor WHERE setting.name = 'default_provider'")
    }
    #expect(actor == "uid:7")
    await file.close()
  }

  @Test("a dropped setting is gone, and dropping it again says so")
  func dropped() async throws {
    let fixture = try StoreFixture()
    let (store, file) = try await Self.store(fixture)
    try await store.set(StoredSetting(name: "n", value: "a", fileValue: nil), by: .local)
    #expect(try await store.dropSetting("n", by: .system))
    #expect(try await !store.dropSetting("n", by: .system))
    #expect(try await store.settings() == [])
    await file.close()
  }

  @Test("a database of the version before gets the table and keeps what it has")
  func migration() throws {
    let queue = try DatabaseQueue()
    try queue.writeWithoutTransaction { db in
      try SchemaMigrator.migrate(db, steps: Array(Migrations.all.prefix(3)))
      try db.execute(sql: "INSERT INTO name VALUES (1, 'local'); INSERT INTO meta VALUES ('epoch', 4)")
      try SchemaMigrator.migrate(db)
      #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM setting") == 0)
      #expect(try Int.fetchOne(db, sql: "SELECT value FROM meta WHERE name = 'epoch'") == 4)
      #expect(try String.fetchOne(db, sql: "SELECT text FROM name") == "local")
      #expect(try Int.fetchOne(db, sql: "PRAGMA user_version") == Migrations.all.count)
    }
  }
}
