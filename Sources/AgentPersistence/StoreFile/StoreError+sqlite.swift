import AgentCore
import GRDB
import GRDBSQLite
import Glibc
import Vault

extension StoreError {
  /// What any error of a write or read means to the one who asked.
  init(describing error: any Error) {
    switch error {
    case let error as StoreError: self = error
    case let error as FileFailure: self.init(error)
    case let error as DatabaseError: self.init(sqlite: error.resultCode, error.message ?? "")
    case let error as JSONColumn.Failure:
      self.init(.databaseCorrupt, "\(error.rawValue): a stored value cannot be read by this version.")
    default: self.init(.storageIOError, "\(error)")
    }
  }

  /// By SQLite's primary result code (https://www.sqlite.org/rescode.html).
  init(sqlite code: ResultCode, _ message: String) {
    switch code {
    case .SQLITE_FULL: self.init(.diskFull, "The disk is full: make room in the data folder's file system.")
    case .SQLITE_READONLY, .SQLITE_PERM:
      self.init(.storageReadOnly, "The database cannot be written: \(message).")
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      self.init(.storageBusy, "Another process holds the database's lock: end it (an open sqlite3 shell?).")
    case .SQLITE_CORRUPT, .SQLITE_NOTADB:
      self.init(.databaseCorrupt, "The database is damaged (\(message)): stop the service and restore a backup.")
    default: self.init(.storageIOError, "SQLite \(code.rawValue): \(message).")
    }
  }
}

extension Database {
  /// Runs the body, and tells a failure by what the system said where SQLite says less: a file system that turned
  /// read-only under open files is an I/O error to it (its READONLY is about how the file was opened).
  func tellingReadOnly<Value>(_ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch {
      guard let error = error as? DatabaseError, error.resultCode == .SQLITE_IOERR, systemErrors.contains(EROFS) else {
        throw error
      }
      throw StoreError(.storageReadOnly, "The data folder's file system has become read-only.")
    }
  }

  /// The system's numbers of the last failures on the WAL and on the database. Asked of the files, since
  /// `sqlite3_system_errno` says nothing of a COMMIT that failed (seen with 3.40).
  private var systemErrors: [CInt] {
    var (ofDatabase, ofWAL): (CInt, CInt) = (0, 0)
    sqlite3_file_control(sqliteConnection, "main", SQLITE_FCNTL_LAST_ERRNO, &ofDatabase)
    var wal: UnsafeMutablePointer<sqlite3_file>?
    sqlite3_file_control(sqliteConnection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal)
    if let wal, let methods = wal.pointee.pMethods {
      _ = methods.pointee.xFileControl?(wal, SQLITE_FCNTL_LAST_ERRNO, &ofWAL)
    }
    return [ofDatabase, ofWAL]
  }
}

extension StoreStartError {
  init(describing error: any Error) {
    if let error = error as? StoreStartError {
      self = error
      return
    }
    if let error = error as? VaultError {
      self.init(error)
      return
    }
    let failure = StoreError(describing: error)
    let code: Code =
      switch failure.code {
      case .diskFull: .diskFull
      case .storageReadOnly: .storageReadOnly
      case .storageBusy: .storageBusy
      case .databaseCorrupt: .databaseCorrupt
      default: .storageIOError
      }
    self.init(code, failure.detail)
  }
}
