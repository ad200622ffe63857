import AgentCore

/// The layout of a sealed value: byte 0 version `01`; 1 algorithm `01` = AES-256-GCM; 2–5 key id, big-endian; 6–17
/// nonce; ciphertext; 16 bytes of tag.
enum SealedValue {
  static let version: UInt8 = 1
  static let algorithm: UInt8 = 1
  /// Version, algorithm and key id: bound into the seal.
  static let headBytes = 6
  static let nonceBytes = 12
  static let prefixBytes = headBytes + nonceBytes
  static let tagBytes = 16

  static func head(keyID: UInt32) -> [UInt8] {
    [
      version, algorithm, UInt8(truncatingIfNeeded: keyID >> 24), UInt8(truncatingIfNeeded: keyID >> 16),
      UInt8(truncatingIfNeeded: keyID >> 8), UInt8(truncatingIfNeeded: keyID),
    ]
  }

  /// The key that sealed it; nil for bytes that are no sealed value of this version.
  static func keyID(_ sealed: some RandomAccessCollection<UInt8>) -> UInt32? {
    guard sealed.count >= prefixBytes + tagBytes else { return nil }
    let head = Array(sealed.prefix(headBytes))
    guard head[0] == version, head[1] == algorithm else { return nil }
    return head[2...].reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// `agent-system`, table, row, column, pointer, each as 4-byte big-endian length and UTF-8, then the head.
  static func associatedData(_ place: SealedPlace, head: ArraySlice<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(96)
    for text in ["agent-system", place.table, place.row, place.column, place.pointer] {
      let count = UInt32(text.utf8.count)
      for shift: UInt32 in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: count >> shift)) }
      bytes.append(contentsOf: text.utf8)
    }
    bytes.append(contentsOf: head)
    return bytes
  }
}
