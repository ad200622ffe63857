import Vault

/// Who has a say whether the data may be opened: the keys that it is sealed with. What either throws refuses the start,
/// and then not a byte was changed.
package struct StoreKeyCheck: Sendable {
  /// Asked before SQLite opens anything.
  package var beforeDatabase: @Sendable () throws(VaultError) -> Void
  /// Asked when the database has been read and before anything is written: its key ring, and its installation's id, 0 for
  /// a new one. Returns what a new one is called by, more than 0; nil: drawn.
  package var beforeWriting: @Sendable ([KeyRingRow], Int64) throws(VaultError) -> Int64?

  package init(
    beforeDatabase: @escaping @Sendable () throws(VaultError) -> Void = { () throws(VaultError) in },
    beforeWriting: @escaping @Sendable ([KeyRingRow], Int64) throws(VaultError) -> Int64? = {
      (_, _) throws(VaultError) in nil
    }
  ) {
    (self.beforeDatabase, self.beforeWriting) = (beforeDatabase, beforeWriting)
  }
}
