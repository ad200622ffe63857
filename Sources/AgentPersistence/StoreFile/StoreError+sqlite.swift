import AgentCore
import GRDB
import Vault

extension StoreError {
  /// What any error of a write or read means to the one who asked.
  init(describing error: any Error) {
    switch error {
    case let error as StoreError: self = error
    case let error as FileFailure: self.init(error)
    case let error as DatabaseError: self.init(sqlite: error.resultCode, error.message ?? "")
    case let error as SealedColumn.Failure:
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

extension StoreStartError {
  init(describing error: any Error) {
    if let error = error as? StoreStartError {
      self = error
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
