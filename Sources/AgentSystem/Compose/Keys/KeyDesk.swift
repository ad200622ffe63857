import AgentAPI
import AgentCore
import AgentPersistence
import AgentRuntime
import Vault

/// The verbs on the keys, one at a time: the service's routes and the commands on a stopped service both come here.
actor KeyDesk {
  private let keys: OpenKeys
  private let clock: any WallClock
  private let log: any ServiceLog
  /// How far sealing anew is; nil where nothing runs.
  private let progress: @Sendable () -> SealingPass.Progress?
  /// There is something to seal anew.
  private let onNewKey: @Sendable () -> Void
  private var isBusy = false

  init(
    _ keys: OpenKeys, clock: any WallClock, log: any ServiceLog,
    progress: @escaping @Sendable () -> SealingPass.Progress? = { nil },
    onNewKey: @escaping @Sendable () -> Void = {}
  ) {
    (self.keys, self.clock, self.log) = (keys, clock, log)
    (self.progress, self.onNewKey) = (progress, onNewKey)
  }

  nonisolated var board: KeyBoard {
    KeyBoard(
      show: { () throws(ServiceError) in try await self.show() },
      rotate: { () throws(ServiceError) in try await self.rotate(because: "asked for") },
      rotateMaster: { (key) throws(ServiceError) in try await self.rotateMaster(key) },
      cancelMaster: { () throws(ServiceError) in try await self.cancelMaster() },
      newRecoveryCode: { () throws(ServiceError) in try await self.newRecoveryCode() },
      confirm: { (proof) throws(ServiceError) in try await self.confirm(proof) })
  }

  func show() throws(ServiceError) -> JSONValue {
    do throws(VaultError) {
      return try KeyPage.json(keys, progress: progress())
    } catch {
      throw ServiceError(error)
    }
  }

  /// A new field key, in one commit; the pass that follows seals with it what others sealed.
  @discardableResult
  func rotate(because reason: String) async throws(ServiceError) -> JSONValue {
    try await alone { () async throws in
      let (new, opening) = try keys.ring.newActiveFieldRow(at: clock.now())
      try await adopting { () async throws(StoreError) in try await keys.store.addActive(new, opening: opening) }
      log.record(.info, "keys", "field key \(new.id) seals from now on", ["reason": reason])
      onNewKey()
    }
    return try show()
  }

  /// Makes a new key where the active one has reached its limits.
  func rotateIfDue() async throws(ServiceError) {
    switch keys.ring.limitReached(at: clock.now()) {
    case .seals(let count)?: try await rotate(because: "the one before had sealed \(count) values")
    case .days(let days)?: try await rotate(because: "the one before is \(days) days old")
    case nil: return
    }
  }

  /// Wraps the ring under a new master key too; one that waits already gives way to it.
  func rotateMaster(_ text: Secret) async throws(ServiceError) -> JSONValue {
    try await alone { () async throws in
      let next = try MasterKey(
        base64: Array(text.reveal().utf8), source: "The new master key",
        block: keys.master.key.block)
      let wasPending = keys.ring.isMasterPending
      try await twice { try await wrap(under: next) }
      log.record(
        .info, "keys",
        "the keys are wrapped under a new master key too; put it in place and restart the service",
        ["replaced": wasPending ? "another new one, which opens nothing any more" : "none"])
      if wasPending { await forgetNext() }
    }
    return try show()
  }

  private func wrap(under next: MasterKey) async throws {
    let (wraps, fingerprint) = try keys.ring.prepareMaster(
      next, after: keys.master.key, in: keys.folder)
    try await adopting(takingBack: true) { () async throws(StoreError) in
      try await keys.store.setWraps(wraps)
    }
    try keys.ring.settleFolder(keys.folder, beside: fingerprint)
  }

  /// Lets go of a new master key that waits; does nothing where none does.
  func cancelMaster() async throws(ServiceError) -> JSONValue {
    try await alone { () async throws in
      guard keys.ring.isMasterPending else { return }
      try await twice {
        // A start under the new key may have sealed the box for it, and then not come to its end.
        _ = try keys.ring.renewRecoveryBox(keys.master.key, in: keys.folder)
        let wraps = keys.ring.wrapsOfThisMaster
        try await adopting(takingBack: true) { () async throws(StoreError) in try await keys.store.setWraps(wraps) }
      }
      try keys.ring.settleFolder(keys.folder)
      log.record(.info, "keys", "the change of the master key was taken back: the one in force stays", [:])
      await forgetNext()
    }
    return try show()
  }

  /// What a new master key that was let go of would open goes from the disk.
  private func forgetNext() async {
    guard await !keys.store.forgetOverwritten() else { return }
    log.record(
      .warning, "keys",
      "what the new master key that was let go of opens still stands in the database's files, for something reads them: a "
        + "later checkpoint overwrites it", [:])
  }

  /// A pass may have destroyed a key meanwhile; a second failure is another one.
  private func twice(_ change: () async throws -> Void) async throws {
    do { try await change() } catch let failure as FailedCommit {
      guard failure.isRingCurrent else { throw failure }
      try await change()
    }
  }

  func newRecoveryCode() async throws(ServiceError) -> Secret {
    try await alone { () async throws in
      let code = try RecoveryCode()
      try keys.ring.makeRecoveryBox(keys.master.key, for: code, in: keys.folder)
      log.record(.info, "keys", "a new recovery code was made; one of before opens nothing any more", [:])
      return Secret(code.reveal())
    }
  }

  func confirm(_ proof: KeyProof) async throws(ServiceError) -> JSONValue {
    try await alone { () async throws in
      let (ring, folder, block) = (keys.ring, keys.folder, keys.master.key.block)
      switch proof {
      case .recoveryCode(let text):
        let code = try RecoveryCode(text.reveal())
        guard let box = try folder.recoveryBox() else {
          throw VaultError.recoveryCodeInvalid(
            "There is no recovery code yet: make one by `agent-system key recovery new`")
        }
        guard try box.open(code, in: block).isEqual(to: keys.master.key) else {
          throw VaultError.recoveryCodeInvalid("The recovery code opens another master key than the one in force")
        }
        try ring.confirm(box, at: clock.now(), in: folder)
      case .masterKey(let text):
        let copy = try MasterKey(base64: Array(text.reveal().utf8), source: "What was given", block: block)
        guard copy.isEqual(to: keys.master.key) else {
          throw VaultError.recoveryCodeInvalid("This is a master key, but not the one in force")
        }
        try ring.confirmMaster(at: clock.now(), in: folder)
      }
    }
    return try show()
  }

  /// A commit on the ring's table that failed, or of which nobody knows whether it came about.
  private struct FailedCommit: Error {
    let error: StoreError
    /// The ring was given the table's rows since.
    let isRingCurrent: Bool
  }

  /// Runs a commit on the ring's table and takes the rows over. Where nobody knows whether it came about, the table is
  /// asked.
  ///
  /// - Throws: `FailedCommit`.
  private func adopting(
    takingBack: Bool = false, _ commit: () async throws(StoreError) -> [KeyRingRow]
  ) async throws {
    let rows: [KeyRingRow]
    do throws(StoreError) { rows = try await commit() } catch {
      throw FailedCommit(error: error, isRingCurrent: await takeOver(takingBack: takingBack))
    }
    try keys.ring.adopt(rows, takingBack: takingBack)
  }

  /// Gives the ring the table's rows. False without an answer: then it stays as it is, and the next start reads the table.
  private func takeOver(takingBack: Bool) async -> Bool {
    do {
      try keys.ring.adopt(try await keys.store.rows(), takingBack: takingBack)
      return true
    } catch {
      return false
    }
  }

  /// One verb at a time: each reads the ring, commits, and takes over what was committed.
  private func alone<R>(_ body: () async throws -> R) async throws(ServiceError) -> R {
    guard !isBusy else { throw ServiceError("keys_busy", "another verb on the keys is under way: try again") }
    isBusy = true
    defer { isBusy = false }
    do {
      return try await body()
    } catch let error as VaultError {
      throw ServiceError(error)
    } catch let failure as FailedCommit {
      throw ServiceError(failure.error)
    } catch {
      throw ServiceError("internal_error", "\(error)")
    }
  }
}

extension ServiceError {
  init(_ error: VaultError) { self.init(error.code, "\(error)") }
}
