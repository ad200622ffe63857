import AgentCore
import CSodium

/// `keys/recovery.box`: the master key, sealed to the X25519 key that the recovery code stands for (`crypto_box_seal`).
/// The public key lies beside it, so that a new master key is sealed to the same code without it; and a proof that
/// whoever put the public key there had the master key, or the next start would seal it to anybody who can write here.
///
/// `{"box":"base64","fingerprint":"…","format":1,"installation":…,"proofs":{"FINGERPRINT":"base64"},
/// "public_key":"base64"}`
package struct RecoveryBox: Sendable, Hashable {
  package let publicKey: [UInt8]
  /// Of the master key inside.
  package let fingerprint: String
  package let installation: Int64
  private let box: [UInt8]
  /// Of public key and installation, by the fingerprint of the master key that it was made under: one, and while a
  /// master key is being changed one for each that may come to stand.
  private(set) var proofs: [String: [UInt8]]

  private static let format: Int64 = 1
  static let fileName = "recovery.box"

  /// Seals the master key to the owner of the public key.
  init(
    _ master: MasterKey, to publicKey: [UInt8], fingerprint: String, installation: Int64,
    proofs: [String: [UInt8]] = [:]
  ) throws(VaultError) {
    var box = [UInt8](repeating: 0, count: KeyBlock.keyBytes + crypto_box_sealbytes())
    let status = master.key.withBytes { crypto_box_seal(&box, $0, UInt64(KeyBlock.keyBytes), publicKey) }
    guard status == 0 else { throw .sodiumUnavailable }
    (self.publicKey, self.fingerprint, self.installation, self.box) = (publicKey, fingerprint, installation, box)
    self.proofs = proofs
  }

  private var proven: [UInt8] {
    Array(Self.fileName.utf8) + installation.bigEndianBytes + publicKey
  }

  mutating func prove(under wrapping: WrappingKey) throws(VaultError) {
    proofs[wrapping.fingerprint] = try wrapping.proof(of: proven)
  }

  func isProven(under wrapping: WrappingKey) throws(VaultError) -> Bool {
    guard let proof = proofs[wrapping.fingerprint] else { return false }
    return isSame(proof, try wrapping.proof(of: proven))
  }

  /// Without the proofs of other master keys than these.
  func keepingProofs(of fingerprints: Set<String>) -> RecoveryBox {
    var box = self
    box.proofs = proofs.filter { fingerprints.contains($0.key) }
    return box
  }

  /// The master key inside.
  ///
  /// - Throws: `VaultError.recoveryCodeInvalid` for another code than the one it was sealed to.
  package func open(_ code: RecoveryCode, in block: KeyBlock) throws(VaultError) -> MasterKey {
    var pair = try code.keyPair()
    defer { wipe(&pair.secretKey) }
    guard pair.publicKey == publicKey else {
      throw .recoveryCodeInvalid(
        "This is a recovery code, but not the one of this installation; a newer one replaces it")
    }
    var clear = [UInt8](repeating: 0, count: KeyBlock.keyBytes)
    defer { wipe(&clear) }
    guard box.count == clear.count + crypto_box_sealbytes(),
      crypto_box_seal_open(&clear, box, UInt64(box.count), publicKey, pair.secretKey) == 0
    else {
      throw .keyFileInvalid(
        path: "keys/\(Self.fileName)",
        detail: "the master key inside does not open, though this is its code: put the file back from a copy")
    }
    return MasterKey(key: try clear.withLocked(in: block))
  }

  init?(_ members: [String: JSONValue]) {
    guard members["format"] == .integer(Self.format), case .integer(let installation)? = members["installation"],
      let publicKey = members["public_key"]?.stringValue.flatMap(Base64.bytes),
      publicKey.count == Int(crypto_box_PUBLICKEYBYTES), let box = members["box"]?.stringValue.flatMap(Base64.bytes),
      let fingerprint = members["fingerprint"]?.stringValue
    else { return nil }
    (self.publicKey, self.fingerprint, self.installation, self.box) = (publicKey, fingerprint, installation, box)
    // One that cannot be read proves nothing.
    let proofs: [String: JSONValue] =
      if case .object(let given)? = members["proofs"] { given } else { [:] }
    self.proofs = proofs.compactMapValues { $0.stringValue.flatMap(Base64.bytes) }
  }

  package var json: JSONValue {
    var members: [String: JSONValue] = [
      "format": .integer(Self.format), "installation": .integer(installation),
      "fingerprint": .string(fingerprint),
      "public_key": .string(Base64.text(publicKey)), "box": .string(Base64.text(box)),
    ]
    if !proofs.isEmpty {
      members["proofs"] = .object(proofs.mapValues { .string(Base64.text($0)) })
    }
    return .object(members)
  }
}

extension KeyFolder {
  /// Nil where no recovery code was ever made.
  package func recoveryBox() throws(VaultError) -> RecoveryBox? {
    guard let members = try members(RecoveryBox.fileName) else { return nil }
    guard let box = RecoveryBox(members) else {
      throw .keyFileInvalid(
        path: "\(path)/\(RecoveryBox.fileName)",
        detail:
          "a member is missing or malformed: put it back from a copy, or, with the master key in place, make a new "
          + "code by `agent-system key recovery new`")
    }
    return box
  }

  package func write(_ box: RecoveryBox) throws(VaultError) {
    try write(RecoveryBox.fileName, box.json.encoded() + [UInt8(ascii: "\n")])
  }
}

/// Takes the same time wherever they differ.
func isSame(_ proof: [UInt8], _ other: [UInt8]) -> Bool {
  proof.count == other.count && sodium_memcmp(proof, other, proof.count) == 0
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
