import AgentCore
import Glibc

/// A master key that a recovery code brought back from a data folder.
package struct RecoveredMaster: Sendable {
  package let fingerprint: String
  private let key: MasterKey

  /// Opens the folder's recovery box, and makes sure that what is in it is a master key of this folder.
  ///
  /// - Throws: `recovery_code_invalid`, `master_key_wrong`, `keys_unusable`.
  package init(dataFolder: String, code: Secret) throws(VaultError) {
    let folder = KeyFolder(dataFolder: dataFolder)
    let code = try RecoveryCode(code.reveal())
    guard let box = try folder.recoveryBox() else {
      throw .recoveryCodeInvalid("There is no \(folder.path)/\(RecoveryBox.fileName): no recovery code was made here")
    }
    key = try box.open(code, in: KeyBlock())
    fingerprint = try WrappingKey(key, installation: box.installation, cipher: FieldCipher()).fingerprint
    let marks = try folder.marks()
    let mark = KeyFolder.Mark(installation: box.installation, fingerprint: fingerprint)
    guard marks.isEmpty || marks.contains(mark) else {
      throw .masterKeyWrong(expected: marks.map(\.fingerprint), given: fingerprint)
    }
  }

  /// Writes the key as a new file of this user; false where one holds it already.
  ///
  /// - Throws: `master_key_conflict` where one holds another key.
  package func write(to path: String) throws(VaultError) -> Bool {
    if let found = try MasterKeyPlaces.key(in: path, owners: [geteuid()], as: .file(path), block: key.block) {
      guard found.isEqual(to: key) else { throw .masterKeyConflict(path, "the recovery box") }
      return false
    }
    try key.write(to: path)
    return true
  }
}
