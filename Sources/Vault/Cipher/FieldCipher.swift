import AgentCore
import CSodium

/// Seals and opens values with AES-256-GCM, by whichever library suits this CPU and the value's size; the bytes are the
/// same.
package struct FieldCipher: Sendable {
  private let small: any CipherEngine
  private let large: any CipherEngine

  /// From here on swift-crypto is the faster of the two (docs/BENCHMARKS.md).
  static let largeBytes = 64 * 1024

  /// Checks the known answers of both libraries before any of them touches a value.
  /// - Throws: `VaultError.selfTestFailed`, `VaultError.sodiumUnavailable`.
  package init() throws(VaultError) {
    let fallback = CryptoGCM()
    try self.init(small: SodiumGCM() ?? fallback as any CipherEngine, large: fallback)
  }

  init(small: any CipherEngine, large: any CipherEngine) throws(VaultError) {
    (self.small, self.large) = (small, large)
    let block = try KeyBlock()
    for engine in [small, large] { try KnownAnswers.check(engine, in: block) }
    try KnownAnswers.checkDerivation(in: block)
  }

  /// For people: which library does what.
  package var engines: String {
    small.name == large.name ? small.name : "\(small.name), \(large.name) from \(Self.largeBytes >> 10) KiB on"
  }

  func seal(_ clear: [UInt8], keyID: UInt32, key: LockedKey, at place: SealedPlace) throws(SealFailure) -> [UInt8] {
    guard clear.count <= SealedMember.maximumBytes else { throw .tooLarge }
    let head = SealedValue.head(keyID: keyID)
    var nonce = [UInt8](repeating: 0, count: SealedValue.nonceBytes)
    randombytes_buf(&nonce, nonce.count)
    let sealed = engine(clear.count).seal(
      clear, after: head + nonce, key: key, nonce: nonce, associated: SealedValue.associatedData(place, head: head[...])
    )
    guard let sealed else { throw .unavailable }
    return sealed
  }

  /// `key`: asked with the id in the value; nil: there is no such key.
  func open(
    _ sealed: [UInt8], at place: SealedPlace, key: (UInt32) -> LockedKey?
  ) throws(SealFailure) -> [UInt8] {
    guard sealed.count >= 2, sealed[0] == SealedValue.version, sealed[1] == SealedValue.algorithm else {
      throw .formatUnknown
    }
    guard let id = SealedValue.keyID(sealed) else { throw .invalid }
    guard let key = key(id) else { throw .keyUnknown }
    let rest = sealed[SealedValue.prefixBytes...]
    let clear = engine(rest.count - SealedValue.tagBytes).open(
      rest, key: key, nonce: Array(sealed[SealedValue.headBytes..<SealedValue.prefixBytes]),
      associated: SealedValue.associatedData(place, head: sealed[..<SealedValue.headBytes]))
    guard let clear else { throw .invalid }
    return clear
  }

  private func engine(_ count: Int) -> any CipherEngine { count < Self.largeBytes ? small : large }
}
