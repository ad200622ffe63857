import AgentCore
import AgentTestKit
import Foundation
import Testing

@testable import Vault

/// Whoever can write the folder `keys` gets no key out of it.
@Suite struct RecoveryProofTests {
  private let folder: TemporaryFolder
  private let keys: KeyFolder
  private var fixture: RingFixture
  private let code: RecoveryCode

  init() throws {
    folder = try TemporaryFolder("proof")
    keys = KeyFolder(dataFolder: folder.path)
    fixture = try RingFixture()
    code = try RecoveryCode()
    try keys.prepare()
    let ring = try fixture.ring()
    try keys.write([ring.mark])
    try ring.makeRecoveryBox(fixture.master, for: code, in: keys)
  }

  private func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: folder.appending("keys/" + name)))
  }

  /// What somebody without any key can make of the box: their own public key, and what they like beside it.
  private func forge(_ change: (inout [String: JSONValue]) -> Void) throws -> RecoveryCode {
    let theirs = try RecoveryCode()
    guard case .object(var members) = try #require(try keys.recoveryBox()).json else { return theirs }
    members["public_key"] = .string(Base64.text(try theirs.keyPair().publicKey))
    change(&members)
    try keys.write(RecoveryBox.fileName, JSONValue.object(members).encoded())
    return theirs
  }

  @Test(
    "a public key that somebody put into the box is sealed nothing, whatever else they wrote",
    arguments: ["fingerprint", "installation", "no proofs", "bad proofs", "nothing else"])
  func forged(what: String) throws {
    let ring = try fixture.ring()
    let theirs = try forge { members in
      switch what {
      case "fingerprint": members["fingerprint"] = "0011223344556677"
      case "installation": members["installation"] = 4712
      case "no proofs": (members["proofs"], members["fingerprint"]) = (Optional.none, "0011223344556677")
      case "bad proofs": (members["proofs"], members["fingerprint"]) = ([ring.fingerprint: 5], "0011223344556677")
      default: break
      }
    }
    let before = try bytes("recovery.box")
    #expect(try !ring.renewRecoveryBox(fixture.master, in: keys))
    try ring.settleFolder(keys)
    #expect(try bytes("recovery.box") == before)
    #expect(try ring.wayBack(in: keys).code == .unverified)
    #expect(throws: VaultError.self) { try RecoveredMaster(dataFolder: folder.path, code: Secret(theirs.reveal())) }
    try ring.makeRecoveryBox(fixture.master, for: code, in: keys)
    #expect(try ring.wayBack(in: keys).code == .made)
    #expect(try RecoveredMaster(dataFolder: folder.path, code: Secret(code.reveal())).fingerprint == ring.fingerprint)
  }

  @Test("a change of the master key proves no forged box, and the start after it seals nothing to it")
  func forgedBeforeAChange() throws {
    var fixture = fixture
    let ring = try fixture.ring()
    let second = try MasterKey(randomIn: fixture.block)
    _ = try forge { $0["fingerprint"] = "0011223344556677" }
    let before = try bytes("recovery.box")
    fixture.set(try ring.prepareMaster(second, after: fixture.master, in: keys).wraps)
    let next = try fixture.ring(second)
    #expect(try !next.renewRecoveryBox(second, in: keys))
    #expect(try bytes("recovery.box") == before)
  }

  @Test("a box that was proven before a change of the master key is sealed anew after it; one forged meanwhile is not")
  func change() throws {
    var fixture = fixture
    let (ring, second) = (try fixture.ring(), try MasterKey(randomIn: fixture.block))
    fixture.set(try ring.prepareMaster(second, after: fixture.master, in: keys).wraps)
    let next = try fixture.ring(second)
    let good = try bytes("recovery.box")
    _ = try forge { _ in }
    #expect(try !next.renewRecoveryBox(second, in: keys))
    try good.write(to: URL(fileURLWithPath: folder.appending("keys/recovery.box")))
    #expect(try next.renewRecoveryBox(second, in: keys))
    // Killed there: the old master key may come back, and the box is known to it still.
    #expect(try ring.wayBack(in: keys).code == .made)
    fixture.set(next.wrapsOfNextMaster)
    try next.adopt(fixture.rows)
    try next.settleFolder(keys)
    #expect(try next.wayBack(in: keys).code == .made && ring.wayBack(in: keys).code == .unverified)
    #expect(try keys.recoveryBox()?.proofs.count == 1)
    #expect(try RecoveredMaster(dataFolder: folder.path, code: Secret(code.reveal())).fingerprint == next.fingerprint)
  }

  @Test("a box without a proof is unverified until its code gives the master key in force")
  func older() throws {
    let ring = try fixture.ring()
    let box = try #require(try keys.recoveryBox()).keepingProofs(of: [])
    try keys.write(box)
    #expect(try ring.wayBack(in: keys).code == .unverified)
    var changing = fixture
    let next = try MasterKey(randomIn: changing.block)
    changing.set(try ring.prepareMaster(next, after: changing.master, in: keys).wraps)
    #expect(throws: VaultError.masterRotationPending) {
      try changing.ring().confirm(box, at: RingFixture.start, in: keys)
    }
    try ring.settleFolder(keys)
    try ring.confirm(box, at: RingFixture.start, in: keys)
    let way = try ring.wayBack(in: keys)
    #expect(way.code == .made && way.isConfirmed && way.mark.code?.at == RingFixture.start)
  }

  @Test("a confirmation that nobody gave counts for nothing, and a true one outlives a change of the master key")
  func confirmation() throws {
    var fixture = fixture
    let ring = try fixture.ring()
    let box = try #require(try keys.recoveryBox())
    var forged = RecoveryMark()
    forged.code = (box.publicKey, RingFixture.start)
    forged.masterKey = (ring.fingerprint, RingFixture.start)
    try keys.write(forged)
    #expect(try !ring.wayBack(in: keys).isConfirmed && ring.wayBack(in: keys).mark == RecoveryMark())
    try ring.confirm(box, at: RingFixture.start, in: keys)
    #expect(try ring.wayBack(in: keys).isConfirmed)
    var changed = try keys.recoveryMark()
    changed.code?.at = Timestamp(milliseconds: 5)
    try keys.write(changed)
    #expect(try !ring.wayBack(in: keys).isConfirmed)
    try ring.confirm(box, at: RingFixture.start, in: keys)
    let second = try MasterKey(randomIn: fixture.block)
    fixture.set(try ring.prepareMaster(second, after: fixture.master, in: keys).wraps)
    let next = try fixture.ring(second)
    #expect(try next.renewRecoveryBox(second, in: keys))
    fixture.set(next.wrapsOfNextMaster)
    #expect(try fixture.ring(second).wayBack(in: keys).isConfirmed)
    // A copy of the master key is of that one alone.
    try ring.confirmMaster(at: RingFixture.start, in: keys)
    #expect(try ring.wayBack(in: keys).mark.masterKey?.fingerprint == ring.fingerprint)
  }

  private static let kinds: [@Sendable (String) -> Int32] = [
    { symlink("/nowhere", $0) }, { symlink("fingerprint", $0) }, { mkdir($0, 0o700) }, { mkfifo($0, 0o600) },
  ]

  @Test(
    "a link, a folder or a pipe in place of what only helps when a key is lost is damage to be told, and no more",
    arguments: kinds.indices)
  func noFile(kind: Int) throws {
    let ring = try fixture.ring()
    for name in ["recovery.box", "recovery.confirmed", "old-masters.box"] {
      let path = folder.appending("keys/" + name)
      _ = remove(path)
      try #require(Self.kinds[kind](path) == 0)
    }
    #expect(try ring.wayBack(in: keys).code == .unverified)
    #expect(try !ring.renewRecoveryBox(fixture.master, in: keys))
    #expect(try keys.areOldMastersDamaged(for: ring))
    try ring.settleFolder(keys)
  }

  @Test("a box of the master keys of before that does not open is damage") func flipped() throws {
    let ring = try fixture.ring()
    var masters = OldMasters()
    try masters.put([fixture.master], under: ring.wrappingKey)
    try keys.write(masters)
    #expect(try !keys.areOldMastersDamaged(for: ring))
    masters.boxes[ring.fingerprint]?[40] ^= 1
    try keys.write(masters)
    #expect(try keys.areOldMastersDamaged(for: ring) && !keys.areOldMastersDamaged)
  }

  @Test("a file of the folder that is longer than any of ours is refused, not cut")
  func long() throws {
    let lines = [String](repeating: "4711 0011223344556677\n", count: 4096)
    try folder.write("keys/fingerprint", lines.joined(), mode: 0o600)
    let error = #expect(throws: VaultError.self) { try keys.marks() }
    #expect(error?.code == "keys_unusable")
  }
}

/// A change of the master key on its way: replaced, and taken back.
@Suite struct MasterChangeTests {
  private let folder: TemporaryFolder
  private let keys: KeyFolder

  init() throws {
    folder = try TemporaryFolder("change")
    keys = KeyFolder(dataFolder: folder.path)
    try keys.prepare()
  }

  @Test("another new key takes the place of one that waits, and that one opens nothing any more")
  func replaced() throws {
    var fixture = try RingFixture()
    let ring = try fixture.ring()
    let code = try RecoveryCode()
    try keys.write([ring.mark])
    try ring.makeRecoveryBox(fixture.master, for: code, in: keys)
    let (second, third) = (try MasterKey(randomIn: fixture.block), try MasterKey(randomIn: fixture.block))
    fixture.set(try ring.prepareMaster(second, after: fixture.master, in: keys).wraps)
    try ring.adopt(fixture.rows)
    let late = fixture.rows
    // A start under it was killed after it had sealed the box.
    #expect(try fixture.ring(second).renewRecoveryBox(second, in: keys))
    let (wraps, fingerprint) = try ring.prepareMaster(third, after: fixture.master, in: keys)
    // Until the commit all three may come to stand.
    #expect(try keys.marks().count == 3 && keys.recoveryBox()?.proofs.count == 3)
    _ = try fixture.ring(second)
    fixture.set(wraps)
    try ring.adopt(fixture.rows)
    try ring.settleFolder(keys, beside: fingerprint)
    #expect(try keys.marks() == [ring.mark, fixture.ring(third).mark] && keys.recoveryBox()?.proofs.count == 2)
    #expect(try keys.oldMasters().boxes.keys.sorted() == [fingerprint])
    #expect(throws: VaultError.self) { try fixture.ring(second) }
    #expect(try RecoveredMaster(dataFolder: folder.path, code: Secret(code.reveal())).fingerprint == ring.fingerprint)
    // Rows that were read before the commit come late.
    try ring.adopt(late)
    #expect(ring.rows == fixture.rows && ring.isMasterPending)
  }

  @Test("a change is taken back wherever it was: the old key stays, the new one opens nothing, and rotations go on")
  func takenBack() throws {
    var fixture = try RingFixture()
    let ring = try fixture.ring()
    let code = try RecoveryCode()
    try keys.write([ring.mark])
    try ring.makeRecoveryBox(fixture.master, for: code, in: keys)
    let before = try keys.recoveryBox()
    let second = try MasterKey(randomIn: fixture.block)
    fixture.set(try ring.prepareMaster(second, after: fixture.master, in: keys).wraps)
    try ring.adopt(fixture.rows)
    let late = fixture.rows
    // A start under the new key was killed after it had sealed the box.
    #expect(try fixture.ring(second).renewRecoveryBox(second, in: keys))
    #expect(try ring.renewRecoveryBox(fixture.master, in: keys))
    #expect(try RecoveredMaster(dataFolder: folder.path, code: Secret(code.reveal())).fingerprint == ring.fingerprint)
    fixture.set(ring.wrapsOfThisMaster)
    try ring.adopt(fixture.rows)
    #expect(ring.isMasterPending, "rows without the next wraps are taken for older ones")
    try ring.adopt(fixture.rows, takingBack: true)
    try ring.settleFolder(keys)
    #expect(!ring.isMasterPending && ring.rows == fixture.rows)
    try ring.adopt(late)
    #expect(!ring.isMasterPending)
    #expect(throws: VaultError.self) { try fixture.ring(second) }
    #expect(try keys.marks() == [ring.mark] && keys.oldMasters().boxes.isEmpty)
    #expect(try keys.recoveryBox()?.proofs == before?.proofs)
    _ = try ring.newActiveFieldRow(at: RingFixture.start)
  }
}
