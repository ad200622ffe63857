import AgentCore
import GRDB
import Vault

/// What lies at `agent.db`, found out without changing a byte of it or of its WAL: first by the file's header, read
/// through the descriptor that is kept, then by a connection that cannot write.
struct DatabaseInspection {
  /// As the last commit left it; all zero for a file that is yet to become a database.
  private(set) var state = CommitState()
  /// Empty where the schema has none yet.
  private(set) var keyRing: [KeyRingRow] = []
  private let kept: KeptDescriptor?

  /// - Throws: `StoreStartError`: `database_corrupt`, `database_foreign`, `schema_newer`, `storage_…`.
  init(_ path: String, _ limits: StoreLimits) throws {
    kept = try KeptDescriptor(path, creating: false)
    guard let kept, try kept.byteCount() > 0 else { return }
    guard let header = DatabaseHeader(try kept.read(DatabaseHeader.byteCount)) else {
      throw Self.corrupt("agent.db is not a database")
    }
    try Self.check(applicationID: Int64(header.applicationID), userVersion: Int(header.userVersion), isFinal: false)
    if try Self.isStillborn(header, kept, path) { return }
    do {
      (state, keyRing) = try Self.inspect(path, limits)
    } catch {
      let failure = StoreStartError(describing: error)
      throw failure.code == .databaseCorrupt ? Self.corrupt("agent.db is damaged: \(error)") : failure
    }
  }

  /// The descriptor, for as long as the process lives; makes the file where there was none.
  func keepOrCreate(_ path: String) throws(StoreStartError) -> KeptDescriptor {
    if let kept { return kept }
    guard let made = try KeptDescriptor(path, creating: true) else {
      throw StoreStartError(.storageIOError, "\(path) cannot be made: the data folder is gone.")
    }
    return made
  }

  private static func corrupt(_ what: String) -> StoreStartError {
    StoreStartError(
      .databaseCorrupt, "\(what): nothing was changed; restore a backup with `agent-system restore FILE`.")
  }

  /// An id of 0 says nothing yet unless it is final: ours is written with the first migration, maybe to the WAL alone.
  private static func check(applicationID: Int64, userVersion: Int, isFinal: Bool) throws(StoreStartError) {
    guard applicationID == Migrations.applicationID || (applicationID == 0 && !isFinal) else {
      throw StoreStartError(
        .databaseForeign,
        "agent.db is a database of another program (application id \(applicationID)): move it away, or set data_dir "
          + "to another folder.")
    }
    let newest = Migrations.all.last?.number ?? 0
    guard applicationID == 0 || userVersion <= newest else {
      throw StoreStartError(
        .schemaNewer,
        "agent.db has schema \(userVersion), this version knows \(newest): it was written by a newer version, and "
          + "nothing was changed. Install that version again, or one that is newer still; to go back to this one, put the "
          + "backup back that was taken before the upgrade.")
    }
  }

  /// Killed while SQLite made its first page: a journal is to be rolled back, which a reader cannot. One page holds
  /// no table, so nothing of anybody's is in it.
  private static func isStillborn(_ header: DatabaseHeader, _ kept: KeptDescriptor, _ path: String) throws -> Bool {
    guard !header.isWAL, header.applicationID == 0, header.userVersion == 0 else { return false }
    return try kept.byteCount() <= 4096 && KeptDescriptor.isPresent(path + "-journal")
  }

  private static func inspect(_ path: String, _ limits: StoreLimits) throws -> (CommitState, [KeyRingRow]) {
    var configuration = Configuration()
    configuration.label = "agent-system.inspection"
    configuration.readonly = true
    configuration.busyMode = .timeout(Double(limits.busyTimeoutMilliseconds) / 1000)
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    defer { try? queue.close() }  // One that cannot be closed holds a shared lock, which is in nobody's way.
    return try queue.read { db in
      let id = try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0
      let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
      let objects = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
      if id == 0, version == 0, objects == 0 { return (CommitState(), []) }
      try check(applicationID: id, userVersion: version, isFinal: true)
      for table in ["meta", "counter", "agent_state", "name"] {
        // A pragma takes no parameter; the names are ours.
        let answer = try String.fetchOne(db, sql: "PRAGMA quick_check(\(table))")
        guard answer == "ok" else { throw Self.corrupt("Table \(table) is damaged (\(answer ?? "no answer"))") }
      }
      return (try CommitState(reading: db), try db.tableExists("key_ring") ? db.keyRing() : [])
    }
  }
}
