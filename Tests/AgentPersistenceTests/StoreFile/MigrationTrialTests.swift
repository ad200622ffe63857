import AgentCore
import AgentTestKit
import GRDB
import Testing

@testable import AgentPersistence

@Suite struct MigrationTrialTests {
  @Test(
    "A migration that loses a row, or breaks a view, fails as a whole",
    arguments: [
      "DELETE FROM journal WHERE seq = 2", "DELETE FROM task",
      "UPDATE journal SET seq = seq + 1 WHERE seq = 2",
      "ALTER TABLE meta RENAME COLUMN value TO number; DROP TABLE name",
    ])
  func caught(statements: String) throws {
    let queue = try DatabaseQueue()
    try queue.writeWithoutTransaction { db in
      try SchemaMigrator.migrate(db)
      try Self.fill(db)
      let newest = Migrations.all.count
      let step = Migrations.Step(number: newest + 1, name: "careless", statements: statements)
      #expect(throws: StoreStartError.self) { try SchemaMigrator.migrate(db, steps: Migrations.all + [step]) }
      #expect(try Int.fetchOne(db, sql: "PRAGMA user_version") == newest)
      #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM journal") == 2)
    }
  }

  @Test("A migration that keeps all rows passes its check, and kept or not its steps are told")
  func passes() throws {
    let queue = try DatabaseQueue()
    try queue.writeWithoutTransaction { db in
      try SchemaMigrator.migrate(db)
      try Self.fill(db)
      let newest = Migrations.all.count
      let step = Migrations.Step(number: newest + 1, name: "careful", statements: "CREATE TABLE more (a)")
      for (keeping, version) in [(false, newest), (true, newest + 1)] {
        #expect(
          try SchemaMigrator.migrate(db, steps: Migrations.all + [step], keeping: keeping).map(\.name) == ["careful"])
        #expect(try Int.fetchOne(db, sql: "PRAGMA user_version") == version)
      }
      #expect(try SchemaMigrator.migrate(db, steps: Migrations.all + [step]).isEmpty)
    }
  }

  @Test("A folder without a database is told so, and gets none")
  func empty() throws {
    let fixture = try StoreFixture()
    let trial = try StoreFile.tryMigrations(fixture.options())
    #expect(trial == MigrationTrial(schema: nil, newest: Migrations.all.count, steps: []))
    #expect(fixture.bytes(fixture.database) == nil)
  }

  @Test("Where commits are missing the trial refuses as the start does")
  func missing() async throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    _ = try await store.write { _ in }
    await store.close()
    let queue = try DatabaseQueue(path: fixture.database)
    try await queue.write { db in try db.execute(sql: "UPDATE meta SET value = 0 WHERE name = 'commit_number'") }
    try queue.close()
    do {
      _ = try StoreFile.tryMigrations(fixture.options())
      Issue.record("tried")
    } catch {
      #expect(error.code == .walMissing)
    }
  }

  private static func fill(_ db: Database) throws {
    try db.execute(
      sql: """
        INSERT INTO task (id, agent, owner, status, priority, attempt, max_attempts, last_task_seq, created, timeout,
          input_seq) VALUES (1, 1, 1, 0, 5, 1, 3, 1, 0, 60000, 1);
        INSERT INTO journal (seq, task, task_seq, type, at, epoch, actor, head) VALUES (1, 1, 1, 1, 0, 1, 1, '{}'),
          (2, 1, 2, 2, 0, 1, 1, '{}');
        """)
  }
}
