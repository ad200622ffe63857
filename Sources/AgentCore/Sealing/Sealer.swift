/// Where a sealed value stands: bound into its seal, so that a value that was moved does not open.
package struct SealedPlace: Sendable, Hashable {
  package var table: String
  /// The row's primary key, as text.
  package var row: String
  package var column: String
  /// JSON pointer (RFC 6901) of the value inside the column; empty for a column that is sealed whole.
  package var pointer: String
  package init(table: String, row: String, column: String, pointer: String = "") {
    (self.table, self.row, self.column, self.pointer) = (table, row, column, pointer)
  }
}

/// Why a value could not be sealed or opened. Never carries the value.
package enum SealFailure: String, Error, Sendable, Hashable {
  /// Changed, moved from another place, or sealed under another key of that number.
  case invalid = "sealed_value_invalid"
  case keyUnknown = "key_unknown"
  case formatUnknown = "sealed_format_unknown"
  /// The key has sealed as much as one key may, and there is no newer one.
  case keyExhausted = "key_exhausted"
  /// Over `SealedMember.maximumBytes`.
  case tooLarge = "sealed_value_too_large"
  /// No memory that can be locked, no source of randomness.
  case unavailable = "sealing_unavailable"
}

/// Seals what the disk must not show, with AES-256-GCM, and opens it again. Safe from any thread; never waits for input
/// or output.
package protocol Sealer: Sendable {
  /// The bytes to store (`01`, algorithm, key id, nonce, ciphertext, tag).
  func seal(_ clear: [UInt8], at place: SealedPlace) throws(SealFailure) -> [UInt8]
  func open(_ sealed: [UInt8], at place: SealedPlace) throws(SealFailure) -> [UInt8]
}
