import AgentCore
import Crypto

/// The key that wraps the ring's keys: HKDF-SHA-256 of the master key, salted with the installation's id (8 bytes,
/// big-endian), so that one master key on two machines gives two of them.
struct WrappingKey: Sendable {
  let key: LockedKey
  private let cipher: FieldCipher
  /// Names the master key in clear, and tells nothing of it: the first 8 bytes of an HMAC under this key, 16 digits.
  let fingerprint: String

  private static let info = Array("agent-system/kek/v1".utf8)
  private static let proofInfo = Array("agent-system/recovery-proof/v1".utf8)
  static let fingerprintBytes = 8

  init(_ master: MasterKey, installation: Int64, cipher: FieldCipher) throws(VaultError) {
    let derived = HKDF<SHA256>.deriveKey(
      inputKeyMaterial: master.key.symmetric, salt: installation.bigEndianBytes, info: Self.info,
      outputByteCount: KeyBlock.keyBytes)
    key = try derived.locked(in: master.key.block)
    self.cipher = cipher
    fingerprint = Hexadecimal.text(
      DigestKey.authenticate(Array("fingerprint".utf8), key: key).prefix(Self.fingerprintBytes))
  }

  /// The key of the row, sealed: as any value of table `key_ring`, with the purpose as its pointer and key id 0.
  func wrap(_ key: LockedKey, id: UInt32, purpose: KeyPurpose) throws(VaultError) -> [UInt8] {
    var clear = key.withBuffer { Array($0) }
    defer { wipe(&clear) }
    return try seal(clear, at: Self.place(id, purpose))
  }

  /// Nil when this is not the key it was wrapped under.
  func unwrap(_ wrapped: [UInt8], id: UInt32, purpose: KeyPurpose) throws(VaultError) -> LockedKey? {
    guard var clear = open(wrapped, at: Self.place(id, purpose)) else { return nil }
    defer { wipe(&clear) }
    guard clear.count == KeyBlock.keyBytes else { return nil }
    return try clear.withLocked(in: key.block)
  }

  /// Says of bytes in clear that who wrote them had the master key: HMAC-SHA-256 under a key made for that alone.
  func proof(of message: [UInt8]) throws(VaultError) -> [UInt8] { try Self.proof(of: message, under: key) }

  static func proof(of message: [UInt8], under key: LockedKey) throws(VaultError) -> [UInt8] {
    let derived = HKDF<SHA256>.deriveKey(
      inputKeyMaterial: key.symmetric, salt: [UInt8](), info: proofInfo, outputByteCount: KeyBlock.keyBytes)
    return DigestKey.authenticate(message, key: try derived.locked(in: key.block))
  }

  func seal(_ clear: [UInt8], at place: SealedPlace) throws(VaultError) -> [UInt8] {
    do throws(SealFailure) { return try cipher.seal(clear, keyID: 0, key: key, at: place) } catch .unavailable {
      throw .keyMemory
    } catch {
      throw .selfTestFailed("sealing: \(error.rawValue)")
    }
  }

  /// Nil for what this key did not seal there.
  func open(_ sealed: [UInt8], at place: SealedPlace) -> [UInt8]? {
    // Whatever is wrong with it, it does not open: which of the reasons it was, the caller has no use for.
    try? cipher.open(sealed, at: place) { $0 == 0 ? key : nil }
  }

  private static func place(_ id: UInt32, _ purpose: KeyPurpose) -> SealedPlace {
    SealedPlace(table: "key_ring", row: "\(id)", column: "wrapped", pointer: purpose.rawValue)
  }
}

extension SymmetricKey {
  func locked(in block: KeyBlock) throws(VaultError) -> LockedKey {
    try withUnsafeBytes { block.stored($0) }.get()
  }
}

extension Int64 {
  /// As the number is written into what is derived or proven.
  var bigEndianBytes: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: self >> Int64(56 - 8 * $0)) } }
}
