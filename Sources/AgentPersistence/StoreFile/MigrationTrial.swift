import AgentCore
import GRDB

/// What a start of this version would do to the database, as it was tried and taken back.
package struct MigrationTrial: Sendable, Hashable {
  package struct Step: Sendable, Hashable {
    package var number: Int
    package var name: String
  }
  /// The schema that the database has; nil where there is no database.
  package var schema: Int?
  /// The one that this version works with.
  package var newest: Int
  /// Empty where there is nothing to do.
  package var steps: [Step] = []
}

extension StoreFile {
  /// Runs the migrations of a start, with their checks, in one transaction, and rolls that back. What is stored stays as
  /// it was; the data folder's lock is held meanwhile. Takes as long as the start would, and as much of the disk.
  ///
  /// `options.keyCheck` is asked as a start asks it, and must write nothing.
  ///
  /// - Throws: `StoreStartError`, as `open` would: `data_folder_in_use` while a service runs, `schema_newer`,
  ///   `database_corrupt`, `wal_missing`, `migration_failed`, …
  package static func tryMigrations(_ options: StoreOptions) throws(StoreStartError) -> MigrationTrial {
    let newest = Migrations.all.last?.number ?? 0
    let folder = try DataFolder.acquire(options.folder)
    defer { folder.release() }
    do {
      try options.keyCheck.beforeDatabase()
      let inspection = try DatabaseInspection(folder.databasePath, options.limits)
      try StoreStart.checkNothingLost(inspection.state, WALPosition.File(folder: options.folder).read())
      _ = try options.keyCheck.beforeWriting(inspection.keyRing, inspection.state.installation)
      guard KeptDescriptor.isPresent(folder.databasePath) else { return MigrationTrial(newest: newest) }
      // Stays open: SQLite is about to take its locks.
      let kept = try inspection.keepOrCreate(folder.databasePath)
      let writer = try WriterConnection(path: folder.databasePath, limits: options.limits)
      defer { if writer.close() { kept.closeAfterConnections() } }
      return try writer.queue.writeWithoutTransaction { db in
        let schema = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        let steps = try SchemaMigrator.migrate(db, keeping: false)
        return MigrationTrial(
          schema: schema == 0 ? nil : schema, newest: newest,
          steps: steps.map { MigrationTrial.Step(number: $0.number, name: $0.name) })
      }
    } catch {
      throw StoreStartError(describing: error)
    }
  }
}
