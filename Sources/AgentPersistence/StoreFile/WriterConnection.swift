import AgentCore
import Dispatch
import GRDB
import GRDBSQLite
import Synchronization

/// The one connection that writes and checkpoints, set up so that a COMMIT that returned is on disk.
struct WriterConnection: Sendable {
  let queue: DatabaseQueue
  private let meter: WALMeter
  private let checkpointPages: Int
  private var nextCheckpoint: Int

  /// - Throws: `StoreStartError.notDurable` when a setting does not read back as it must, `DatabaseError` otherwise.
  init(path: String, limits: StoreLimits) throws {
    var configuration = Configuration()
    configuration.label = "agent-system.writer"
    configuration.foreignKeysEnabled = true
    configuration.busyMode = .timeout(Double(limits.busyTimeoutMilliseconds) / 1000)
    // A batch that lost its transaction, or holds one at an unforeseen error, is ended by the writer itself.
    configuration.allowsUnsafeTransactions = true
    configuration.prepareDatabase { db in
      // Only a file without a page takes this, and only before WAL is on: later it silently stays off.
      try db.tellingReadOnly { try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL") }
    }
    queue = try DatabaseQueue(path: path, configuration: configuration)
    meter = WALMeter()
    checkpointPages = limits.checkpointPages
    nextCheckpoint = limits.checkpointPages
    do {
      try queue.writeWithoutTransaction { [meter] db in
        try db.tellingReadOnly { try Self.makeDurable(db, meter) }
      }
    } catch {
      try? queue.close()  // The first error says more than that of a connection which never worked.
      throw error
    }
  }

  private static func makeDurable(_ db: Database, _ meter: WALMeter) throws {
    // SQLite falls back to reading when it may not write: such a connection must not pass for one that works.
    guard sqlite3_db_readonly(db.sqliteConnection, "main") == 0 else {
      throw DatabaseError(resultCode: .SQLITE_READONLY, message: "the file may only be read")
    }
    let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
    try db.execute(sql: "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0")
    try overwriteDeleted(db)
    let synchronous = try Int.fetchOne(db, sql: "PRAGMA synchronous")
    guard mode == "wal", synchronous == 2 else {
      throw StoreStartError(
        .notDurable,
        "SQLite answers journal_mode \(mode ?? "nothing"), synchronous \(synchronous ?? -1) where wal and 2 are asked "
          + "for: use a local file system that supports shared memory.")
    }
    // Set last: `wal_autocheckpoint` takes the place of any hook.
    sqlite3_wal_hook(db.sqliteConnection, countPages, Unmanaged.passUnretained(meter).toOpaque())
  }

  /// What is deleted, or sealed where it stood in clear, is overwritten with zeros.
  static func overwriteDeleted(_ db: Database) throws {
    let answer = try Int.fetchOne(db, sql: "PRAGMA secure_delete = ON")
    guard answer == 1 else {
      throw StoreStartError(.notDurable, "SQLite answers secure_delete \(answer ?? -1) where 1 is asked for.")
    }
  }

  /// Restarts the WAL from its beginning once all of it is in the database. Called before the first acknowledgement.
  func truncateWAL() throws {
    _ = try queue.writeWithoutTransaction { db in try Self.checkpoint(db, .truncate) }
  }

  /// The same while others read: false when one of them holds the WAL up. Waits for nobody, whatever the connection's
  /// own patience.
  mutating func truncateWALUnlessBusy(patience milliseconds: Int) throws -> Bool {
    let isEmpty = try queue.writeWithoutTransaction { db in
      sqlite3_busy_timeout(db.sqliteConnection, 0)
      defer { sqlite3_busy_timeout(db.sqliteConnection, CInt(milliseconds)) }
      do {
        return try Self.checkpoint(db, .truncate)
      } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
        return false
      }
    }
    if isEmpty { nextCheckpoint = checkpointPages }
    return isEmpty
  }

  /// True when so many pages have come to the WAL since the last checkpoint that it is time for the next.
  var isCheckpointDue: Bool { meter.pages.load(ordering: .relaxed) >= nextCheckpoint }

  /// Moves what no reader needs any more from the WAL to the database.
  mutating func checkpoint() throws {
    let pages = meter.pages.load(ordering: .relaxed)
    let isComplete = try queue.writeWithoutTransaction { db in try Self.checkpoint(db, .passive) }
    // After a complete one SQLite begins the WAL anew; after one that a reader held up, a try at each commit would
    // only cost.
    nextCheckpoint = isComplete ? checkpointPages : pages + checkpointPages
  }

  /// After one that failed: not at each commit again.
  mutating func postponeCheckpoint() { nextCheckpoint = meter.pages.load(ordering: .relaxed) + checkpointPages }

  /// The one place where checkpoints are run. True when all frames are in the database.
  private static func checkpoint(_ db: Database, _ kind: Database.CheckpointMode) throws -> Bool {
    let (frames, done) = try db.checkpoint(kind)
    return frames == done
  }

  /// Ends any transaction, and closes. Returns false when SQLite would not let go.
  func close() -> Bool {
    do {
      try queue.close()
      return true
    } catch {
      return false
    }
  }
}

/// How long the WAL is, as SQLite last told after a commit. SQLite holds its address, so it lives as long as the
/// connection does.
private final class WALMeter: Sendable {
  let pages = Atomic<Int>(0)
}

private func countPages(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ pages: CInt
) -> CInt {
  if let context {
    Unmanaged<WALMeter>.fromOpaque(context).takeUnretainedValue().pages.store(Int(pages), ordering: .relaxed)
  }
  return SQLITE_OK
}
