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
    guard keys.ring.needsNewKey(at: clock.now()) else { return }
    try await rotate(because: "the one before had sealed \(keys.ring.activeSeals) values, or is 90 days old")
  }

  func rotateMaster(_ text: Secret) async throws(ServiceError) -> JSONValue {
    try await alone { () async throws in
      let ring = keys.ring
      let next = try MasterKey(
        base64: Array(text.reveal().utf8), source: "The new master key", block: keys.master.key.block)
      do {
        try await wrap(under: next)
      } catch is StoreError {
        // A pass may have destroyed a key meanwhile; a second failure is another one.
        try ring.adopt(try await keys.store.rows())
        if !ring.isMasterPending { try await wrap(under: next) }
      }
      log.record(
        .info, "keys", "the keys are wrapped under a new master key too; put it in place and restart the service", [:])
    }
    return try show()
  }

  private func wrap(under next: MasterKey) async throws {
    let wraps = try keys.ring.prepareMaster(next, after: keys.master.key, in: keys.folder)
    try await adopting { () async throws(StoreError) in try await keys.store.setWraps(wraps) }
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
      var mark = try keys.folder.recoveryMark()
      let block = keys.master.key.block
      switch proof {
      case .recoveryCode(let text):
        let code = try RecoveryCode(text.reveal())
        guard let box = try keys.folder.recoveryBox() else {
          throw VaultError.recoveryCodeInvalid(
            "There is no recovery code yet: make one by `agent-system key recovery new`")
        }
        guard try box.open(code, in: block).isEqual(to: keys.master.key) else {
          throw VaultError.recoveryCodeInvalid("The recovery code opens another master key than the one in force")
        }
        mark.code = (box.publicKey, clock.now())
      case .masterKey(let text):
        let copy = try MasterKey(base64: Array(text.reveal().utf8), source: "What was given", block: block)
        guard copy.isEqual(to: keys.master.key) else {
          throw VaultError.recoveryCodeInvalid("This is a master key, but not the one in force")
        }
        mark.masterKey = (keys.ring.fingerprint, clock.now())
      }
      try keys.folder.write(mark)
    }
    return try show()
  }

  /// Runs a commit on the ring's table and takes the rows over. Where nobody knows whether it came about, the table is
  /// asked.
  private func adopting(_ commit: () async throws(StoreError) -> [KeyRingRow]) async throws {
    let rows: [KeyRingRow]
    do throws(StoreError) { rows = try await commit() } catch {
      // Without an answer the ring stays as it is, and the next start reads the table.
      if let rows = try? await keys.store.rows() { try? keys.ring.adopt(rows) }  // See above.
      throw error
    }
    try keys.ring.adopt(rows)
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
    } catch let error as StoreError {
      throw ServiceError(error)
    } catch {
      throw ServiceError("internal_error", "\(error)")
    }
  }
}

extension ServiceError {
  init(_ error: VaultError) { self.init(error.code, "\(error)") }
}
