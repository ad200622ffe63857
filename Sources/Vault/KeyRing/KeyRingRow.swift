import AgentCore

/// What a key of the ring seals. This build makes `field` and `digest`; the others are made by their features.
package enum KeyPurpose: String, Sendable, Hashable, CaseIterable {
  /// Values of `sensitive_fields`.
  case field
  /// The digests that stand in clear; never rotated.
  case digest
  case content, jwt, audit
}

package enum KeyState: String, Sendable, Hashable, CaseIterable {
  /// Seals and opens; one for each purpose.
  case active
  /// Opens what it has sealed, until that is sealed anew.
  case opening
  /// No row holds its id; the key is gone.
  case destroyed
}

/// One row of table `key_ring`, as it is stored: the key itself only wrapped.
package struct KeyRingRow: Sendable, Hashable {
  package var id: UInt32
  package var purpose: KeyPurpose
  package var state: KeyState
  /// Under the master key; empty once the key is destroyed.
  package var wrapped: [UInt8]
  /// Under the next master key, while `key rotate --master` waits for the start that has it.
  package var otherWrap: [UInt8]?
  /// How many values it may have sealed: reserved ahead, never less than the truth.
  package var seals: Int64
  package var createdAt: Timestamp

  package init(
    id: UInt32, purpose: KeyPurpose, state: KeyState, wrapped: [UInt8], otherWrap: [UInt8]? = nil, seals: Int64 = 0,
    createdAt: Timestamp
  ) {
    (self.id, self.purpose, self.state, self.wrapped, self.otherWrap) = (id, purpose, state, wrapped, otherWrap)
    (self.seals, self.createdAt) = (seals, createdAt)
  }
}
