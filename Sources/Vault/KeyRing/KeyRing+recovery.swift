import AgentCore

/// What there is besides the master key to open the data, as far as the ring vouches for it.
package struct WayBack: Sendable, Hashable {
  package enum Code: String, Sendable, Hashable, CaseIterable {
    /// No recovery code was made.
    case absent = "none"
    /// There is a box, and nothing shows that who made it had this ring's master key: it is never sealed anew. A damaged
    /// one shows nothing either.
    case unverified
    case made
  }
  package var code: Code
  /// Empty where its proof is wrong.
  package var mark: RecoveryMark
  /// It is in somebody's hands.
  package var isConfirmed: Bool
}

extension KeyRing {
  package func wayBack(in folder: KeyFolder) throws(VaultError) -> WayBack {
    let (box, isThere) = try readBox(in: folder)
    var mark = try folder.recoveryMark()
    if try !isProven(mark) { mark = RecoveryMark() }
    let isOurs = if let box { try box.isProven(under: wrappingKey) } else { false }
    return WayBack(
      code: !isThere ? .absent : isOurs ? .made : .unverified, mark: mark,
      isConfirmed: mark.holds(box: isOurs ? box : nil, fingerprint: fingerprint))
  }

  /// Seals the recovery box anew where it holds another master key than the one in force, to the same code. False: the
  /// box is unverified and was left as it is, for whoever can write the folder can put a public key of their own there.
  package func renewRecoveryBox(_ master: MasterKey, in folder: KeyFolder) throws(VaultError) -> Bool {
    let (found, isThere) = try readBox(in: folder)
    guard let box = found, try box.isProven(under: wrappingKey) else { return !isThere }
    if box.fingerprint != fingerprint {
      // All proofs stay: the master key of before may still come back.
      try folder.write(
        RecoveryBox(
          master, to: box.publicKey, fingerprint: fingerprint, installation: installation, proofs: box.proofs))
    }
    return true
  }

  /// Seals the master key to a new recovery code, which replaces the one of before.
  ///
  /// - Throws: `master_rotation_pending`: nothing here could prove the new code to the master key to come.
  package func makeRecoveryBox(_ master: MasterKey, for code: RecoveryCode, in folder: KeyFolder) throws(VaultError) {
    if isMasterPending { throw .masterRotationPending }
    var pair = try code.keyPair()
    wipe(&pair.secretKey)
    var box = try RecoveryBox(master, to: pair.publicKey, fingerprint: fingerprint, installation: installation)
    try box.prove(under: wrappingKey)
    try folder.write(box)
  }

  /// Puts down that somebody has shown the code of this box, which gave the master key in force: nobody without that key
  /// could have made it, so that the box is proven by now.
  ///
  /// - Throws: `master_rotation_pending` for a box without a proof: nothing here could prove it to the key to come.
  package func confirm(_ box: RecoveryBox, at time: Timestamp, in folder: KeyFolder) throws(VaultError) {
    if try !box.isProven(under: wrappingKey) {
      if isMasterPending { throw .masterRotationPending }
      var box = box
      try box.prove(under: wrappingKey)
      try folder.write(box)
    }
    var mark = try wayBack(in: folder).mark
    mark.code = (box.publicKey, time)
    try write(mark, in: folder)
  }

  /// Puts down that somebody has shown a copy of the master key in force.
  package func confirmMaster(at time: Timestamp, in folder: KeyFolder) throws(VaultError) {
    var mark = try wayBack(in: folder).mark
    mark.masterKey = (fingerprint, time)
    try write(mark, in: folder)
  }

  /// Nil for a box that is not there, and for one that is damaged: the service does not stand or fall with it.
  private func readBox(in folder: KeyFolder) throws(VaultError) -> (box: RecoveryBox?, isThere: Bool) {
    do throws(VaultError) {
      let box = try folder.recoveryBox()
      return (box, box != nil)
    } catch .keyFileInvalid {
      return (nil, true)
    }
  }

  private func write(_ mark: RecoveryMark, in folder: KeyFolder) throws(VaultError) {
    var mark = mark
    mark.proof = try proof(of: mark)
    try folder.write(mark)
  }

  private func isProven(_ mark: RecoveryMark) throws(VaultError) -> Bool {
    guard let proof = mark.proof else { return false }
    return isSame(proof, try self.proof(of: mark))
  }

  /// Under the digest key, which no change of the master key changes: a confirmation outlives it.
  private func proof(of mark: RecoveryMark) throws(VaultError) -> [UInt8] {
    try WrappingKey.proof(of: mark.proven, under: digestKey)
  }
}
