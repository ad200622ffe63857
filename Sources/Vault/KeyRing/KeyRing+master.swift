import AgentCore

/// What is stored of a key while its master key changes.
package typealias KeyWraps = [UInt32: (wrapped: [UInt8], other: [UInt8]?)]

/// Changing the master key. The order makes a kill harmless anywhere: the new key's mark and box first, then one commit
/// with both wraps; the start that has the new key seals the recovery box anew, then one commit drops the old wraps.
extension KeyRing {
  /// A new master key has its wraps, and the start that has it is to come.
  package var isMasterPending: Bool { withState { $0.isMasterPending } }

  /// The master key of this process is the new one: the old wraps may go.
  package var isUnderNextMaster: Bool { withState { $0.isUnderNextMaster } }

  /// Both wraps of every key, for one commit. The folder has the new key's mark and the old master keys under it when
  /// this returns.
  ///
  /// - Throws: `VaultError.masterRotationPending`, `recoveryCodeInvalid` when the new key is the old one.
  package func prepareMaster(
    _ next: MasterKey, after current: MasterKey, in folder: KeyFolder
  ) throws(VaultError) -> KeyWraps {
    if isMasterPending { throw .masterRotationPending }
    guard !next.isEqual(to: current) else {
      throw .masterKeyInvalid(source: "The new master key", detail: "it is the one in force")
    }
    let new = try WrappingKey(next, installation: installation, cipher: cipher)
    var masters = try folder.oldMasters()
    let before = try masters.keys(under: wrappingKey) ?? []
    masters.boxes = masters.boxes.filter { $0.key == wrappingKey.fingerprint }
    try masters.put(before + [current], under: new)
    try folder.write(masters)
    try folder.write([mark, KeyFolder.Mark(installation: installation, fingerprint: new.fingerprint)])
    return try wraps(under: new)
  }

  private func wraps(under new: WrappingKey) throws(VaultError) -> KeyWraps {
    var wraps: KeyWraps = [:]
    for entry in withState({ Array($0.entries.values) }) {
      guard let key = entry.key else { continue }
      wraps[entry.row.id] = (entry.row.wrapped, try new.wrap(key, id: entry.row.id, purpose: entry.row.purpose))
    }
    return wraps
  }

  /// The new wraps alone, for one commit, once the process runs under the new master key.
  package var wrapsOfNextMaster: KeyWraps {
    var wraps: KeyWraps = [:]
    for row in rows { if let other = row.otherWrap { wraps[row.id] = (other, nil) } }
    return wraps
  }

  /// The line of `keys/fingerprint` that is this ring's.
  package var mark: KeyFolder.Mark { KeyFolder.Mark(installation: installation, fingerprint: fingerprint) }

  /// Seals the recovery box anew where it holds another master key than the one in force, to the same code.
  package func renewRecoveryBox(_ master: MasterKey, in folder: KeyFolder) throws(VaultError) {
    guard let box = try folder.recoveryBox(), box.fingerprint != fingerprint || box.installation != installation else {
      return
    }
    try folder.write(
      RecoveryBox(master, to: box.publicKey, fingerprint: fingerprint, installation: installation))
  }

  /// Seals the master key to a new recovery code, which replaces the one of before.
  package func makeRecoveryBox(_ master: MasterKey, for code: RecoveryCode, in folder: KeyFolder) throws(VaultError) {
    var (publicKey, secretKey) = try code.keyPair()
    wipe(&secretKey)
    try folder.write(RecoveryBox(master, to: publicKey, fingerprint: fingerprint, installation: installation))
    publicKey.removeAll()
  }

  /// Tidies the folder once no other master key is valid: one line, one box.
  package func settleFolder(_ folder: KeyFolder) throws(VaultError) {
    try folder.write([mark])
    var masters = try folder.oldMasters()
    guard masters.boxes.keys.contains(where: { $0 != fingerprint }) else { return }
    masters.boxes = masters.boxes.filter { $0.key == fingerprint }
    try folder.write(masters)
  }
}
