import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

/// `agent-system migrate --trial` asks the keys as a start does, and writes nothing.
@Suite struct MigrateKeyTests {
  private let rig: KeyRig

  init() throws { rig = try KeyRig() }

  @Test("a missing, a wrong and a conflicting master key make it 78, as they make the start, and change nothing")
  func keys() async throws {
    let (right, wrong) = (KeyRig.base64(1), KeyRig.base64(2))
    let service = try await rig.serve(master: right)
    await rig.stop(service)
    let good = try await rig.trial(master: right)
    #expect(good.status == 0 && good.output.hasPrefix("nothing to do"), "\(good)")
    let before = try rig.untouched()
    for (master, code) in [(wrong, "master_key_wrong"), (nil, "master_key_missing"), ("x", "master_key_invalid")] {
      let run = try await rig.trial(master: master)
      let start = try await rig.refused(master: master)
      #expect(run.status == 78 && run.errors.contains(code), "\(run)")
      #expect(start.status == 78 && start.said.contains(code), "\(start)")
    }
    // The mark may be lost: then the ring itself tells.
    try FileManager.default.moveItem(atPath: rig.key("fingerprint"), toPath: rig.folder.appending("fingerprint"))
    #expect(try await rig.trial(master: wrong).errors.contains("master_key_wrong"))
    try FileManager.default.moveItem(atPath: rig.folder.appending("fingerprint"), toPath: rig.key("fingerprint"))
    #expect(try rig.untouched() == before)
    let file = rig.folder.appending("stick.key")
    try Data(right.utf8).write(to: URL(fileURLWithPath: file))
    #expect(chmod(file, 0o400) == 0)
    let conflict = try await rig.trial(["--master-key-file", file], master: wrong)
    #expect(conflict.status == 78 && conflict.errors.contains("master_key_conflict"), "\(conflict)")
    let json = try await rig.trial(["--json"])
    #expect(try JSONValue(parsing: json.errors)["code"] == "master_key_missing")
    #expect(try rig.untouched() == before)
    #expect(try await rig.trial(["--master-key-file", file]).status == 0)
  }

  @Test(
    "a folder from before keys that would refuse the start refuses the trial too: 78, keys_unusable",
    arguments: [true, false])
  func old(isShort: Bool) async throws {
    await rig.stop(try await rig.serve())
    try await rig.forgetKeys()
    try rig.writeDigestKey([UInt8](repeating: 7, count: 32))
    func keys() throws -> [String: Data] { try rig.untouched().filter { $0.key.hasPrefix("keys/") } }
    let before = try keys()
    #expect(try await rig.trial().status == 0)
    #expect(try keys() == before)
    if isShort {
      try rig.writeDigestKey([UInt8](repeating: 7, count: 31))
    } else {
      #expect(remove(rig.key("digest.key")) == 0 && chmod(rig.key(""), 0o755) == 0)
    }
    let run = try await rig.trial()
    #expect(run.status == 78 && run.errors.contains("keys_unusable"), "\(run)")
    let start = try await rig.refused()
    #expect(start.status == 78 && start.said.contains("keys_unusable"), "\(start)")
  }

  @Test("a folder without keys gets none by a trial, and one whose keys/ is open to others is refused")
  func none() async throws {
    try FileManager.default.createDirectory(
      atPath: rig.data, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    let run = try await rig.trial()
    #expect(run.status == 0 && run.output.contains("no database yet") && !rig.exists("fingerprint"), "\(run)")
    #expect(mkdir(rig.key(""), 0o755) == 0 && chmod(rig.key(""), 0o755) == 0)
    let open = try await rig.trial()
    #expect(open.status == 78 && open.errors.contains("keys_unusable"), "\(open)")
  }
}
