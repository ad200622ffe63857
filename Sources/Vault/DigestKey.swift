import AgentCore
import CSodium

/// The installation's key for the digests that stand in clear: HMAC-SHA-256 (RFC 2104, RFC 6234) under 32 bytes that
/// are made once and never change.
///
/// A plain hash of a short secret can be guessed; one under a key that only this installation has cannot.
package struct DigestKey: Digester {
  let key: LockedKey

  init(key: LockedKey) { self.key = key }

  /// Of bytes that the caller wipes. `path` names their file in the error.
  ///
  /// - Throws: `VaultError.keyInvalid` unless there are `byteCount` bytes.
  init(bytes: [UInt8], path: String = "the key", in block: KeyBlock) throws(VaultError) {
    guard bytes.count == Self.byteCount else {
      throw .keyInvalid(path: path, detail: "\(bytes.count) bytes where \(Self.byteCount) belong")
    }
    key = try bytes.withLocked(in: block)
  }

  /// As long as SHA-256's output: RFC 2104 section 3 advises no less, and more adds nothing.
  static let byteCount = Int(crypto_auth_hmacsha256_KEYBYTES)

  package func digest(_ message: [UInt8]) -> String {
    Hexadecimal.text(Self.authenticate(message, key: key))
  }

  static func authenticate(_ message: [UInt8], key: LockedKey) -> [UInt8] {
    key.withBytes { authenticate(message, key: $0, count: KeyBlock.keyBytes) }
  }

  /// HMAC-SHA-256 under a key of any length.
  static func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    authenticate(message, key: key, count: key.count)
  }

  private static func authenticate(_ message: [UInt8], key: UnsafePointer<UInt8>, count: Int) -> [UInt8] {
    var state = crypto_auth_hmacsha256_state()
    var code = [UInt8](repeating: 0, count: Int(crypto_auth_hmacsha256_BYTES))
    crypto_auth_hmacsha256_init(&state, key, count)
    crypto_auth_hmacsha256_update(&state, message, UInt64(message.count))
    crypto_auth_hmacsha256_final(&state, &code)
    sodium_memzero(&state, MemoryLayout<crypto_auth_hmacsha256_state>.size)
    return code
  }
}
