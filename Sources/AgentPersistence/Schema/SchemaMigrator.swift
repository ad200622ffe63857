import AgentCore
import GRDB

/// Brings a database to the newest schema: all steps, and what is checked after them, in one transaction.
enum SchemaMigrator {
  /// The steps that ran; none where the schema is the newest. Not `keeping`: all is taken back at the end.
  ///
  /// - Throws: `StoreStartError.migrationFailed`; nothing was changed then.
  @discardableResult
  static func migrate(
    _ db: Database, steps: [Migrations.Step] = Migrations.all, keeping: Bool = true
  ) throws -> [Migrations.Step] {
    let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    let due = steps.filter { $0.number > version }
    guard let newest = due.last else { return [] }
    var place = "its beginning"
    do {
      try db.inTransaction(.immediate) {
        let before = version == 0 ? nil : try MigrationCheck(counting: db)
        for step in due {
          place = "step \(step.number) (\(step.name))"
          try db.execute(sql: step.statements)
        }
        // A pragma takes no parameter; both are numbers of ours.
        try db.execute(sql: "PRAGMA user_version = \(newest.number)")
        try db.execute(sql: "PRAGMA application_id = \(Migrations.applicationID)")
        place = "the check after it"
        try before?.hold(in: db)
        return keeping ? .commit : .rollback
      }
    } catch {
      throw StoreStartError(
        .migrationFailed,
        "The migration from schema \(version) to \(newest.number) failed at \(place), and the data is as it was: "
          + "\(StoreError(describing: error).detail) Put the cause right and start again, or install the version before."
      )
    }
    return due
  }
}
