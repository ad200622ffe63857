import AgentCore
import CSodium

/// `keys/recovery.box`: the master key, sealed to the X25519 key that the recovery code stands for (`crypto_box_seal`).
/// The public key lies beside it, so that a new master key is sealed to the same code without it.
///
/// `{"box":"base64","fingerprint":"…","format":1,"installation":…,"public_key":"base64"}`
package struct RecoveryBox: Sendable, Hashable {
  package let publicKey: [UInt8]
  /// Of the master key inside.
  package let fingerprint: String
  package let installation: Int64
  private let box: [UInt8]

  private static let format: Int64 = 1
  static let fileName = "recovery.box"

  /// Seals the master key to the owner of the public key.
  init(
    _ master: MasterKey, to publicKey: [UInt8], fingerprint: String, installation: Int64
  ) throws(VaultError) {
    var box = [UInt8](repeating: 0, count: KeyBlock.keyBytes + crypto_box_sealbytes())
    let status = master.key.withBytes { crypto_box_seal(&box, $0, UInt64(KeyBlock.keyBytes), publicKey) }
    guard status == 0 else { throw .sodiumUnavailable }
    (self.publicKey, self.fingerprint, self.installation, self.box) = (publicKey, fingerprint, installation, box)
  }

  /// The master key inside.
  ///
  /// - Throws: `VaultError.recoveryCodeInvalid` for another code than the one it was sealed to.
  package func open(_ code: RecoveryCode, in block: KeyBlock) throws(VaultError) -> MasterKey {
    var (publicKey, secretKey) = try code.keyPair()
    defer { wipe(&secretKey) }
    guard publicKey == self.publicKey else {
      throw .recoveryCodeInvalid(
        "This is a recovery code, but not the one of this installation; a newer one replaces it")
    }
    var clear = [UInt8](repeating: 0, count: KeyBlock.keyBytes)
    defer { wipe(&clear) }
    guard box.count == clear.count + crypto_box_sealbytes(),
      crypto_box_seal_open(&clear, box, UInt64(box.count), publicKey, secretKey) == 0
    else { throw .keyFileInvalid(path: Self.fileName, detail: "the master key inside does not open") }
    publicKey.removeAll()
    return MasterKey(key: try clear.withLocked(in: block))
  }

  init?(_ members: [String: JSONValue]) {
    guard members["format"] == .integer(Self.format), case .integer(let installation)? = members["installation"],
      let publicKey = members["public_key"]?.stringValue.flatMap(Base64.bytes),
      publicKey.count == Int(crypto_box_PUBLICKEYBYTES), let box = members["box"]?.stringValue.flatMap(Base64.bytes),
      let fingerprint = members["fingerprint"]?.stringValue
    else { return nil }
    (self.publicKey, self.fingerprint, self.installation, self.box) = (publicKey, fingerprint, installation, box)
  }

  package var json: JSONValue {
    [
      "format": .integer(Self.format), "installation": .integer(installation), "fingerprint": .string(fingerprint),
      "public_key": .string(Base64.text(publicKey)), "box": .string(Base64.text(box)),
    ]
  }
}

extension KeyFolder {
  /// Nil where no recovery code was ever made.
  package func recoveryBox() throws(VaultError) -> RecoveryBox? {
    guard let members = try members(RecoveryBox.fileName) else { return nil }
    guard let box = RecoveryBox(members) else {
      throw .keyFileInvalid(path: "\(path)/\(RecoveryBox.fileName)", detail: "a member is missing or malformed")
    }
    return box
  }

  package func write(_ box: RecoveryBox) throws(VaultError) {
    try write(RecoveryBox.fileName, box.json.encoded() + [UInt8(ascii: "\n")])
  }
}

/// Bytes as base64 with padding (RFC 4648 section 4), for what is no secret.
enum Base64 {
  static func text(_ bytes: [UInt8]) -> String {
    var text = [CChar](
      repeating: 0, count: sodium_base64_encoded_len(bytes.count, sodium_base64_VARIANT_ORIGINAL))
    sodium_bin2base64(&text, text.count, bytes, bytes.count, sodium_base64_VARIANT_ORIGINAL)
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  static func bytes(_ text: String) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: text.utf8.count + 1)
    var count = 0
    let status = sodium_base642bin(
      &bytes, bytes.count, text, text.utf8.count, nil, &count, nil, sodium_base64_VARIANT_ORIGINAL)
    return status == 0 ? Array(bytes.prefix(count)) : nil
  }
}
