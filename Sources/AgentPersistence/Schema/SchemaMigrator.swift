import AgentCore
import GRDB

/// Brings a database to the newest schema, one transaction a step.
enum SchemaMigrator {
  /// - Throws: `StoreStartError.migrationFailed`; the steps before the failed one stand, that one left nothing.
  static func migrate(_ db: Database, steps: [Migrations.Step] = Migrations.all) throws {
    let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    for step in steps where step.number > version {
      do {
        try db.inTransaction(.immediate) {
          try db.execute(sql: step.statements)
          // A pragma takes no parameter; both are numbers of ours.
          try db.execute(sql: "PRAGMA user_version = \(step.number)")
          try db.execute(sql: "PRAGMA application_id = \(Migrations.applicationID)")
          return .commit
        }
      } catch {
        throw StoreStartError(
          .migrationFailed,
          "Migration \(step.number) (\(step.name)) failed and left nothing: \(StoreError(describing: error).detail) "
            + "Put the cause right, or install the version before.")
      }
    }
  }
}
