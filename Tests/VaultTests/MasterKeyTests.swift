import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

@testable import Vault

@Suite struct MasterKeyTests {
  private let folder: TemporaryFolder
  private let block: KeyBlock

  init() throws {
    folder = try TemporaryFolder("master")
    block = try KeyBlock()
    try FileManager.default.createDirectory(atPath: folder.appending("credentials"), withIntermediateDirectories: false)
  }

  private func places(credential: UInt8?, file: UInt8?, variable: UInt8?) throws -> MasterKeyPlaces {
    if let credential { try folder.write("credentials/master.key", base64(credential) + "\n", mode: 0o440) }
    if let file { try folder.write("master.key", base64(file), mode: 0o400) }
    return MasterKeyPlaces(
      credentials: folder.appending("credentials"), file: folder.appending("master.key"),
      variable: variable.map { taken($0) })
  }

  static let orders: [(UInt8?, UInt8?, UInt8?, String?)] = [
    (1, nil, nil, "credential"), (1, 1, 1, "credential"), (nil, 1, nil, "file"), (nil, 1, 1, "file"),
    (nil, nil, 1, "environment"), (nil, nil, nil, nil),
  ]

  @Test("the first place that has a key is named, and equal ones may lie at several", arguments: orders.indices)
  func order(index: Int) throws {
    let (credential, file, variable, word) = Self.orders[index]
    let found = try places(credential: credential, file: file, variable: variable).find(in: block)
    #expect(found?.source.word == word)
  }

  @Test("a credential that says `none` is none: a unit cannot do without one")
  func none() throws {
    let places = try places(credential: nil, file: 1, variable: nil)
    try folder.write("credentials/master.key", "none", mode: 0o440)
    #expect(try places.find(in: block)?.source.word == "file")
  }

  @Test(
    "two keys that differ are refused, whichever two",
    arguments: [(1, 2, nil), (1, nil, 2), (nil, 1, 2), (1, 1, 2)] as [(UInt8?, UInt8?, UInt8?)])
  func conflict(credential: UInt8?, file: UInt8?, variable: UInt8?) throws {
    let places = try places(credential: credential, file: file, variable: variable)
    #expect(#expect(throws: VaultError.self) { try places.find(in: block) }?.code == "master_key_conflict")
  }

  static let badTexts = [
    "", "\n", "AAAA", base64(1, count: 31), base64(1, count: 33), "not base64 at all, but of some length ......",
    String(base64(1).dropLast()), base64(1) + base64(1), String(repeating: "A", count: 4096),
  ]

  @Test("what is not 32 bytes in base64 is no key", arguments: badTexts)
  func badText(text: String) throws {
    try folder.write("master.key", text, mode: 0o400)
    let places = MasterKeyPlaces(file: folder.appending("master.key"))
    let error = #expect(throws: VaultError.self) { try places.find(in: block) }
    #expect(error?.code == "master_key_invalid")
    #expect(text.count < 8 || !"\(error.map(String.init(describing:)) ?? "")".contains(text.prefix(8)))
  }

  @Test(
    "what the variable holds is judged where the places are searched, and a key in it brings its block",
    arguments: badTexts)
  func badVariable(text: String) throws {
    let bad = Array(text.utf8).withUnsafeBytes { TakenMasterKey(variable: $0) }
    let error = #expect(throws: VaultError.self) {
      try MasterKeyPlaces(file: folder.appending("master.key"), variable: bad).find(in: block)
    }
    #expect(error?.code == "master_key_invalid" && error?.description.contains("AGENT_SYSTEM_MASTER_KEY") == true)
    let good = taken(1)
    let admission = try KeyAdmission(
      dataFolder: folder.path, places: MasterKeyPlaces(file: folder.appending("master.key"), variable: good),
      random: SeededRandom(seed: 1))
    #expect(bad.block == nil && good.block != nil && admission.block === good.block)
  }

  @Test(
    "a key file with another mode than 0400 is refused",
    arguments: [0o600, 0o440, 0o404, 0o444, 0o500, 0o4400] as [mode_t])
  func mode(mode: mode_t) throws {
    try folder.write("master.key", base64(1), mode: mode)
    let places = MasterKeyPlaces(file: folder.appending("master.key"))
    #expect(#expect(throws: VaultError.self) { try places.find(in: block) }?.code == "master_key_invalid")
  }

  @Test("a credential that everybody can read is refused, unless a folder above it is closed to others")
  func openCredential() throws {
    let places = try places(credential: 1, file: nil, variable: nil)
    let credentials = folder.appending("credentials")
    for (top, inner, mode, isTaken) in [
      (0o755, 0o755, 0o444, false), (0o755, 0o500, 0o444, true), (0o700, 0o755, 0o444, true),
      (0o755, 0o755, 0o400, true), (0o755, 0o755, 0o440, true),
    ] as [(mode_t, mode_t, mode_t, Bool)] {
      try #require(chmod(folder.path, top) == 0 && chmod(credentials, inner) == 0)
      try #require(chmod(credentials + "/master.key", mode) == 0)
      let taken = Result { try places.find(in: block) }
      if isTaken {
        #expect(try taken.get()?.source.word == "credential")
      } else {
        #expect(#expect(throws: VaultError.self) { try taken.get() }?.code == "master_key_invalid")
      }
    }
    try #require(chmod(folder.path, 0o700) == 0 && chmod(credentials, 0o700) == 0)
  }

  @Test("a link, a folder, a pipe and somebody else's file are no key")
  func kinds() throws {
    let path = folder.appending("master.key")
    let places = MasterKeyPlaces(file: path)
    func refused(_ make: () throws -> Void) throws {
      try make()
      #expect(#expect(throws: VaultError.self) { try places.find(in: block) }?.code == "master_key_invalid")
      #expect(remove(path) == 0)
    }
    try folder.write("other.key", base64(1), mode: 0o400)
    try refused { #expect(symlink("other.key", path) == 0) }
    try refused { #expect(mkdir(path, 0o700) == 0) }
    try refused { #expect(mkfifo(path, 0o400) == 0) }
    if geteuid() == 0 {
      try refused {
        try folder.write("master.key", base64(1), mode: 0o400)
        #expect(chown(path, 65_534, 65_534) == 0)
      }
    }
    #expect(try places.find(in: block) == nil)
  }

  @Test("a key that was made and written is read again, and its file is closed even to its owner's writing")
  func made() throws {
    let key = try MasterKey(randomIn: block)
    let path = folder.appending("master.key")
    // What a kill has left of an earlier try.
    try folder.write("master.key.new", "half", mode: 0o400)
    try key.write(to: path)
    var status = stat()
    #expect(lstat(path, &status) == 0 && status.st_mode & 0o7777 == 0o400 && status.st_size == 45)
    let found = try MasterKeyPlaces(file: path).find(in: block)
    #expect(found?.key.isEqual(to: key) == true)
    let handed = try HandedMasterKey(reading: path, block: block)
    #expect(handed.path == path && handed.key.isEqual(to: key) && handed.key.block === block)
    let places = MasterKeyPlaces(file: folder.appending("none.key"), handed: handed)
    #expect(try places.find(in: block)?.key.isEqual(to: key) == true)
    #expect(throws: VaultError.self) { try HandedMasterKey(reading: folder.appending("none.key"), block: block) }
  }
}

@Suite struct KeyAdmissionTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder("admission") }

  private func admission(_ variable: UInt8? = nil) throws -> KeyAdmission {
    try KeyAdmission(
      dataFolder: folder.path,
      places: MasterKeyPlaces(
        file: MasterKeyPlaces.defaultFile(dataFolder: folder.path), variable: variable.map { taken($0) }),
      random: SeededRandom(seed: 5))
  }

  private func refused(_ admission: KeyAdmission, _ code: String, rows: [KeyRingRow]? = nil) throws {
    let before = try folder.contents()
    let error = #expect(throws: VaultError.self) {
      try admission.beforeDatabase()
      if let rows { _ = try admission.beforeWriting(rows: rows, installation: RingFixture.installation) }
    }
    #expect(error?.code == code)
    #expect(try folder.contents() == before)
  }

  @Test("a new folder gets a key file and its mark before its database; the next start finds both")
  func first() throws {
    let first = try admission()
    try first.beforeDatabase()
    #expect(try folder.contents().isEmpty)
    let id = try first.beforeWriting(rows: [], installation: 0)
    #expect(first.isMasterMade && first.isMasterBesideData)
    let marks = try KeyFolder(dataFolder: folder.path).marks()
    #expect(marks.count == 1 && marks[0].installation == id)
    // Killed before the database was made: the id is kept.
    let second = try admission()
    try second.beforeDatabase()
    #expect(try second.beforeWriting(rows: [], installation: 0) == id)
    #expect(!second.isMasterMade)
  }

  @Test("a database from before keys gets its key, under its own number")
  func old() throws {
    let admission = try admission(3)
    try admission.beforeDatabase()
    #expect(try admission.beforeWriting(rows: [], installation: 99) == 99)
    #expect(!admission.isMasterMade && !admission.isMasterBesideData)
    #expect(try KeyFolder(dataFolder: folder.path).marks().map(\.installation) == [99])
  }

  @Test("a wrong, a missing and a conflicting key are refused before a byte is written, with the mark and without")
  func refusals() throws {
    let right = try admission(3)
    try right.beforeDatabase()
    _ = try right.beforeWriting(rows: [], installation: RingFixture.installation)
    let master = try #require(right.master)
    let rows = try KeyRing.firstRows(
      master: master.key, installation: RingFixture.installation, digestKey: nil, at: RingFixture.start)
    try refused(try admission(4), "master_key_wrong")
    try refused(try admission(), "master_key_missing")
    #expect(remove(folder.appending("keys/fingerprint")) == 0)
    try refused(try admission(4), "master_key_wrong", rows: rows)
    try refused(try admission(), "master_key_missing", rows: rows)
    let again = try admission(3)
    try again.beforeDatabase()
    #expect(try again.beforeWriting(rows: rows, installation: RingFixture.installation) == RingFixture.installation)
    try folder.write("keys/master.key", base64(8), mode: 0o400)
    try refused(try admission(3), "master_key_conflict")
  }

  @Test("a wrong key's refusal names both fingerprints and no key")
  func wording() throws {
    let right = try admission(3)
    try right.beforeDatabase()
    _ = try right.beforeWriting(rows: [], installation: 12)
    let expected = try KeyFolder(dataFolder: folder.path).marks()[0].fingerprint
    let error = #expect(throws: VaultError.self) { try admission(4).beforeDatabase() }
    let text = try #require(error).description
    #expect(text.contains(expected) && expected.count == 16)
    #expect(text.count(where: { $0 == "(" }) >= 0 && !text.contains(base64(3)) && !text.contains(base64(4)))
    guard case .masterKeyWrong(_, let given)? = error else { return }
    #expect(text.contains(given) && given != expected)
  }

  @Test("a digest key beside a ring that has another one is refused; the same one goes")
  func digestKey() throws {
    let old = [UInt8](1...32)
    let admission = try admission(3)
    try admission.beforeDatabase()
    _ = try admission.beforeWriting(rows: [], installation: RingFixture.installation)
    let master = try #require(admission.master)
    let rows = try KeyRing.firstRows(
      master: master.key, installation: RingFixture.installation,
      digestKey: try DigestKey(bytes: old, in: admission.block), at: RingFixture.start)
    let path = folder.appending("keys/digest.key")
    try Data([UInt8](repeating: 1, count: 32)).write(to: URL(fileURLWithPath: path))
    #expect(chmod(path, 0o600) == 0)
    try refused(try self.admission(3), "digest_key_conflict", rows: rows)
    try Data(old).write(to: URL(fileURLWithPath: path))
    let keys = KeyFolder(dataFolder: folder.path)
    #expect(try keys.oldDigestKey(in: admission.block)?.key.withBuffer { Array($0) } == old)
    try keys.removeOldDigestKey(takenOverBy: try admission.ring(rows, installation: RingFixture.installation))
    #expect(access(path, F_OK) != 0)
  }

  @Test(
    "a fingerprint file that is none of ours is refused",
    arguments: [
      "", "x\n", "1\n", "0 0011223344556677\n", "5 00112233\n", "5 001122334455667z\n", "a 0011223344556677\n",
    ])
  func malformed(text: String) throws {
    #expect(mkdir(folder.appending("keys"), 0o700) == 0)
    try folder.write("keys/fingerprint", text, mode: 0o600)
    try refused(try admission(3), "keys_unusable")
    let error = #expect(throws: VaultError.self) { try admission(3).beforeDatabase() }
    let said = error?.description ?? ""
    #expect(said.contains(folder.appending("keys/fingerprint")) && said.contains("move it away"), "\(said)")
  }

  @Test("no master key anywhere: all places that were looked at are named")
  func missing() throws {
    let error = #expect(throws: VaultError.self) { try admission().requiredMaster() }
    #expect(error?.code == "master_key_missing")
    let said = error?.description ?? ""
    #expect(said.contains(folder.appending("keys/master.key")) && said.contains("AGENT_SYSTEM_MASTER_KEY"), "\(said)")
  }
}
