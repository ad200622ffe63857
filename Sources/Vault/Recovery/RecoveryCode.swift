import AgentCore
import Crypto
import CSodium

/// What a person writes down to open the data when the master key is lost: 160 random bits and 20 that check them, as
/// nine groups of four characters of Crockford's base 32. Every way to text but `reveal` says `[secret]`.
package struct RecoveryCode: Sendable {
  private let bytes: [UInt8]

  static let randomBytes = 20
  private static let checkBits = 20
  static let characters = 36
  private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

  /// A new one of the operating system's generator.
  package init() throws(VaultError) {
    guard sodium_init() >= 0 else { throw .sodiumUnavailable }
    var bytes = [UInt8](repeating: 0, count: Self.randomBytes)
    randombytes_buf(&bytes, bytes.count)
    self.bytes = bytes
  }

  init(bytes: [UInt8]) { self.bytes = bytes }

  /// As somebody typed it: case, spaces and hyphens do not matter, and `O`, `I`, `L` are taken for what they look like.
  ///
  /// - Throws: `VaultError.recoveryCodeInvalid`, which says whether its length or a character is wrong.
  package init(_ text: String) throws(VaultError) {
    var digits: [UInt8] = []
    for character in text.uppercased().utf8 where ![0x20, 0x09, 0x0A, 0x0D, 0x2D].contains(character) {
      let meant: UInt8 =
        switch character {
        case UInt8(ascii: "O"): UInt8(ascii: "0")
        case UInt8(ascii: "I"), UInt8(ascii: "L"): UInt8(ascii: "1")
        default: character
        }
      guard let value = Self.alphabet.firstIndex(of: meant) else {
        throw .recoveryCodeInvalid("A recovery code has letters (without U) and digits alone: this is none")
      }
      digits.append(UInt8(value))
    }
    guard digits.count == Self.characters else {
      throw .recoveryCodeInvalid(
        "A recovery code has \(Self.characters) characters in nine groups of four, and this has \(digits.count)")
    }
    let bits = digits.flatMap { digit in (0..<5).map { digit >> UInt8(4 - $0) & 1 } }
    let bytes = (0..<Self.randomBytes).map { index in
      bits[index * 8..<index * 8 + 8].reduce(UInt8(0)) { $0 << 1 | $1 }
    }
    let check = bits[(Self.randomBytes * 8)...].reduce(UInt32(0)) { $0 << 1 | UInt32($1) }
    guard check == Self.check(bytes) else {
      throw .recoveryCodeInvalid("The recovery code is mistyped: its last characters do not fit the others")
    }
    self.bytes = bytes
  }

  /// The code itself, for the one place that shows it: `XXXX-XXXX-…`, nine groups.
  package func reveal() -> String {
    var bits = bytes.flatMap { byte in (0..<8).map { byte >> UInt8(7 - $0) & 1 } }
    let check = Self.check(bytes)
    bits += (0..<Self.checkBits).map { UInt8(check >> UInt32(Self.checkBits - 1 - $0) & 1) }
    let characters = stride(from: 0, to: bits.count, by: 5).map { start in
      Self.alphabet[Int(bits[start..<start + 5].reduce(UInt8(0)) { $0 << 1 | $1 })]
    }
    return stride(from: 0, to: characters.count, by: 4)
      .map { String(decoding: characters[$0..<$0 + 4], as: UTF8.self) }.joined(separator: "-")
  }

  private static func check(_ bytes: [UInt8]) -> UInt32 {
    var hash = SHA256()
    hash.update(data: Array("agent-system/recovery-check/v1".utf8))
    hash.update(data: bytes)
    return hash.finalize().prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) } >> UInt32(32 - checkBits)
  }

  /// The X25519 keys that the code stands for: its random bits are enough for HKDF, which needs no slowness.
  func keyPair() throws(VaultError) -> (publicKey: [UInt8], secretKey: [UInt8]) {
    guard sodium_init() >= 0 else { throw .sodiumUnavailable }
    let seed = HKDF<SHA256>.deriveKey(
      inputKeyMaterial: SymmetricKey(data: bytes), salt: [UInt8](), info: Array("agent-system/recovery/v1".utf8),
      outputByteCount: Int(crypto_box_SEEDBYTES))
    var seedBytes = seed.withUnsafeBytes { [UInt8]($0) }
    defer { wipe(&seedBytes) }
    var publicKey = [UInt8](repeating: 0, count: Int(crypto_box_PUBLICKEYBYTES))
    var secretKey = [UInt8](repeating: 0, count: Int(crypto_box_SECRETKEYBYTES))
    guard crypto_box_seed_keypair(&publicKey, &secretKey, seedBytes) == 0 else { throw .sodiumUnavailable }
    return (publicKey, secretKey)
  }
}

extension RecoveryCode: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { Secret.placeholder }
  package var debugDescription: String { Secret.placeholder }
  package var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
