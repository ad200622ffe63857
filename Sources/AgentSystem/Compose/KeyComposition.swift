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

  /// The ring of the opened store: made where there is none, and a change of the master key brought to its end where
  /// this start is the first under the new one.
  ///
  /// - Throws: `StoreError`, `VaultError`.
  func open(_ file: StoreFile, log: any ServiceLog) async throws -> OpenKeys {
    let (store, folder) = (KeyRingStore(file: file), admission.folder)
    guard let master = admission.master else { throw VaultError.masterKeyMissing(sources: []) }
    var rows = try await store.rows()
    if rows.isEmpty {
      rows = try KeyRing.firstRows(
        master: master.key, installation: file.installation, digestKey: folder.oldDigestKey(), at: file.now())
      try await store.insertFirst(rows)
    }
    let ring = try admission.ring(rows, installation: file.installation)
    if ring.isUnderNextMaster {
      // Before the old wraps go: from then on the old master key, in the box or not, opens nothing.
      try ring.renewRecoveryBox(master.key, in: folder)
      try ring.adopt(try await store.setWraps(ring.wrapsOfNextMaster))
      log.record(
        .info, "keys", "the new master key is in place, and the old one opens nothing any more",
        ["fingerprint": ring.fingerprint])
    }
    if !ring.isMasterPending {
      try ring.renewRecoveryBox(master.key, in: folder)
      try ring.settleFolder(folder)
    }
    try folder.removeOldDigestKey(takenOverBy: ring)
    let keys = OpenKeys(ring: ring, master: master, folder: folder, store: store)
    tell(keys, log)
    return keys
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
        "master_rotation_pending: the keys are wrapped under a new master key too; put it in place and restart", [:])
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
