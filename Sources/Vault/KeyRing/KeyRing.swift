import AgentCore
import Synchronization

/// The ring of data keys while the process lives: seals with the active one, opens with every one that is left. Safe
/// from any thread; no call waits for anything but a short lock.
package final class KeyRing: Sealer {
  let cipher: FieldCipher
  private let wrapping: WrappingKey
  /// The database that the keys belong to.
  package let installation: Int64
  private let state: Mutex<State>

  struct Entry: Sendable {
    var row: KeyRingRow
    /// Nil once it is destroyed.
    var key: LockedKey?
    /// The wrap that gave the key: rows that still have it need not be opened again.
    var openedFrom: [UInt8] = []
  }

  struct State: Sendable {
    var entries: [UInt32: Entry] = [:]
    /// The active field key, and how often it has sealed.
    var active: (id: UInt32, key: LockedKey, used: Int64)
    /// The seals of the active key that the table knows of.
    var reserved: Int64
    /// It was the next master key that opened the keys.
    var isUnderNextMaster: Bool
    /// Wraps under next master keys that were taken back or replaced: rows that have one are of an earlier commit.
    var dropped: Set<[UInt8]> = []
  }

  /// SP 800-38D section 8.3 allows 2^32 random nonces a key.
  package static let mostSeals: Int64 = 1 << 32
  /// A new key from here on, long before the last.
  package static let rotatedSeals: Int64 = 1 << 28
  /// And at this age.
  package static let rotatedDays: Int64 = 90
  /// Keys that are not destroyed. Of the block's 256 this leaves room for the master keys of before while the master key
  /// is changed (`OldMasters.maximumKeys`), and for what a start reads beside the ring.
  static let mostKeys = 128
  /// Seals that one update of the table covers.
  package static let reservedAhead: Int64 = 65_536

  /// Opens every key of the ring.
  ///
  /// - Throws: `VaultError.masterKeyWrong` when the master key opens none, `keyRingInvalid` for a ring that is not whole.
  package convenience init(rows: [KeyRingRow], master: MasterKey, installation: Int64) throws(VaultError) {
    try self.init(rows: rows, master: master, installation: installation, cipher: FieldCipher())
  }

  init(rows: [KeyRingRow], master: MasterKey, installation: Int64, cipher: FieldCipher) throws(VaultError) {
    (self.cipher, self.installation) = (cipher, installation)
    wrapping = try WrappingKey(master, installation: installation, cipher: cipher)
    state = Mutex(try Self.state(of: rows, wrapping))
  }

  /// The key ring of an installation that has none: a field key, and the digest key, taken over or new.
  package static func firstRows(
    master: MasterKey, installation: Int64, digestKey: DigestKey?, at time: Timestamp
  ) throws(VaultError) -> [KeyRingRow] {
    let wrapping = try WrappingKey(master, installation: installation, cipher: FieldCipher())
    let block = master.key.block
    let digest = if let digestKey { digestKey.key } else { try block.random() }
    return [
      KeyRingRow(
        id: 1, purpose: .field, state: .active,
        wrapped: try wrapping.wrap(try block.random(), id: 1, purpose: .field), createdAt: time),
      KeyRingRow(
        id: 2, purpose: .digest, state: .active, wrapped: try wrapping.wrap(digest, id: 2, purpose: .digest),
        createdAt: time),
    ]
  }

  package var fingerprint: String { wrapping.fingerprint }
  /// Which libraries seal, for people.
  package var engines: String { cipher.engines }

  package func seal(_ clear: [UInt8], at place: SealedPlace) throws(SealFailure) -> [UInt8] {
    let active = state.withLock { state -> (id: UInt32, key: LockedKey)? in
      guard state.active.used < Self.mostSeals else { return nil }
      state.active.used += 1
      return (state.active.id, state.active.key)
    }
    guard let active else { throw .keyExhausted }
    return try cipher.seal(clear, keyID: active.id, key: active.key, at: place)
  }

  package func open(_ sealed: [UInt8], at place: SealedPlace) throws(SealFailure) -> [UInt8] {
    try cipher.open(sealed, at: place) { id in
      state.withLock { state in
        guard let entry = state.entries[id], entry.row.purpose == .field else { return nil }
        return entry.key
      }
    }
  }

  /// The key that sealed a value; nil for bytes that are none.
  package func keyID(ofSealed sealed: some RandomAccessCollection<UInt8>) -> UInt32? { SealedValue.keyID(sealed) }

  /// What values are sealed with from now on.
  package var activeFieldKey: UInt32 { state.withLock { $0.active.id } }

  /// Asked inside the write that stores sealed values, after they were sealed: non-nil is to be stored as the row's
  /// `seals` in the same transaction. Where that transaction is lost, `forgetReservation` has it asked again.
  package func reservation() -> (id: UInt32, reserved: Int64)? {
    state.withLock { state in
      guard state.active.used > state.reserved else { return nil }
      state.reserved = state.active.used + Self.reservedAhead
      return (state.active.id, state.reserved)
    }
  }

  /// The transaction that was to store a reservation did not commit.
  package func forgetReservation() {
    state.withLock { $0.reserved = min($0.reserved, $0.entries[$0.active.id]?.row.seals ?? 0) }
  }

  /// The digests that stand in clear.
  package var digester: DigestKey {
    get throws(VaultError) { DigestKey(key: try digestKey) }
  }

  var digestKey: LockedKey {
    get throws(VaultError) {
      let key = state.withLock { state in
        state.entries.values.first { $0.row.purpose == .digest && $0.row.state == .active }?.key
      }
      guard let key else { throw .keyRingInvalid("it has no key for digests") }
      return key
    }
  }

  /// Which of its limits the active field key has reached, where a new one can be made now.
  package func limitReached(at time: Timestamp) -> KeyLimit? {
    state.withLock { state in
      guard !state.isMasterPending, let row = state.entries[state.active.id]?.row else { return nil }
      let age = time.milliseconds - row.createdAt.milliseconds
      if state.active.used >= Self.rotatedSeals { return .seals(state.active.used) }
      return age >= Self.rotatedDays * 86_400_000 ? .days(age / 86_400_000) : nil
    }
  }

  /// A new field key to insert as the active one, in one commit with `opening` becoming that; then `adopt`.
  ///
  /// - Throws: `VaultError.masterRotationPending`: the master key to come could not open it; `VaultError.keyRingFull`.
  package func newActiveFieldRow(at time: Timestamp) throws(VaultError) -> (new: KeyRingRow, opening: UInt32) {
    let (isPending, id, active, count) = state.withLock { state in
      (
        state.isMasterPending, (state.entries.keys.max() ?? 0) + 1, state.active.id,
        state.entries.values.count { $0.key != nil }
      )
    }
    if isPending { throw .masterRotationPending }
    guard count < Self.mostKeys else { throw .keyRingFull(keys: count) }
    let wrapped = try wrapping.wrap(try wrapping.key.block.random(), id: id, purpose: .field)
    return (KeyRingRow(id: id, purpose: .field, state: .active, wrapped: wrapped, createdAt: time), active)
  }

  /// Takes the rows as they stand in the table after a commit. Keys that are destroyed are wiped. Rows of an earlier
  /// commit than those taken last change nothing: they are known by a key, or a next wrap, that they lack, or by a next
  /// wrap that was let go of. `takingBack`: of a commit that may have let go of the next wraps. Keys that are open already
  /// are taken over: no key lies in memory twice.
  package func adopt(_ rows: [KeyRingRow], takingBack: Bool = false) throws(VaultError) {
    let known = state.withLock { $0.isAhead(of: rows, takingBack: takingBack) ? nil : $0.entries }
    guard let known else { return }
    let fresh = try Self.state(of: rows, wrapping, known: known)
    state.withLock { state in
      // Another caller may have been quicker.
      if state.isAhead(of: rows, takingBack: takingBack) { return }
      let old = state
      state = fresh
      let next = Set(rows.compactMap(\.otherWrap))
      state.dropped = old.dropped.union(old.entries.values.compactMap(\.row.otherWrap)).subtracting(next)
      // What was sealed since the table was last told still counts.
      guard fresh.active.id == old.active.id else { return }
      state.active.used = max(fresh.active.used, old.active.used)
      state.reserved = max(fresh.reserved, old.reserved)
    }
  }

  /// The rows as they were last taken, by id.
  package var rows: [KeyRingRow] {
    state.withLock { $0.entries.values.map(\.row).sorted { $0.id < $1.id } }
  }

  func withState<R: Sendable>(_ body: (State) -> R) -> R { state.withLock { body($0) } }
  var wrappingKey: WrappingKey { wrapping }

  private static func state(
    of rows: [KeyRingRow], _ wrapping: WrappingKey, known: [UInt32: Entry] = [:]
  ) throws(VaultError) -> State {
    var entries: [UInt32: Entry] = [:]
    for row in rows {
      guard entries[row.id] == nil else { throw .keyRingInvalid("key \(row.id) stands in it twice") }
      entries[row.id] = try entry(of: row, wrapping, known: known[row.id])
    }
    let opened = entries.values.filter { $0.key != nil }
    // Which ones would do stands in the folder: `KeyAdmission` knows.
    guard !opened.isEmpty else { throw .masterKeyWrong(expected: [], given: wrapping.fingerprint) }
    if let closed = entries.values.first(where: { $0.key == nil && $0.row.state != .destroyed }) {
      throw .keyRingInvalid("the master key opens others, but not key \(closed.row.id)")
    }
    let fields = entries.values.filter { $0.row.purpose == .field && $0.row.state == .active }
    guard fields.count == 1, let field = fields.first, let key = field.key else {
      throw .keyRingInvalid("it has \(fields.count) active field keys where one belongs")
    }
    return State(
      entries: entries, active: (field.row.id, key, field.row.seals), reserved: field.row.seals,
      isUnderNextMaster: opened.contains { $0.openedFrom == $0.row.otherWrap })
  }

  /// Without a key where it is destroyed, or does not open.
  private static func entry(
    of row: KeyRingRow, _ wrapping: WrappingKey, known: Entry?
  ) throws(VaultError) -> Entry {
    guard row.state != .destroyed else { return Entry(row: row, key: nil) }
    for wrap in [row.wrapped, row.otherWrap].compactMap({ $0 }) {
      let key =
        if let known, known.openedFrom == wrap, known.row.purpose == row.purpose {
          known.key
        } else {
          try wrapping.unwrap(wrap, id: row.id, purpose: row.purpose)
        }
      if let key { return Entry(row: row, key: key, openedFrom: wrap) }
    }
    return Entry(row: row, key: nil)
  }
}

/// Why a new field key is due.
package enum KeyLimit: Sendable, Hashable {
  case seals(Int64)
  case days(Int64)
}

extension KeyRing.State {
  /// The rows lack a key, or a next wrap, that is known here, or have a next wrap of before: they are of an earlier
  /// commit.
  fileprivate func isAhead(of rows: [KeyRingRow], takingBack: Bool) -> Bool {
    let known = Dictionary(rows.map { ($0.id, $0) }) { first, _ in first }
    return entries.contains { id, entry in
      guard let row = known[id] else { return true }
      if let other = row.otherWrap, dropped.contains(other) { return true }
      return !takingBack && !isUnderNextMaster && row.state != .destroyed && row.otherWrap == nil
        && entry.row.otherWrap != nil
    }
  }

  /// The next master key has its wraps, and is not in place yet.
  var isMasterPending: Bool { !isUnderNextMaster && entries.values.contains { $0.row.otherWrap != nil } }
}
