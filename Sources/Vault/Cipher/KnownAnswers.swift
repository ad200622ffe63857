import Crypto

/// What the libraries must answer before they are trusted with a value.
enum KnownAnswers {
  struct Sealing: Sendable {
    var key: [UInt8]
    var nonce: [UInt8]
    var clear: [UInt8]
    var associated: [UInt8]
    /// Ciphertext and tag.
    var sealed: [UInt8]
  }

  private static let plain =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657"
    + "ba637b391aafd255"
  private static let cipher =
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a"
    + "bcc9f662898015ad"
  private static let longKey = "feffe9928665731c6d6a8f9467308308"

  /// The 256-bit cases, 13 to 16, of "The Galois/Counter Mode of Operation" (McGrew, Viega), which NIST's SP 800-38D
  /// took over.
  static let sealings: [Sealing] = [
    Sealing(
      key: zero(32), nonce: zero(12), clear: [], associated: [], sealed: bytes("530f8afbc74536b9a963b4f1c4cb738b")),
    Sealing(
      key: zero(32), nonce: zero(12), clear: zero(16), associated: [],
      sealed: bytes("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919")),
    Sealing(
      key: bytes(longKey + longKey), nonce: bytes("cafebabefacedbaddecaf888"), clear: bytes(plain), associated: [],
      sealed: bytes(cipher + "b094dac5d93471bdec1a502270e3cc6c")),
    Sealing(
      key: bytes(longKey + longKey), nonce: bytes("cafebabefacedbaddecaf888"), clear: bytes(String(plain.dropLast(8))),
      associated: bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
      sealed: bytes(cipher.dropLast(8) + "76fc6ece0f4e1768cddf8853bb2d551b")),
  ]

  /// - Throws: `VaultError.selfTestFailed`.
  static func check(_ engine: some CipherEngine, in block: KeyBlock) throws(VaultError) {
    for known in sealings {
      let key = try known.key.withLocked(in: block)
      let sealed = engine.seal(
        known.clear, after: [], key: key, nonce: known.nonce, associated: known.associated)
      let opened = engine.open(
        known.sealed[...], key: key, nonce: known.nonce, associated: known.associated)
      var changed = known.sealed
      changed[changed.count - 1] ^= 1
      let refused = engine.open(changed[...], key: key, nonce: known.nonce, associated: known.associated)
      guard sealed == known.sealed, opened == known.clear, refused == nil else {
        throw .selfTestFailed("AES-256-GCM of \(engine.name)")
      }
    }
  }

  /// RFC 5869, appendix A.1.
  static func checkDerivation(in block: KeyBlock) throws(VaultError) {
    let derived = HKDF<SHA256>.deriveKey(
      inputKeyMaterial: SymmetricKey(data: [UInt8](repeating: 0x0B, count: 22)), salt: Array(0x00...0x0C),
      info: Array(0xF0...0xF9), outputByteCount: 42)
    let expected = bytes("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")
    guard derived.withUnsafeBytes({ Array($0) }) == expected else {
      throw .selfTestFailed("HKDF-SHA-256 of swift-crypto")
    }
  }

  private static func zero(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

  private static func bytes(_ hexadecimal: some StringProtocol) -> [UInt8] { Hexadecimal.bytes(hexadecimal) ?? [] }
}

/// Bytes as pairs of lower-case digits.
enum Hexadecimal {
  private static let digits = Array("0123456789abcdef".utf8)

  static func text(_ bytes: some Sequence<UInt8>) -> String {
    var text: [UInt8] = []
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Nil unless they are pairs of digits.
  static func bytes(_ text: some StringProtocol) -> [UInt8]? {
    let codes = Array(text.utf8)
    guard codes.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: codes.count, by: 2) {
      guard let high = digits.firstIndex(of: codes[index]), let low = digits.firstIndex(of: codes[index + 1]) else {
        return nil
      }
      bytes.append(UInt8(high << 4 | low))
    }
    return bytes
  }
}

extension [UInt8] {
  /// These bytes as a key in locked memory; the array itself is the caller's to wipe.
  func withLocked(in block: KeyBlock) throws(VaultError) -> LockedKey {
    try withUnsafeBytes { block.stored($0) }.get()
  }
}
