import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

/// `agent-system migrate --trial` asks the keys as a start does, and writes nothing.
@Suite struct MigrateKeyTests {
  private let rig: KeyRig

  init() throws { rig = try KeyRig() }

  private func trial(_ more: [String] = [], master: String? = nil) async throws -> ShellRun {
    try await ShellRun.run(
      ServiceProcess.binary.path, ["migrate", "--trial", "--data", rig.data] + more,
      environment: ["HOME": rig.folder.path].merging(master.map { ["AGENT_SYSTEM_MASTER_KEY": $0] } ?? [:]) { $1 })
  }

  @Test("a missing, a wrong and a conflicting master key make it 78, as they make the start, and change nothing")
  func keys() async throws {
    let (right, wrong) = (KeyRig.base64(1), KeyRig.base64(2))
    let service = try await rig.serve(master: right)
    await rig.stop(service)
    let good = try await trial(master: right)
    #expect(good.status == 0 && good.output.hasPrefix("nothing to do"), "\(good)")
    let before = try rig.untouched()
    for (master, code) in [(wrong, "master_key_wrong"), (nil, "master_key_missing"), ("x", "master_key_invalid")] {
      let run = try await trial(master: master)
      let start = try await rig.refused(master: master)
      #expect(run.status == 78 && run.errors.contains(code), "\(run)")
      #expect(start.status == 78 && start.said.contains(code), "\(start)")
    }
    // The mark may be lost: then the ring itself tells.
    try FileManager.default.moveItem(atPath: rig.key("fingerprint"), toPath: rig.folder.appending("fingerprint"))
    #expect(try await trial(master: wrong).errors.contains("master_key_wrong"))
    try FileManager.default.moveItem(atPath: rig.folder.appending("fingerprint"), toPath: rig.key("fingerprint"))
    #expect(try rig.untouched() == before)
    let file = rig.folder.appending("stick.key")
    try Data(right.utf8).write(to: URL(fileURLWithPath: file))
    #expect(chmod(file, 0o400) == 0)
    let conflict = try await trial(["--master-key-file", file], master: wrong)
    #expect(conflict.status == 78 && conflict.errors.contains("master_key_conflict"), "\(conflict)")
    let json = try await trial(["--json"])
    #expect(try JSONValue(parsing: json.errors)["code"] == "master_key_missing")
    #expect(try rig.untouched() == before)
    #expect(try await trial(["--master-key-file", file]).status == 0)
  }

  @Test("a folder without keys gets none by a trial")
  func none() async throws {
    try FileManager.default.createDirectory(
      atPath: rig.data, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    let run = try await trial()
    #expect(run.status == 0 && run.output.contains("no database yet") && !rig.exists("fingerprint"), "\(run)")
  }
}
