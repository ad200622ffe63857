import AgentCore
import GRDB

/// What must be the same after a migration as before it, whatever its steps did. Costs a pass over two indexes.
struct MigrationCheck: Sendable, Hashable {
  /// How many tasks and journal entries there are, and the newest of each.
  private let counts: [Int64]

  init(counting db: Database) throws { counts = try Self.count(db) }

  private static func count(_ db: Database) throws -> [Int64] {
    try ["count(*) FROM task", "max(id) FROM task", "count(*) FROM journal", "max(seq) FROM journal"].map {
      try Int64.fetchOne(db, sql: "SELECT \($0)") ?? 0
    }
  }

  /// - Throws: `StoreError` with a sentence about what is not as it must be.
  func hold(in db: Database) throws {
    let after = try Self.count(db)
    guard after == counts else {
      throw StoreError(.databaseCorrupt, "There were \(Self.words(counts)), and after it \(Self.words(after)).")
    }
    guard try Row.fetchOne(db, sql: "PRAGMA foreign_key_check") == nil else {
      throw StoreError(.databaseCorrupt, "A row refers to another one that is not there.")
    }
    // A view is only looked through when it is asked: one whose table has changed below it fails now or at a user's.
    for name in try String.fetchAll(db, sql: "SELECT name FROM sqlite_schema WHERE type = 'view'") {
      _ = try Row.fetchOne(db, sql: "SELECT * FROM \"\(name)\" LIMIT 1")
    }
  }

  private static func words(_ counts: [Int64]) -> String {
    "\(counts[0]) tasks up to task-\(counts[1]) and \(counts[2]) events up to \(counts[3])"
  }
}
