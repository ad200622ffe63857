import AgentCore
import Foundation
import GRDB

/// Definitions of agents as table `agent_version` keeps them: what the list names of their `body` is sealed there. Their
/// digest is that of the clear text, so that a definition has one row, however it is sealed.
extension StoreSealing {
  /// Of a member of the definition in that row.
  static func place(ofDefinition row: Int64, _ pointer: String) -> SealedPlace {
    SealedPlace(table: "agent_version", row: String(row), column: "definition", pointer: pointer)
  }

  /// A stored definition with all that is sealed in it opened. Throws `sealed_value_invalid` and its kin.
  /// `isBeforeKeys`: it may be from before there was a key, and what only looks sealed is a word of the file's.
  func open(definition stored: JSONValue, row: Int64, isBeforeKeys: Bool) throws(StoreError) -> JSONValue {
    try stored.replacingMarks { (pointer, mark) throws(StoreError) in
      if isBeforeKeys, keyID(of: mark) == nil { return mark.stored }
      return try open(mark, at: Self.place(ofDefinition: row, pointer))
    }
  }
}

extension WriteContext {
  /// The definition as it is to be stored in that row.
  func seal(definition json: JSONValue, row: Int64) throws -> JSONValue {
    let sealing = try sealingInForce()
    let stored = try AgentDefinition.replacingSensitive(in: json, sealing.policy.fields) {
      (pointer, clear) throws(StoreError) in
      try sealing.seal(clear, at: StoreSealing.place(ofDefinition: row, pointer))
    }
    if stored != json { try keepReservation() }
    return stored
  }

  /// The number that a new definition's row gets: a seal is bound to it.
  func drawDefinitionNumber() throws -> Int64 {
    try db.firstInteger("SELECT coalesce(max(id), 0) + 1 FROM agent_version") ?? 1
  }
}

/// Looks through the definitions that tasks pin, and seals them anew on a reader.
struct DefinitionReader {
  struct Change: Sendable {
    var id: Int64
    var old: Data
    var new: DatabaseValue
  }

  struct Batch: Sendable {
    var changes: [Change] = []
    /// Why values stay as they are, and the keys that those name.
    var unopened: [StoreError] = []
    var keys: Set<UInt32> = []
    /// Nil: there are no more.
    var upTo: Int64?
  }

  let sealing: StoreSealing
  let fields: SensitiveFields
  let key: UInt32
  let isBeforeKeys: Bool
  let limits: SealingPass.Limits

  func batch(after cursor: Int64, _ db: Database) throws -> Batch {
    var batch = Batch()
    let rows = try Row.fetchCursor(
      try db.cachedStatement(sql: "SELECT id, definition FROM agent_version WHERE id > ? ORDER BY id"),
      arguments: [cursor])
    var (count, bytes) = (0, 0)
    while let row = try rows.next() {
      let (id, stored): (Int64, Data) = (row[0], row[1])
      try look(at: stored, of: id, &batch)
      (count, bytes) = (count + 1, bytes + stored.count)
      guard count < limits.rows, bytes < limits.bytes else {
        batch.upTo = id
        break
      }
    }
    return batch
  }

  private func look(at stored: Data, of id: Int64, _ batch: inout Batch) throws(StoreError) {
    // One that cannot be read is told by the claim that needs it; its keys stay all the same.
    guard let json = try? JournalBody.opened(stored) else {
      batch.keys.formUnion(SealedMark.found(inDamaged: stored).compactMap { sealing.keyID(of: $0) })
      batch.unopened.append(
        StoreError(.databaseCorrupt, "Row \(id) of table agent_version cannot be read: it stays as it is."))
      return
    }
    var renewal = SealedRenewal(sealing, key: key, isBeforeKeys: isBeforeKeys) {
      StoreSealing.place(ofDefinition: id, $0)
    }
    let new = try AgentDefinition.replacingSensitive(in: json, fields) { (pointer, value) throws(StoreError) in
      try renewal.renewed(value, at: pointer)
    }
    if !renewal.failures.isEmpty {
      batch.unopened += renewal.failures
      _ = new.replacingMarks { (_, mark) throws(Never) in
        if let key = sealing.keyID(of: mark) { batch.keys.insert(key) }
        return .null
      }
    }
    if new != json { batch.changes.append(Change(id: id, old: stored, new: try JournalBody.stored(new))) }
  }
}
