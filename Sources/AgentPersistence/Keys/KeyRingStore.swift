import AgentCore
import Foundation
import GRDB
import Vault

/// Table `key_ring`: the keys that seal, each wrapped by the master key. Every change is one commit.
package struct KeyRingStore: Sendable {
  private let file: StoreFile

  package init(file: StoreFile) { self.file = file }

  /// By id. Empty: this database has no keys yet.
  package func rows() async throws(StoreError) -> [KeyRingRow] {
    try await file.read { db in try db.keyRing() }
  }

  /// Refuses where there are any: two rings would part the rows between them.
  package func insertFirst(_ rows: [KeyRingRow]) async throws(StoreError) {
    try await file.write(.essential) { context in
      guard try context.db.firstInteger("SELECT 1 FROM key_ring LIMIT 1") == nil else {
        throw StoreError(.storageIOError, "The database has a key ring already.")
      }
      for row in rows { try context.db.insert(row) }
    }
  }

  /// Makes `row` the active key of its purpose, and `opening` one that opens alone. What that one sealed is sealed anew
  /// by the next `SealingPass.run`, in this process or, after a kill, in the next: the pass sees that the key in use is
  /// another than the one it last ran for. Returns all rows, for `KeyRing.adopt`.
  @discardableResult
  package func addActive(_ row: KeyRingRow, opening: UInt32) async throws(StoreError) -> [KeyRingRow] {
    try await file.write(.essential) { context in
      try context.db.run(
        "UPDATE key_ring SET state = ? WHERE id = ? AND purpose = ? AND state = ?",
        [KeyState.opening.rawValue, Int64(opening), row.purpose.rawValue, KeyState.active.rawValue])
      guard context.db.changesCount == 1 else {
        throw StoreError(.storageIOError, "Key \(opening) is not the active one: nothing was changed.")
      }
      try context.db.insert(row)
      return try context.db.keyRing()
    }
  }

  /// Replaces both wraps of each key named, all of them or none.
  @discardableResult
  package func setWraps(
    _ wraps: [UInt32: (wrapped: [UInt8], other: [UInt8]?)]
  ) async throws(StoreError) -> [KeyRingRow] {
    try await file.write(.essential) { context in
      for (id, wrap) in wraps {
        try context.db.run(
          "UPDATE key_ring SET wrapped = ?, other_wrap = ? WHERE id = ? AND state <> ?",
          [Data(wrap.wrapped), wrap.other.map { Data($0) }, Int64(id), KeyState.destroyed.rawValue])
        guard context.db.changesCount == 1 else {
          throw StoreError(.storageIOError, "There is no key \(id) to wrap: nothing was changed.")
        }
      }
      return try context.db.keyRing()
    }
  }

  /// Takes wraps that were overwritten out of the database's file and its WAL. False when something that reads held that
  /// up: they go with a later checkpoint, at the latest with the next start.
  package func forgetOverwritten() async -> Bool {
    // A store that is closed is one that a start will open.
    (try? await file.truncateWAL()) ?? false
  }
}

extension Database {
  func keyRing() throws -> [KeyRingRow] {
    // Each rotation adds one.
    try rows(
      "SELECT id, purpose, state, wrapped, other_wrap, seals, created_at FROM key_ring ORDER BY id"
    ).map { row in
      let id: Int64 = row[0]
      guard let number = UInt32(exactly: id), let purpose = KeyPurpose(rawValue: row[1]),
        let state = KeyState(rawValue: row[2])
      else { throw StoreError(.databaseCorrupt, "row \(id) of key_ring cannot be read") }
      let (wrapped, other): (Data, Data?) = (row[3], row[4])
      return KeyRingRow(
        id: number, purpose: purpose, state: state, wrapped: Array(wrapped), otherWrap: other.map { Array($0) },
        seals: row[5], createdAt: Timestamp(milliseconds: row[6]))
    }
  }

  fileprivate func insert(_ row: KeyRingRow) throws {
    try run(
      """
      INSERT INTO key_ring (id, purpose, state, wrapped, other_wrap, seals, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)
      """,
      [
        Int64(row.id), row.purpose.rawValue, row.state.rawValue, Data(row.wrapped), row.otherWrap.map { Data($0) },
        row.seals, row.createdAt.milliseconds,
      ])
  }

  /// Lets go of field keys that open alone, but for those of `held`: no row holds their ids. Their wraps are overwritten
  /// (`secure_delete`).
  func destroyOpeningFieldKeys(but held: Set<UInt32>) throws {
    try run(
      """
      UPDATE key_ring SET state = ?, wrapped = x'', other_wrap = NULL WHERE purpose = ? AND state = ?
        AND id NOT IN (SELECT value FROM json_each(?))
      """,
      [
        KeyState.destroyed.rawValue, KeyPurpose.field.rawValue, KeyState.opening.rawValue,
        JSONValue.array(held.sorted().map { .integer(Int64($0)) }).text,
      ])
  }
}
