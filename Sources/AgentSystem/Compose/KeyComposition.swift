import AgentCore
import AgentPersistence
import Vault

/// Joins keys and store: who may open the data, the ring once it is open, and what a start has to finish.
struct KeyComposition: Sendable {
  let admission: KeyAdmission

  /// - Throws: `VaultError`: libraries that answer wrongly, no memory for keys.
  init(dataFolder: String, places: MasterKeyPlaces, random: any RandomSource) throws(VaultError) {
    admission = try KeyAdmission(dataFolder: dataFolder, places: places, random: random)
  }

  /// What the store asks before it changes a byte.
  var check: StoreKeyCheck {
    let admission = admission
    return StoreKeyCheck(
      beforeDatabase: { () throws(VaultError) in try admission.beforeDatabase() },
      beforeWriting: { (rows, installation) throws(VaultError) in
        try admission.beforeWriting(rows: rows, installation: installation)
      })
  }

  /// The same of a start that is only tried, and what the opening of the ring refuses: no key, no mark is made where there
  /// is none.
  var trialCheck: StoreKeyCheck {
    let admission = admission
    return StoreKeyCheck(
      beforeDatabase: { () throws(VaultError) in try admission.beforeDatabase() },
      beforeWriting: { (rows, installation) throws(VaultError) in
        try admission.tryWriting(rows: rows, installation: installation)
        return installation
      })
  }

  /// The ring of the opened store: made where there is none, and a change of the master key brought to its end where
  /// this start is the first under the new one.
  ///
  /// - Throws: `StoreError`, `VaultError`.
  func open(_ file: StoreFile, log: any ServiceLog) async throws -> OpenKeys {
    let (store, folder) = (KeyRingStore(file: file), admission.folder)
    let master = try admission.requiredMaster()
    var rows = try await store.rows()
    if rows.isEmpty {
      let digestKey = try folder.oldDigestKey(in: admission.block)
      // Every version before the ring had it in that file from its first start on.
      if digestKey == nil, file.lastSequence > 0 { tellDigestKeyLost(log) }
      rows = try KeyRing.firstRows(
        master: master.key, installation: file.installation, digestKey: digestKey, at: file.now())
      try await store.insertFirst(rows)
    }
    let ring = try admission.ring(rows, installation: file.installation)
    if ring.isUnderNextMaster {
      // Before the old wraps go: from then on the old master key, in the box or not, opens nothing.
      _ = try ring.renewRecoveryBox(master.key, in: folder)
      try ring.adopt(try await store.setWraps(ring.wrapsOfNextMaster))
      tellSwap(ring, isOldGone: await store.forgetOverwritten(), log)
    }
    if !ring.isMasterPending {
      // An unverified one is told below.
      _ = try ring.renewRecoveryBox(master.key, in: folder)
      try ring.settleFolder(folder)
    }
    if try ring.wayBack(in: folder).code == .unverified { tellUnverified(log) }
    if try folder.areOldMastersDamaged(for: ring) { tellDamagedMasters(log) }
    try folder.removeOldDigestKey(takenOverBy: ring)
    let keys = OpenKeys(ring: ring, master: master, folder: folder, store: store)
    tell(keys, log)
    return keys
  }

  private func tellDigestKeyLost(_ log: any ServiceLog) {
    log.record(
      .warning, "keys",
      "digest_key_lost: there is data, but \(admission.folder.path)/digest.key, which its digests were made with, is gone "
        + "and a new key was made: a file step that was cut short does not know its file again, and a request sent again "
        + "under its Idempotency-Key is refused", [:])
  }

  private func tellSwap(_ ring: KeyRing, isOldGone: Bool, _ log: any ServiceLog) {
    log.record(
      isOldGone ? .info : .warning, "keys",
      isOldGone
        ? "the new master key is in place, and the old one opens nothing here any more"
        : "the new master key is in place, but what the old one opens still stands in the database's files, for another "
          + "process reads them: the next start overwrites it",
      ["fingerprint": ring.fingerprint])
  }

  private func tellDamagedMasters(_ log: any ServiceLog) {
    log.record(
      .error, "keys",
      "old_masters_damaged: \(admission.folder.path)/old-masters.box cannot be read, and the master keys of before are not "
        + "to be had from it: put it back from a copy; until it is there, or moved away, the master key cannot be changed",
      [:])
  }

  private func tellUnverified(_ log: any ServiceLog) {
    log.record(
      .error, "keys",
      "recovery_box_unverified: nothing shows that \(admission.folder.path)/recovery.box was made by who has the master "
        + "key, or it is damaged, and it is not sealed anew: make a new code by `agent-system key recovery new`, and where "
        + "an older version did not make it, ask who could write there", [:])
  }

  private func tell(_ keys: OpenKeys, _ log: any ServiceLog) {
    log.record(
      .info, "keys", "the key ring is open",
      [
        "fingerprint": keys.ring.fingerprint, "source": keys.master.source.word, "engines": keys.ring.engines,
      ])
    if admission.isMasterMade {
      log.record(.warning, "keys", "master_key_made: there was no master key, and \(keys.master.source) was made", [:])
    }
    if admission.isMasterBesideData {
      log.record(
        .warning, "keys",
        "master_key_beside_data: \(keys.master.source) lies beside the data, and whoever takes the folder takes the key; "
          + "name another place with keys.master_file, or hand it over as a systemd credential", [:])
    }
    if !admission.block.isLocked {
      log.record(
        .warning, "keys",
        "memory_not_locked: the memory of the keys could not be locked and may reach the swap: raise LimitMEMLOCK", [:])
    }
    if keys.ring.isMasterPending {
      log.record(
        .warning, "keys",
        "master_rotation_pending: the keys are wrapped under a new master key too; put it in place and restart, or take it "
          + "back by `agent-system key rotate --master --cancel`", [:])
    }
  }
}

/// The keys of a process that holds the store.
struct OpenKeys: Sendable {
  let ring: KeyRing
  let master: FoundMasterKey
  let folder: KeyFolder
  let store: KeyRingStore
}
