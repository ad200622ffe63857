import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

/// Keys on the real binary: how they are made, shown, turned and refused.
@Suite struct KeyVerbTests {
  private let rig: KeyRig

  init() throws { rig = try KeyRig() }

  @Test("the first start makes a key of its own, says that it lies beside the data, and prints it nowhere")
  func first() async throws {
    let service = try await rig.serve()
    let shown = try await rig.verb(["show", "--json"], of: service)
    let json = try JSONValue(parsing: shown.output)
    #expect(shown.status == 0 && json["master_key"]?["beside_data"] == true, "\(shown)")
    #expect(json["keys"]?.arrayValue?.compactMap { $0["purpose"]?.stringValue } == ["field", "digest"])
    let people = try await rig.verb(["show"], of: service)
    #expect(people.output.contains("beside the data") && people.output.contains("agent-system key recovery new"))
    let fingerprint = try #require(json["fingerprint"]?.stringValue)
    #expect(try rig.text("fingerprint").hasSuffix(" \(fingerprint)\n"))
    var status = stat()
    #expect(lstat(rig.key("master.key"), &status) == 0 && status.st_mode & 0o7777 == 0o400)
    let key = try rig.text("master.key").trimmingCharacters(in: .newlines)
    #expect(try rig.log().contains("master_key_beside_data"))
    for text in [try rig.log(), service.standardError, shown.output, people.output] { #expect(!text.contains(key)) }
    await rig.stop(service)
    // Nothing but its own file holds it.
    #expect(try await rig.findings(of: key) == rig.key("master.key") + "\n")
    let again = try await rig.serve()
    #expect(try await again.send("GET", "/api/keys").json["fingerprint"]?.stringValue == fingerprint)
  }

  @Test("the keys are the unix socket's alone, and a body must say what it means")
  func door() async throws {
    let service = try await rig.serve()
    for (method, path) in [
      ("GET", "/api/keys"), ("POST", "/api/keys:rotate"), ("POST", "/api/keys:rotate-master"),
      ("POST", "/api/keys/recovery:new"), ("POST", "/api/keys/recovery:confirm"),
    ] {
      try await service.refused(401, "unauthenticated", method, path, overTCP: true)
    }
    try await service.refused(422, "invalid_field", "POST", "/api/keys:rotate-master", [:])
    try await service.refused(422, "master_key_invalid", "POST", "/api/keys:rotate-master", ["master_key": "short"])
    try await service.refused(
      422, "invalid_field", "POST", "/api/keys/recovery:confirm", ["code": "a", "master_key": "b"])
    try await service.refused(422, "recovery_code_invalid", "POST", "/api/keys/recovery:confirm", ["code": "ABCD"])
    let nobody = try await ShellRun.run(
      ServiceProcess.binary.path, ["key", "show", "--server", try await service.address()])
    #expect(nobody.status == 77, "\(nobody)")
  }

  @Test("a wrong, a missing and a conflicting master key end the start with 78, and not a byte of the data changes")
  func refusals() async throws {
    let (right, wrong) = (KeyRig.base64(1), KeyRig.base64(2))
    let service = try await rig.serve(files: ServiceProcess.scripted([ServiceProcess.saysDone]), master: right)
    let id = try await service.create(["agent": "coder", "input": ["prompt": "go", "api_key": "planted-secret"]])
    _ = try await service.ended(id)
    // A kill leaves a WAL with content: that must stay as well.
    await service.killed()
    let fingerprint = try #require(try rig.text("fingerprint").split(separator: " ").last).trimmingCharacters(
      in: .newlines)
    let before = try rig.untouched()
    #expect(before.keys.contains { $0.hasPrefix("agent.db-wal") })

    let other = try await rig.refused(master: wrong)
    #expect(
      other.status == 78 && other.said.contains("master_key_wrong") && other.said.contains(fingerprint), "\(other)")
    let none = try await rig.refused()
    #expect(none.status == 78 && none.said.contains("master_key_missing"), "\(none)")
    let bad = try await rig.refused(master: "nonsense")
    #expect(bad.status == 78 && bad.said.contains("master_key_invalid"), "\(bad)")
    #expect(try rig.untouched() == before)
    let offline = try await rig.verb(["show"], master: wrong)
    #expect(offline.status == 1 && offline.errors.contains("master_key_wrong"), "\(offline)")
    #expect(try rig.untouched() == before)

    // The mark is lost as well: the ring itself tells.
    try FileManager.default.moveItem(atPath: rig.key("fingerprint"), toPath: rig.folder.appending("fingerprint"))
    let unmarked = try rig.untouched()
    #expect(try await rig.refused(master: wrong).said.contains("master_key_wrong"))
    #expect(try await rig.refused().said.contains("master_key_missing"))
    #expect(try rig.untouched() == unmarked)
    try FileManager.default.moveItem(atPath: rig.folder.appending("fingerprint"), toPath: rig.key("fingerprint"))

    let file = rig.key("master.key")
    try Data(wrong.utf8).write(to: URL(fileURLWithPath: file))
    #expect(chmod(file, 0o400) == 0)
    #expect(try await rig.refused(master: right).said.contains("master_key_conflict"))
    #expect(remove(file) == 0)
    let again = try await rig.serve(master: right)
    #expect(try await again.task(id)["status"] == "completed")
  }

  @Test("a key from the environment is not in the process's environment, and no core is dumped of it")
  func environment() async throws {
    let key = KeyRig.base64(3)
    let service = try await rig.serve(master: key)
    let environment = try Data(contentsOf: URL(fileURLWithPath: "/proc/\(service.pid)/environ"))
    #expect(environment.range(of: Data(key.utf8)) == nil && environment.range(of: Data("HOME=".utf8)) != nil)
    let limits = try String(contentsOfFile: "/proc/\(service.pid)/limits", encoding: .utf8)
    #expect(limits.contains(/Max core file size\s+0\s+0/))
    let json = try await service.send("GET", "/api/keys").json
    #expect(json["master_key"]?["source"] == "environment" && json["master_key"]?["beside_data"] == false)
    #expect(!rig.exists("master.key"))
  }

  @Test("memory that cannot be locked is told, and the service goes on", .enabled(if: geteuid() == 0))
  func unlocked() async throws {
    let service = try await ServiceProcess.serve(
      in: rig.folder,
      prefix: ["/usr/bin/prlimit", "--memlock=0", "/usr/bin/setpriv", "--bounding-set=-ipc_lock"])
    #expect(try await service.send("GET", "/api/keys").json["memory_locked"] == false)
    #expect(try rig.log().contains("memory_not_locked"))
    #expect(try await rig.verb(["show"], of: service).output.contains("not locked"))
  }

  @Test("a systemd credential comes before the file, and keys.master_file names another place")
  func places() async throws {
    let credentials = rig.folder.appending("credentials")
    try FileManager.default.createDirectory(atPath: credentials, withIntermediateDirectories: false)
    try Data(KeyRig.base64(5).utf8).write(to: URL(fileURLWithPath: credentials + "/master.key"))
    let first = try await ServiceProcess.serve(
      in: rig.folder, environment: ["CREDENTIALS_DIRECTORY": credentials])
    #expect(try await first.send("GET", "/api/keys").json["master_key"]?["source"] == "credential")
    await rig.stop(first)
    let file = rig.folder.appending("elsewhere.key")
    try Data((KeyRig.base64(5) + "\n").utf8).write(to: URL(fileURLWithPath: file))
    #expect(chmod(file, 0o400) == 0)
    let second = try await rig.serve(files: ["server.yaml": "keys: {master_file: \(file)}\n"])
    let json = try await second.send("GET", "/api/keys").json
    #expect(json["master_key"]?["place"]?.stringValue == file && json["master_key"]?["beside_data"] == false)
    await rig.stop(second)
    // The verbs on a stopped service's folder look where its configuration says.
    let blind = try await rig.verb(["show"])
    #expect(blind.status == 1 && blind.errors.contains("master_key_missing"), "\(blind)")
    let shown = try await rig.verb(["show", "--json", "--config", rig.folder.appending("config")])
    #expect(shown.status == 0, "\(shown)")
    #expect(try JSONValue(parsing: shown.output)["master_key"]?["place"]?.stringValue == file)
  }

  @Test("a database from before keys gets its ring at the next start, and the digest key moves into it unchanged")
  func old() async throws {
    let first = try await rig.serve(files: ServiceProcess.scripted([ServiceProcess.saysDone]))
    let id = try await first.create(["agent": "coder", "input": "go"])
    _ = try await first.ended(id)
    await rig.stop(first)
    try await rig.forgetKeys()
    let digest = (0..<32).map { UInt8($0 * 7) }
    try rig.writeDigestKey(digest)
    let second = try await rig.serve()
    #expect(!rig.exists("digest.key") && rig.exists("fingerprint"))
    #expect(try await second.task(id)["status"] == "completed")
    #expect(try !rig.log().contains("digest_key_lost"))
    await second.killed()
    // A kill between the ring's commit and the removal leaves the file: the next start sees that they are the same.
    try rig.writeDigestKey(digest)
    await rig.stop(try await rig.serve())
    #expect(!rig.exists("digest.key"))
    try rig.writeDigestKey((0..<32).map { UInt8($0) })
    let refused = try await rig.refused()
    #expect(refused.status == 78 && refused.said.contains("digest_key_conflict"), "\(refused)")
  }

  @Test("a database from before keys whose digest key is lost gets another one, and one WARN says so")
  func digestKeyLost() async throws {
    let first = try await rig.serve(files: ServiceProcess.scripted([ServiceProcess.saysDone]))
    #expect(try !rig.log().contains("digest_key_lost"))
    _ = try await first.ended(try await first.create(["agent": "coder", "input": "go"]))
    await rig.stop(first)
    try await rig.forgetKeys()
    await rig.stop(try await rig.serve())
    await rig.stop(try await rig.serve())
    let lines = try rig.log().split(separator: "\n").filter { $0.contains("digest_key_lost") }
    #expect(lines.count == 1 && lines[0].contains(" WARNING ") && lines[0].contains("digest.key"), "\(lines)")
  }
}
