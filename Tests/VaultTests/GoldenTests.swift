import AgentCore
import AgentTestKit
import Foundation
import Testing

@testable import Vault

/// Every written format, as bytes that stand here for good: what opens them opens the data of those who have this version.
///
/// Made by another program from the formats' description: Python's `cryptography` for AES-256-GCM, HKDF and HMAC,
/// libsodium by ctypes for the sealed box. Master key: bytes 0 to 31; field key 64 to 95; digest key 128 to 159; recovery
/// code 200 to 219.
@Suite struct GoldenTests {
  private static let master = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
  private static let installation: Int64 = 4711
  private static let fingerprint = "351ed4d1c855bae7"
  private static let fieldWrap =
    "AQEAAAAAAQEBAQEBAQEBAQEBvedf6qSysjiwGLDJr+BcnunXZ5Dp+GEzlUi2NrDx4On16kgFNgTFnbgjw5feJLoI"
  private static let digestWrap =
    "AQEAAAAAAgICAgICAgICAgICRoyORzgXMin0bk4Y9jgUfKThkBbRpR1J62Sp9i6KgHtQSlLkt+pA/qKGB4jS/cl7"
  private static let sealed = "AQEAAAABAwMDAwMDAwMDAwMD8UrD9oU/5mTXgyIsTRfBHD5kBMsA+POCqV6Oh7ws"
  private static let digest = "bdd7c155b3722fddb816b7fded299706ed08b2e5d0ff0ae5e695fc8086b223dc"
  private static let code = "S34W-NJYC-SQ7C-ZM6H-TB9X-9NEP-TZCD-KPPV-01AJ"
  private static let recoveryBox = """
    {"box":"srXgb2f16rbHfSKzfCv5w/PFvcwgIXaEfPWPrjlMsGvQoC2m+5cgPYUMIzjUV1AuT+7xTIkSrozJWBVoB+SR\
    IPEDGzyV8NfmYQS0N/R19Rc=",\
    "fingerprint":"351ed4d1c855bae7","format":1,"installation":4711,\
    "proofs":{"351ed4d1c855bae7":"P4aXUCMGEk07wGZCMVUpPQ1PIfGiMEGIX3PcCChGFgU="},\
    "public_key":"Zv48Xxaryxpgrh+EvinvNjLl3sx15Sz8VLa+YpdtLWs="}

    """
  private static let oldMasters = """
    {"boxes":[{"box":"AQEAAAAABAQEBAQEBAQEBAQEVCG4wCc0ENCgORvOjZ+9xt2f5D52ao4t8MzNWNvc6smuhaKrJG5Prck/FcP2\
    g/3nOj3ouwwfncPp/lA1+G1HhqQwkpVATAjbpKe43RmfBpo=","fingerprint":"351ed4d1c855bae7"}],"format":1}

    """

  private static let confirmed = """
    {"code":{"at":"2023-11-14T22:13:20.000Z","public_key":"Zv48Xxaryxpgrh+EvinvNjLl3sx15Sz8VLa+YpdtLWs="},\
    "master_key":{"at":"2023-11-14T22:13:20.000Z","fingerprint":"351ed4d1c855bae7"},\
    "proof":"04Z0VKZtQAhSLyBaiLHtEyP63JTr/a0XxlBEjW2s+U0="}

    """

  private let folder: TemporaryFolder
  private let keys: KeyFolder
  private let master: MasterKey

  init() throws {
    folder = try TemporaryFolder("golden")
    keys = KeyFolder(dataFolder: folder.path)
    master = try MasterKey(base64: Array(Self.master.utf8), source: "test", block: KeyBlock())
    try keys.prepare()
    try folder.write("keys/fingerprint", "\(Self.installation) \(Self.fingerprint)\n", mode: 0o600)
  }

  private func ring() throws -> KeyRing {
    let rows = [(UInt32(1), KeyPurpose.field, Self.fieldWrap), (2, .digest, Self.digestWrap)]
    return try KeyRing(
      rows: rows.map { id, purpose, wrap in
        KeyRingRow(
          id: id, purpose: purpose, state: .active, wrapped: try #require(Base64.bytes(wrap)),
          createdAt: RingFixture.start)
      }, master: master, installation: Self.installation)
  }

  @Test("the ring's rows open under the master key, its fingerprint is the folder's, and its keys are the same bytes")
  func wraps() throws {
    let ring = try ring()
    #expect(ring.fingerprint == Self.fingerprint)
    #expect(try keys.marks() == [ring.mark])
    #expect(try ring.digester.digest(Array("abc".utf8)) == Self.digest)
    let wrapping = ring.wrappingKey
    for (id, purpose, first, wrap) in [
      (UInt32(1), KeyPurpose.field, UInt8(64), Self.fieldWrap), (2, .digest, 128, Self.digestWrap),
    ] {
      let key = try wrapping.unwrap(try #require(Base64.bytes(wrap)), id: id, purpose: purpose)
      #expect(key?.withBuffer { Array($0) } == Array(first..<first + 32))
    }
  }

  @Test("a sealed value opens at its place")
  func value() throws {
    let sealed = try #require(Base64.bytes(Self.sealed))
    #expect(try ring().open(sealed, at: RingFixture.place) == Array("grün & golden".utf8))
    #expect(try ring().keyID(ofSealed: sealed) == 1)
  }

  @Test("the recovery code is read and written as it stands on paper, and opens the folder's box")
  func recovery() throws {
    #expect(RecoveryCode(bytes: Array(200..<220)).reveal() == Self.code)
    try folder.write("keys/recovery.box", Self.recoveryBox, mode: 0o600)
    let box = try #require(try keys.recoveryBox())
    #expect(box.fingerprint == Self.fingerprint && box.installation == Self.installation)
    #expect(try box.open(RecoveryCode(Self.code), in: KeyBlock()).isEqual(to: master))
    let found = try RecoveredMaster(dataFolder: folder.path, code: Secret(Self.code))
    #expect(found.fingerprint == Self.fingerprint)
    // Read and written again it is the same file.
    try keys.write(box)
    #expect(try folder.text("keys/recovery.box") == Self.recoveryBox)
    // What a start keeps in the box of a new master key goes to the same code.
    try ring().makeRecoveryBox(master, for: RecoveryCode(Self.code), in: keys)
    #expect(try keys.recoveryBox()?.publicKey == box.publicKey)
  }

  @Test("a box and a confirmation are known for the ring's own by their proofs")
  func proofs() throws {
    try folder.write("keys/recovery.box", Self.recoveryBox, mode: 0o600)
    try folder.write("keys/recovery.confirmed", Self.confirmed, mode: 0o600)
    let way = try ring().wayBack(in: keys)
    #expect(way.code == .made && way.isConfirmed && way.mark.code?.at == RingFixture.start)
    #expect(way.mark.masterKey?.fingerprint == Self.fingerprint)
    // Without its proof it opens all the same: only a start does not seal it anew.
    let bare = Self.recoveryBox.replacing(/"proofs":\{[^}]*\},/, with: "")
    try folder.write("keys/recovery.box", bare, mode: 0o600)
    #expect(try ring().wayBack(in: keys).code == .unverified)
    #expect(
      try RecoveredMaster(dataFolder: folder.path, code: Secret(Self.code)).fingerprint == Self.fingerprint)
  }

  @Test("the master keys of before come out of their box, oldest first")
  func oldKeys() throws {
    try folder.write("keys/old-masters.box", Self.oldMasters, mode: 0o600)
    let boxes = try keys.oldMasters()
    let old = try #require(try boxes.keys(under: try ring().wrappingKey))
    #expect(old.map { $0.key.withBuffer { Array($0) } } == [0x11, 0x22].map { [UInt8](repeating: $0, count: 32) })
    try keys.write(boxes)
    #expect(try folder.text("keys/old-masters.box") == Self.oldMasters)
  }

  @Test("a key's file has the key in base64 and a line break, and is read so")
  func keyFile() throws {
    let path = MasterKeyPlaces.defaultFile(dataFolder: folder.path)
    try master.write(to: path)
    #expect(try folder.text("keys/master.key") == Self.master + "\n")
    #expect(try MasterKeyPlaces(file: path).find(in: KeyBlock())?.key.isEqual(to: master) == true)
  }
}

extension TemporaryFolder {
  fileprivate func text(_ name: String) throws -> String {
    try String(contentsOfFile: appending(name), encoding: .utf8)
  }
}
