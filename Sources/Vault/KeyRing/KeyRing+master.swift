import AgentCore

/// What is stored of a key while its master key changes.
package typealias KeyWraps = [UInt32: (wrapped: [UInt8], other: [UInt8]?)]

/// Changing the master key. The order makes a kill harmless anywhere: the new key's mark, proof and box first, then one
/// commit with both wraps; the start that has the new key seals the recovery box anew, then one commit drops the old
/// wraps. Until that start another key may be put in the new one's place, and the change be taken back.
extension KeyRing {
  /// A new master key has its wraps, and the start that has it is to come.
  package var isMasterPending: Bool { withState { $0.isMasterPending } }

  /// The master key of this process is the new one: the old wraps may go.
  package var isUnderNextMaster: Bool { withState { $0.isUnderNextMaster } }

  /// Both wraps of every key, for one commit, and the new key's fingerprint, for `settleFolder` after it. The folder has
  /// the new key's mark, its proof of the recovery box, and the old master keys under it when this returns; what it has
  /// for another new key, whose wraps the commit replaces, stays until then.
  ///
  /// - Throws: `master_key_invalid` when the new key is the one in force, `keys_unusable` when the master keys of before
  ///   do not open.
  package func prepareMaster(
    _ next: MasterKey, after current: MasterKey, in folder: KeyFolder
  ) throws(VaultError) -> (wraps: KeyWraps, fingerprint: String) {
    guard !next.isEqual(to: current) else {
      throw .masterKeyInvalid(source: "The new master key", detail: "it is the one in force")
    }
    let new = try WrappingKey(next, installation: installation, cipher: cipher)
    var masters = try folder.oldMasters()
    guard let before = try masters.keys(under: wrappingKey) else {
      throw KeyFolder.damagedMasters(folder.path, "the master keys of before do not open, and a change would lose them")
    }
    try masters.put(before + [current], under: new)
    try folder.write(masters)
    // A start under another new key may have sealed the box for that one, and then not come to its end.
    if try renewRecoveryBox(current, in: folder), var box = try folder.recoveryBox() {
      try box.prove(under: new)
      try folder.write(box)
    }
    let mark = KeyFolder.Mark(installation: installation, fingerprint: new.fingerprint)
    let others = try folder.marks().filter { $0 != self.mark && $0 != mark }
    try folder.write([self.mark] + others + [mark])
    return (try wraps(under: new), new.fingerprint)
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

  /// The wraps under this process's master key alone, for one commit that takes a change back.
  package var wrapsOfThisMaster: KeyWraps {
    var wraps: KeyWraps = [:]
    for row in rows where row.state != .destroyed { wraps[row.id] = (row.wrapped, nil) }
    return wraps
  }

  /// The line of `keys/fingerprint` that is this ring's.
  package var mark: KeyFolder.Mark { KeyFolder.Mark(installation: installation, fingerprint: fingerprint) }

  /// Tidies the folder: what it has for other master keys than the one in force, and the next one where that waits, goes.
  package func settleFolder(_ folder: KeyFolder, beside next: String? = nil) throws(VaultError) {
    let valid = Set([fingerprint, next].compactMap { $0 })
    let marks = try folder.marks().filter { $0 != mark && $0.installation == installation }
    try folder.write([mark] + marks.filter { valid.contains($0.fingerprint) })
    // What is damaged stays as it is, for a person to look at.
    if !folder.areOldMastersDamaged {
      var masters = try folder.oldMasters()
      if !masters.boxes.keys.allSatisfy(valid.contains) {
        masters.boxes = masters.boxes.filter { valid.contains($0.key) }
        try folder.write(masters)
      }
    }
    if try wayBack(in: folder).code == .made, let box = try folder.recoveryBox(),
      !box.proofs.keys.allSatisfy(valid.contains)
    {
      try folder.write(box.keepingProofs(of: valid))
    }
  }
}
