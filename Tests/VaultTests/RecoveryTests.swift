import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

@testable import Vault

@Suite struct RecoveryTests {
  private let folder: TemporaryFolder
  private let keys: KeyFolder

  init() throws {
    folder = try TemporaryFolder("recovery")
    keys = KeyFolder(dataFolder: folder.path)
  }

  @Test("a code is nine groups of four, reads back as it was shown, and forgives case, blanks, hyphens and look-alikes")
  func shape() throws {
    let code = RecoveryCode(bytes: Array(0..<20))
    let text = code.reveal()
    #expect(text.split(separator: "-").map(\.count) == [Int](repeating: 4, count: 9))
    let forms = [
      text, text.lowercased(), text.replacing("-", with: ""), text.replacing("-", with: " ") + "\n",
      text.replacing("0", with: "O").replacing("1", with: "l"), text.replacing("1", with: "I"),
    ]
    for form in forms { #expect(try RecoveryCode(form).reveal() == text) }
    for _ in 0..<50 {
      let random = try RecoveryCode()
      #expect(try RecoveryCode(random.reveal()).reveal() == random.reveal())
    }
  }

  @Test("every single character changed is noticed, and so are too few, too many and strange ones")
  func mistyped() throws {
    let text = try RecoveryCode().reveal()
    var missed = 0
    for index in text.indices where text[index] != "-" {
      for other in "0123456789ABCDEFGHJKMNPQRSTVWXYZ" where other != text[index] {
        var changed = text
        changed.replaceSubrange(index...index, with: String(other))
        // 20 bits of check: one in a million mistakes is let through here and found by the box.
        if (try? RecoveryCode(changed)) != nil { missed += 1 }
      }
    }
    #expect(missed <= 1)
    for bad in [
      "", "ABCD", String(text.dropLast()), text + "0", text.replacing("-", with: "_"), "U" + text.dropFirst(),
    ] {
      #expect(#expect(throws: VaultError.self) { try RecoveryCode(bad) }?.code == "recovery_code_invalid")
    }
  }

  @Test("the code opens a copied folder: its master key comes back, as a file that a start takes")
  func use() throws {
    let fixture = try RingFixture()
    let ring = try fixture.ring()
    let code = try RecoveryCode()
    try keys.prepare()
    try keys.write([ring.mark])
    try ring.makeRecoveryBox(fixture.master, for: code, in: keys)
    let found = try RecoveredMaster(dataFolder: folder.path, code: Secret(code.reveal().lowercased()))
    #expect(found.fingerprint == ring.fingerprint)
    let path = MasterKeyPlaces.defaultFile(dataFolder: folder.path)
    #expect(try found.write(to: path))
    #expect(try !found.write(to: path))
    let back = try #require(try MasterKeyPlaces(file: path).find(in: fixture.block))
    #expect(back.key.isEqual(to: fixture.master))
    #expect(chmod(path, 0o600) == 0 && remove(path) == 0)
    try folder.write("keys/master.key", base64(4), mode: 0o400)
    #expect(#expect(throws: VaultError.self) { try found.write(to: path) }?.code == "master_key_conflict")
  }

  @Test("another code, a changed box and a box of another folder are refused")
  func refusals() throws {
    let fixture = try RingFixture()
    let ring = try fixture.ring()
    let (code, other) = (try RecoveryCode(), try RecoveryCode())
    #expect(throws: VaultError.self) { try RecoveredMaster(dataFolder: folder.path, code: Secret(code.reveal())) }
    try keys.prepare()
    try keys.write([ring.mark])
    try ring.makeRecoveryBox(fixture.master, for: code, in: keys)
    func fails(_ code: RecoveryCode) -> String? {
      do throws(VaultError) {
        _ = try RecoveredMaster(dataFolder: folder.path, code: Secret(code.reveal()))
        return nil
      } catch { return error.code }
    }
    #expect(fails(code) == nil)
    #expect(fails(other) == "recovery_code_invalid")
    let path = folder.appending("keys/recovery.box")
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(!text.contains(code.reveal()))
    for (member, width) in [("\"box\":\"", 100), ("\"public_key\":\"", 40)] {
      let start = try #require(text.range(of: member)?.upperBound)
      for offset in stride(from: 0, to: width, by: 7) {
        let index = text.index(start, offsetBy: offset)
        var changed = text
        changed.replaceSubrange(index...index, with: text[index] == "A" ? "B" : "A")
        try Data(changed.utf8).write(to: URL(fileURLWithPath: path))
        #expect(fails(code) != nil, "\(member) \(offset)")
      }
    }
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    try keys.write([KeyFolder.Mark(installation: RingFixture.installation, fingerprint: "0011223344556677")])
    #expect(fails(code) == "master_key_wrong")
  }

  @Test("a confirmation holds for that very code, or that very master key")
  func confirmation() throws {
    let fixture = try RingFixture()
    let ring = try fixture.ring()
    try keys.prepare()
    try ring.makeRecoveryBox(fixture.master, for: try RecoveryCode(), in: keys)
    var mark = try keys.recoveryMark()
    #expect(!mark.holds(box: try keys.recoveryBox(), fingerprint: ring.fingerprint))
    mark.code = (try #require(try keys.recoveryBox()).publicKey, RingFixture.start)
    try keys.write(mark)
    #expect(try keys.recoveryMark() == mark)
    #expect(try keys.recoveryMark().holds(box: try keys.recoveryBox(), fingerprint: ring.fingerprint))
    try ring.makeRecoveryBox(fixture.master, for: try RecoveryCode(), in: keys)
    #expect(try !keys.recoveryMark().holds(box: try keys.recoveryBox(), fingerprint: ring.fingerprint))
    mark.masterKey = (ring.fingerprint, RingFixture.start)
    try keys.write(mark)
    #expect(try keys.recoveryMark().holds(box: nil, fingerprint: ring.fingerprint))
    #expect(try !keys.recoveryMark().holds(box: nil, fingerprint: "other"))
  }
}

@Suite struct MasterRotationTests {
  private let folder: TemporaryFolder
  private let keys: KeyFolder
  private let place = RingFixture.place

  init() throws {
    folder = try TemporaryFolder("rotation")
    keys = KeyFolder(dataFolder: folder.path)
  }

  /// Whether a start with that key would open folder and ring, and what it reads.
  private func opens(_ key: MasterKey, _ rows: [KeyRingRow], _ sealed: [UInt8]) throws -> Bool {
    let path = folder.appending("try.key")
    defer { remove(path) }
    remove(path)
    try key.write(to: path)
    let admission = try KeyAdmission(
      dataFolder: folder.path, places: MasterKeyPlaces(file: path), random: SeededRandom(seed: 1))
    do {
      try admission.beforeDatabase()
      _ = try admission.beforeWriting(rows: rows, installation: RingFixture.installation)
      return try admission.ring(rows, installation: RingFixture.installation).open(sealed, at: place) == [42]
    } catch { return false }
  }

  /// A ring in a folder that has its mark and a recovery box.
  private func folded() throws -> (fixture: RingFixture, ring: KeyRing, code: RecoveryCode) {
    let (fixture, code) = (try RingFixture(), try RecoveryCode())
    let ring = try fixture.ring()
    try keys.prepare()
    try keys.write([ring.mark])
    try ring.makeRecoveryBox(fixture.master, for: code, in: keys)
    return (fixture, ring, code)
  }

  @Test("killed before the commit only the old key opens, the refusal names both, and the next start tidies up")
  func uncommitted() throws {
    let (fixture, ring, _) = try folded()
    let (first, second) = (fixture.master, try MasterKey(randomIn: fixture.block))
    let sealed = try ring.seal([42], at: place)
    #expect(try opens(first, fixture.rows, sealed) && !opens(second, fixture.rows, sealed))
    let new = try ring.prepareMaster(second, after: first, in: keys).fingerprint
    #expect(try opens(first, fixture.rows, sealed) && !opens(second, fixture.rows, sealed))
    #expect(try keys.marks().count == 2)
    let path = folder.appending("new.key")
    try second.write(to: path)
    let admission = try KeyAdmission(
      dataFolder: folder.path, places: MasterKeyPlaces(file: path), random: SeededRandom(seed: 1))
    try admission.beforeDatabase()
    #expect(throws: VaultError.masterKeyWrong(expected: [ring.fingerprint], given: new)) {
      try admission.beforeWriting(rows: fixture.rows, installation: RingFixture.installation)
    }
    try fixture.ring().settleFolder(keys)
    #expect(try keys.marks().count == 1 && keys.oldMasters().boxes.isEmpty)
  }

  @Test(
    "at every instant the key in place opens everything, the code opens the folder, and the old key ends with the swap")
  func whole() throws {
    let (made, ring, code) = try folded()
    var fixture = made
    let (first, second) = (fixture.master, try MasterKey(randomIn: fixture.block))
    let sealed = try ring.seal([42], at: place)
    fixture.set(try ring.prepareMaster(second, after: first, in: keys).wraps)
    try ring.adopt(fixture.rows)
    #expect(ring.isMasterPending && ring.limitReached(at: Timestamp(milliseconds: .max)) == nil)
    #expect(throws: VaultError.masterRotationPending) {
      try ring.newActiveFieldRow(at: RingFixture.start)
    }
    #expect(throws: VaultError.masterRotationPending) {
      try ring.makeRecoveryBox(first, for: code, in: keys)
    }
    #expect(try opens(first, fixture.rows, sealed) && opens(second, fixture.rows, sealed))
    #expect(try RecoveredMaster(dataFolder: folder.path, code: Secret(code.reveal())).fingerprint == ring.fingerprint)

    // The start under the new key, killed after each of its writes.
    let next = try fixture.ring(second)
    #expect(next.isUnderNextMaster && !next.isMasterPending)
    #expect(try next.renewRecoveryBox(second, in: keys))
    #expect(try opens(first, fixture.rows, sealed) && opens(second, fixture.rows, sealed))
    fixture.set(next.wrapsOfNextMaster)
    try next.adopt(fixture.rows)
    #expect(try !opens(first, fixture.rows, sealed) && opens(second, fixture.rows, sealed))
    try next.settleFolder(keys)
    #expect(try !opens(first, fixture.rows, sealed) && opens(second, fixture.rows, sealed))
    #expect(try keys.marks() == [next.mark] && !next.isMasterPending && !next.isUnderNextMaster)
    #expect(try next.open(sealed, at: place) == [42])
    #expect(try RecoveredMaster(dataFolder: folder.path, code: Secret(code.reveal())).fingerprint == next.fingerprint)
    let old = try #require(try keys.oldMasters().keys(under: next.wrappingKey))
    #expect(old.count == 1 && old[0].isEqual(to: first))
    #expect(next.activeFieldKey == 1 && !next.rows.contains { $0.otherWrap != nil })
    _ = try next.newActiveFieldRow(at: RingFixture.start)
  }

  @Test("a hundred old master keys are kept; of more the oldest go")
  func mostKept() throws {
    let fixture = try RingFixture()
    let wrapping = try fixture.ring().wrappingKey
    let masters = try (0...OldMasters.maximumKeys).map { _ in try MasterKey(randomIn: fixture.block)
    }
    #expect(OldMasters.maximumKeys == 100)
    var box = OldMasters()
    for (given, kept) in [
      (masters.prefix(100), masters.prefix(100)), (masters[...], masters.suffix(100)),
    ] {
      try box.put(Array(given), under: wrapping)
      try keys.write(box)
      let read = try #require(try keys.oldMasters().keys(under: wrapping))
      #expect(read.count == 100 && zip(read, kept).allSatisfy { $0.isEqual(to: $1) })
    }
  }

  @Test("the old master keys of several changes stay, oldest first, under the newest alone")
  func several() throws {
    var fixture = try RingFixture()
    var masters = [fixture.master]
    try keys.prepare()
    for _ in 0..<3 {
      let ring = try fixture.ring(masters.last)
      masters.append(try MasterKey(randomIn: fixture.block))
      fixture.set(
        try ring.prepareMaster(
          masters[masters.count - 1], after: masters[masters.count - 2], in: keys
        ).wraps)
      let next = try fixture.ring(masters.last)
      fixture.set(next.wrapsOfNextMaster)
      try fixture.ring(masters.last).settleFolder(keys)
    }
    let boxes = try keys.oldMasters()
    let old = try #require(try boxes.keys(under: try fixture.ring(masters.last).wrappingKey))
    #expect(boxes.boxes.count == 1 && old.count == 3)
    for (index, key) in old.enumerated() { #expect(key.isEqual(to: masters[index])) }
    #expect(throws: VaultError.self) {
      _ = try fixture.ring(masters.last).prepareMaster(masters[3], after: masters[3], in: keys)
    }
    // A box that does not open would be lost with all that is in it.
    try keys.write(OldMasters(boxes: [try fixture.ring(masters.last).fingerprint: [1, 2, 3]]))
    let error = #expect(throws: VaultError.self) {
      _ = try fixture.ring(masters.last).prepareMaster(masters[0], after: masters[3], in: keys)
    }
    #expect(error?.code == "keys_unusable")
  }
}
