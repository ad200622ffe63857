import Vault

/// Why a store was not opened: nothing was changed, and the process should end.
package struct StoreStartError: Error, Sendable, Hashable {
  package enum Code: String, Sendable, CaseIterable {
    case dataFolderPermissions = "data_folder_permissions"
    case filesystemUnsupported = "filesystem_unsupported"
    case dataFolderInUse = "data_folder_in_use"
    case databaseCorrupt = "database_corrupt"
    case databaseForeign = "database_foreign"
    case schemaNewer = "schema_newer"
    case migrationFailed = "migration_failed"
    case walMissing = "wal_missing"
    /// The disk's durability could not be switched on, or read back.
    case notDurable = "not_durable"
    case diskFull = "disk_full"
    case storageReadOnly = "storage_read_only"
    case storageIOError = "storage_io_error"
    case storageBusy = "storage_busy"
    /// The keys refused: `keyError` says why.
    case keysUnusable = "keys_unusable"
  }
  package var code: Code
  /// One sentence: what is wrong, and what to do.
  package var detail: String
  package private(set) var keyError: VaultError?
  package init(_ code: Code, _ detail: String) { (self.code, self.detail) = (code, detail) }

  init(_ error: VaultError) {
    self.init(.keysUnusable, "\(error)")
    keyError = error
  }

  /// The stable word of messages: of a refusal by the keys, theirs.
  package var word: String { keyError?.code ?? code.rawValue }

  /// 78 (EX_CONFIG of sysexits.h) where the machine's set-up is at fault and a restart cannot help, otherwise 1.
  package var exitCode: Int32 {
    switch code {
    case .dataFolderPermissions, .filesystemUnsupported, .keysUnusable: 78
    default: 1
    }
  }
}
