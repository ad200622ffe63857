import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

/// What a change of the master key leaves behind, how it is taken back, and who gets a key out of `keys/`.
@Suite struct MasterVerbTests {
  private let rig: KeyRig
  private let first = KeyRig.base64(1)
  private let second = KeyRig.base64(2)
  private let third = KeyRig.base64(3)

  init() throws { rig = try KeyRig() }

  @Test("a new master key that is nowhere is replaced by another, or taken back, and opens nothing then")
  func wayBack() async throws {
    var service = try await rig.serve(master: first)
    #expect(try await rig.verb(["rotate", "--master"], of: service, input: second).status == 0)
    // Without its start in between, and after one.
    await service.killed()
    service = try await rig.serve(master: first)
    #expect(try rig.log().contains("rotate --master --cancel"))
    let again = try await rig.verb(["rotate", "--master"], of: service, input: third)
    #expect(again.status == 0, "\(again)")
    #expect(try rig.text("fingerprint").split(separator: "\n").count == 2)
    await rig.stop(service)
    #expect(try await rig.refused(master: second).said.contains("master_key_wrong"))
    // With the service stopped it is taken back as well.
    let cancelled = try await rig.verb(["rotate", "--master", "--cancel"], master: first)
    #expect(cancelled.status == 0 && cancelled.output.contains("no new master key waits"), "\(cancelled)")
    #expect(try rig.text("fingerprint").split(separator: "\n").count == 1)
    #expect(try await rig.refused(master: third).said.contains("master_key_wrong"))
    service = try await rig.serve(master: first)
    #expect(try await service.send("GET", "/api/keys").json["master_key"]?["next_pending"] == false)
    #expect(try await service.send("POST", "/api/keys:rotate-master", ["cancel": true]).status == 200)
    try await service.refused(422, "invalid_field", "POST", "/api/keys:rotate-master", ["cancel": false])
    try await service.refused(
      422, "invalid_field", "POST", "/api/keys:rotate-master", ["cancel": true, "master_key": .string(third)])
    #expect(try await service.send("POST", "/api/keys:rotate").status == 202)
  }

  @Test("once the new master key is in place, the database's files hold nothing that the old one opens")
  func oldWraps() async throws {
    let service = try await rig.serve(master: first)
    await rig.stop(service)
    let old = try await wraps("wrapped")
    #expect(old.count == 2)
    #expect(try await rig.verb(["rotate", "--master"], input: second, master: first).status == 0)
    let new = try await wraps("other_wrap")
    let swapped = try await rig.serve(master: second)
    #expect(try raw(new) == new && raw(old).isEmpty)
    await swapped.killed()
    #expect(try raw(new) == new && raw(old).isEmpty)
    // What a change that was taken back wrapped goes as well.
    let last = try await rig.serve(master: second)
    #expect(try await rig.verb(["rotate", "--master"], of: last, input: third).status == 0)
    #expect(try await rig.verb(["rotate", "--master", "--cancel"], of: last).status == 0)
    #expect(try raw(new) == new)
    await rig.stop(last)
    #expect(try await rig.sql("SELECT count(other_wrap) FROM key_ring") == "0")
  }

  private func wraps(_ column: String) async throws -> [Data] {
    try await rig.sql("SELECT hex(\(column)) FROM key_ring ORDER BY id").split(separator: "\n")
      .map { line in
        let digits = Array(line.utf8)
        return Data(
          stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
          })
      }
  }

  /// Those of the wraps that stand in the raw files.
  private func raw(_ wraps: [Data]) throws -> [Data] {
    let names = ["/agent.db", "/agent.db-wal"].filter { access(rig.data + $0, F_OK) == 0 }
    let files = try names.map { try Data(contentsOf: URL(fileURLWithPath: rig.data + $0)) }
    return wraps.filter { wrap in files.contains { $0.range(of: wrap) != nil } }
  }

  @Test("whoever puts a public key of their own into recovery.box gets nothing: it is told, and a new code mends it")
  func forged() async throws {
    let service = try await rig.serve()
    let file = rig.folder.appending("code.txt")
    #expect(try await rig.verb(["recovery", "new", "--output", file], of: service).status == 0)
    await rig.stop(service)
    var members = try #require(JSONValue(parsing: try rig.text("recovery.box")).objectValue)
    members["public_key"] = .string(KeyRig.base64(7))
    members["fingerprint"] = "0011223344556677"
    let forged = JSONValue.object(members).text
    try Data(forged.utf8).write(to: URL(fileURLWithPath: rig.key("recovery.box")))
    let again = try await rig.serve()
    #expect(try rig.text("recovery.box") == forged)
    let log = try rig.log()
    #expect(log.components(separatedBy: "recovery_box_unverified").count == 2, "\(log)")
    let json = try await again.send("GET", "/api/keys").json
    #expect(json["recovery"]?["state"] == "unverified" && json["recovery"]?["code"] == false, "\(json)")
    let shown = try await rig.verb(["show"], of: again)
    #expect(shown.output.contains("make a new code by agent-system key recovery new"), "\(shown)")
    #expect(try await rig.verb(["recovery", "new", "--output", file + "2"], of: again).status == 0)
    #expect(try await again.send("GET", "/api/keys").json["recovery"]?["state"] == "made")
  }

  @Test("rotate says that everything is sealed with the new key when it is, and not before")
  func words() async throws {
    let service = try await rig.serve()
    let detached = try await rig.verb(["rotate", "--detach"], of: service)
    #expect(detached.status == 0 && !detached.output.contains("everything"), "\(detached)")
    let followed = try await rig.verb(["rotate"], of: service)
    #expect(followed.status == 0 && followed.output.contains("everything is sealed with it"), "\(followed)")
    let help = try await ShellRun.run(ServiceProcess.binary.path, ["key", "rotate", "--help"])
    #expect(help.output.contains("openssl rand -base64 32 > FILE") && help.output.contains("--master < FILE"))
  }

  @Test(
    "a damaged file that only helps when a key is lost stops no service: it is told, and there is a way out",
    arguments: ["recovery.box", "recovery.confirmed", "old-masters.box"], ["xx", "{}", "[1]"])
  func damagedHelp(name: String, text: String) async throws {
    var service = try await rig.serve(master: first)
    await rig.stop(service)
    try Data(text.utf8).write(to: URL(fileURLWithPath: rig.key(name)))
    service = try await rig.serve(master: first)
    let page = try await service.send("GET", "/api/keys")
    #expect(page.status == 200 && page.json["recovery"]?["confirmed"] == false, "\(page.text)")
    #expect(page.json["recovery"]?["state"] == (name == "recovery.box" ? "unverified" : "none"), "\(page.text)")
    let told = try rig.log()
    #expect(told.contains("recovery_box_unverified") == (name == "recovery.box"))
    let isDamaged = name == "old-masters.box"
    #expect(told.contains("old_masters_damaged") == isDamaged)
    #expect(try await service.send("POST", "/api/keys/recovery:new").status == 200)
    #expect(try await service.send("GET", "/api/keys").json["recovery"]?["state"] == "made")
    let change = try await rig.verb(["rotate", "--master"], of: service, input: second)
    #expect((change.status == 0) == !isDamaged, "\(change)")
    if isDamaged {
      #expect(change.output.contains("move it away") || change.errors.contains("move it away"), "\(change)")
    }
    await rig.stop(service)
  }

  @Test(
    "a link or a folder in the place of such a file is told alike",
    arguments: ["recovery.box", "recovery.confirmed", "old-masters.box"],
    [true, false])
  func noFile(name: String, isLink: Bool) async throws {
    var service = try await rig.serve(master: first)
    await rig.stop(service)
    _ = remove(rig.key(name))
    try #require((isLink ? symlink("/nowhere", rig.key(name)) : mkdir(rig.key(name), 0o700)) == 0)
    service = try await rig.serve(master: first)
    #expect(try await service.send("GET", "/api/keys").status == 200)
    let told = try rig.log()
    #expect(told.contains("recovery_box_unverified") == (name == "recovery.box"), "\(told)")
    #expect(told.contains("old_masters_damaged") == (name == "old-masters.box"), "\(told)")
    await rig.stop(service)
  }
}
