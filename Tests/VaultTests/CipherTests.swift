import AgentCore
import AgentTestKit
import Testing

@testable import Vault

@Suite struct CipherTests {
  static let engines: [any CipherEngine] = (SodiumGCM().map { [$0 as any CipherEngine] } ?? []) + [CryptoGCM()]

  @Test("both libraries give the known answers of AES-256-GCM, and refuse each of them with a bit changed")
  func knownAnswers() throws {
    let block = try KeyBlock()
    for engine in Self.engines { try KnownAnswers.check(engine, in: block) }
    try KnownAnswers.checkDerivation(in: block)
    #expect(KnownAnswers.sealings.count == 4)
  }

  @Test(
    "both libraries make the same bytes, and each opens the other's",
    .enabled(if: engines.count == 2, "libsodium has no AES on this CPU"),
    arguments: [0, 1, 15, 16, 17, 255, 4096, 65_535, 65_536, 65_537, 1 << 20])
  func sameBytes(count: Int) throws {
    let block = try KeyBlock()
    let key = try block.random()
    let random = SeededRandom(seed: UInt64(count) + 1)
    let clear = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    let (nonce, associated) = ([UInt8](1...12), [UInt8](repeating: 9, count: 40))
    let sealed = Self.engines.map {
      $0.seal(clear, after: [7, 8], key: key, nonce: nonce, associated: associated) ?? []
    }
    #expect(sealed[0] == sealed[1])
    #expect(sealed[0].prefix(2) == [7, 8] && sealed[0].count == count + 18)
    for (engine, other) in [(Self.engines[0], sealed[1]), (Self.engines[1], sealed[0])] {
      #expect(engine.open(other[2...], key: key, nonce: nonce, associated: associated) == clear)
    }
  }

  /// Gives what another does, with the last bit changed.
  private struct WrongEngine: CipherEngine {
    let name = "wrong"
    func seal(_ clear: [UInt8], after prefix: [UInt8], key: LockedKey, nonce: [UInt8], associated: [UInt8]) -> [UInt8]?
    {
      var sealed = CryptoGCM().seal(clear, after: prefix, key: key, nonce: nonce, associated: associated)
      if let last = sealed?.indices.last { sealed?[last] ^= 1 }
      return sealed
    }
    func open(_ sealed: ArraySlice<UInt8>, key: LockedKey, nonce: [UInt8], associated: [UInt8]) -> [UInt8]? {
      CryptoGCM().open(sealed, key: key, nonce: nonce, associated: associated)
    }
  }

  /// Opens whatever it is given.
  private struct TrustingEngine: CipherEngine {
    let name = "trusting"
    func seal(_ clear: [UInt8], after prefix: [UInt8], key: LockedKey, nonce: [UInt8], associated: [UInt8]) -> [UInt8]?
    {
      CryptoGCM().seal(clear, after: prefix, key: key, nonce: nonce, associated: associated)
    }
    func open(_ sealed: ArraySlice<UInt8>, key: LockedKey, nonce: [UInt8], associated: [UInt8]) -> [UInt8]? {
      var sealed = sealed
      if let opened = CryptoGCM().open(sealed, key: key, nonce: nonce, associated: associated) { return opened }
      sealed[sealed.endIndex - 1] ^= 1
      return CryptoGCM().open(sealed, key: key, nonce: nonce, associated: associated)
    }
  }

  @Test("a library that answers wrongly, or opens what was changed, is not used at all")
  func selfTest() {
    for engine in [WrongEngine(), TrustingEngine()] as [any CipherEngine] {
      let error = #expect(throws: VaultError.self) { try FieldCipher(small: CryptoGCM(), large: engine) }
      #expect(error?.code == "crypto_self_test_failed")
      #expect(throws: VaultError.self) { try FieldCipher(small: engine, large: CryptoGCM()) }
    }
  }

  /// Right for the known answers, and useless for what is longer.
  private struct ShortEngine: CipherEngine {
    let name = "short"
    func seal(_ clear: [UInt8], after prefix: [UInt8], key: LockedKey, nonce: [UInt8], associated: [UInt8]) -> [UInt8]?
    {
      guard clear.count < 1000 else { return nil }
      return CryptoGCM().seal(clear, after: prefix, key: key, nonce: nonce, associated: associated)
    }
    func open(_ sealed: ArraySlice<UInt8>, key: LockedKey, nonce: [UInt8], associated: [UInt8]) -> [UInt8]? {
      guard sealed.count < 1000 else { return nil }
      return CryptoGCM().open(sealed, key: key, nonce: nonce, associated: associated)
    }
  }

  @Test("from 64 KiB on one library does it and below the other, to seal and to open")
  func border() throws {
    let (key, place) = (try KeyBlock().random(), RingFixture.place)
    let both = try FieldCipher(small: CryptoGCM(), large: CryptoGCM())
    let (under, at) = ([UInt8](repeating: 7, count: 65_535), [UInt8](repeating: 7, count: 65_536))
    for (cipher, works, fails) in [
      (try FieldCipher(small: ShortEngine(), large: CryptoGCM()), at, under),
      (try FieldCipher(small: CryptoGCM(), large: ShortEngine()), under, at),
    ] {
      #expect(throws: SealFailure.unavailable) { try cipher.seal(fails, keyID: 1, key: key, at: place) }
      let sealed = try cipher.seal(works, keyID: 1, key: key, at: place)
      #expect(try cipher.open(sealed, at: place) { _ in key } == works)
      let other = try both.seal(fails, keyID: 1, key: key, at: place)
      #expect(throws: SealFailure.invalid) { try cipher.open(other, at: place) { _ in key } }
    }
  }

  @Test("the large values' library is swift-crypto, the small ones' libsodium where the CPU has AES")
  func choice() throws {
    let names = Self.engines.map(\.name)
    #expect(names.last == "swift-crypto")
    #expect(try FieldCipher().engines == (names.count == 2 ? "libsodium, swift-crypto from 64 KiB on" : names[0]))
  }

  @Test("format and key id are bound in: a value whose head names another number of the very same key does not open")
  func head() throws {
    let (cipher, key, place) = (try FieldCipher(), try KeyBlock().random(), RingFixture.place)
    let sealed = try cipher.seal([1, 2, 3], keyID: 0x0102_0301, key: key, at: place)
    for (index, bit) in (2...5).flatMap({ index in (0..<8).map { (index, UInt8(1 << $0)) } }) {
      var changed = sealed
      changed[index] ^= bit
      #expect(throws: SealFailure.invalid) { try cipher.open(changed, at: place) { _ in key } }
    }
    #expect(try cipher.open(sealed, at: place) { $0 == 0x0102_0301 ? key : nil } == [1, 2, 3])
    // Version and algorithm have one value each in this format: what is sealed with another one is told by the associated
    // data alone.
    let (nonce, head) = ([UInt8](repeating: 9, count: 12), SealedValue.head(keyID: 1))
    for index in 0..<2 {
      var other = head
      other[index] = 2
      let forged = CryptoGCM().seal(
        [1], after: head + nonce, key: key, nonce: nonce,
        associated: SealedValue.associatedData(place, head: other[...]))
      #expect(throws: SealFailure.invalid) { try cipher.open(forged ?? [], at: place) { _ in key } }
    }
  }

  @Test("a block of keys is full at 256, gives a slot back when a key is let go, and wipes it")
  func block() throws {
    let block = try KeyBlock()
    var keys: [LockedKey] = []
    for _ in 0..<KeyBlock.capacity { keys.append(try block.random()) }
    #expect(throws: VaultError.keyMemory) { try block.random() }
    let bytes = keys[3].withBuffer { Array($0) }
    #expect(bytes != [UInt8](repeating: 0, count: 32))
    keys.removeLast()
    let fresh = try block.random()
    #expect(!keys.contains { $0.isEqual(to: fresh) })
    #expect(keys[3].withBuffer { Array($0) } == bytes)
    // Of all that was in the slots but the last nothing is left.
    keys = []
    for _ in 1..<KeyBlock.capacity {
      var found: [UInt8] = []
      let key = try block.make { slot in
        found = Array(UnsafeRawBufferPointer(start: slot, count: KeyBlock.keyBytes))
        return true
      }
      keys.append(try #require(key))
      #expect(found == [UInt8](repeating: 0, count: KeyBlock.keyBytes))
    }
    #expect(!keys.contains { $0.isEqual(to: fresh) })
  }

  @Test("what a library cannot seal while keys are wrapped is a lack of memory, and no wrong answer of it")
  func wrapping() throws {
    let master = try MasterKey(randomIn: KeyBlock())
    let cipher = try FieldCipher(small: ShortEngine(), large: CryptoGCM())
    let wrapping = try WrappingKey(master, installation: 1, cipher: cipher)
    #expect(throws: VaultError.keyMemory) {
      try wrapping.seal([UInt8](repeating: 1, count: 2000), at: RingFixture.place)
    }
    #expect(VaultError.keyMemory.description.contains("raise LimitMEMLOCK"))
  }

  @Test("no key shows in text, in a mirror or in what encloses it")
  func printing() throws {
    struct Holder {
      var master: MasterKey
      var key: LockedKey
      var code: RecoveryCode
    }
    let block = try KeyBlock()
    let text = base64(0x41)
    let master = try MasterKey(base64: Array(text.utf8), source: "test", block: block)
    let holder = Holder(master: master, key: master.key, code: RecoveryCode(bytes: [UInt8](repeating: 0x41, count: 20)))
    var dumped = ""
    dump(holder, to: &dumped)
    for shown in ["\(holder)", String(reflecting: holder), dumped, "\(master)", "\(holder.code)", "\(holder.key)"] {
      #expect(!shown.contains("AAAA") && !shown.contains("65, 65") && !shown.contains(text), "\(shown)")
      #expect(!shown.contains(holder.code.reveal()))
    }
  }
}
