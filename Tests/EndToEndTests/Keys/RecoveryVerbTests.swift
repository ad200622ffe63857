import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

/// The recovery code and the change of the master key, by the verbs that people use.
@Suite struct RecoveryVerbTests {
  private let rig: KeyRig

  init() throws { rig = try KeyRig() }

  @Test("a recovery code goes to a terminal or a new file and nowhere else, and opens the folder when the key is lost")
  func recovery() async throws {
    let service = try await rig.serve(files: ServiceProcess.scripted([ServiceProcess.saysDone]))
    let piped = try await rig.verb(["recovery", "new"], of: service)
    #expect(piped.status == 64 && piped.output.isEmpty && !rig.exists("recovery.box"), "\(piped)")
    let file = rig.folder.appending("code.txt")
    let scripted = try await ShellRun.run(
      ServiceProcess.binary.path,
      ["key", "recovery", "new", "--output", file, "--server", "unix:" + service.socket],
      environment: ["DPKG_MAINTSCRIPT_NAME": "postinst"])
    #expect(scripted.status == 64 && access(file, F_OK) != 0 && !rig.exists("recovery.box"), "\(scripted)")
    let made = try await rig.verb(["recovery", "new", "--output", file], of: service)
    #expect(made.status == 0 && made.output.contains(file), "\(made)")
    var status = stat()
    #expect(lstat(file, &status) == 0 && status.st_mode & 0o7777 == 0o600)
    let code = try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .newlines)
    #expect(code.wholeMatch(of: /([0-9A-Z]{4}-){8}[0-9A-Z]{4}/) != nil && !made.output.contains(code))
    #expect(try await rig.verb(["recovery", "new", "--output", file], of: service).status == 64)
    #expect(try String(contentsOfFile: file, encoding: .utf8).hasPrefix(code))
    #expect(try await service.send("GET", "/api/keys").json["recovery"]?["confirmed"] == false)
    let wrong = try await rig.verb(["recovery", "confirm"], of: service, input: String(code.reversed()))
    #expect(wrong.status == 1 && wrong.errors.contains("recovery_code_invalid"), "\(wrong)")
    let confirmed = try await rig.verb(["recovery", "confirm"], of: service, input: code.lowercased() + "\n")
    #expect(confirmed.status == 0, "\(confirmed)")
    #expect(try await service.send("GET", "/api/keys").json["recovery"]?["confirmed"] == true)
    #expect(try rig.log().contains(code) == false)
    #expect(try await rig.findings(of: code).isEmpty)
    let id = try await service.create(["agent": "coder", "input": "go"])
    _ = try await service.ended(id)
    await rig.stop(service)

    let key = try rig.text("master.key")
    #expect(remove(rig.key("master.key")) == 0)
    #expect(try await rig.refused().said.contains("master_key_missing"))
    let mistyped = try await rig.verb(["recovery", "use"], input: "ABCD")
    #expect(mistyped.status == 1 && !rig.exists("master.key"), "\(mistyped)")
    let used = try await rig.verb(["recovery", "use", "--recovery-code-file", file])
    #expect(used.status == 0, "\(used)")
    #expect(try rig.text("master.key") == key)
    let again = try await rig.serve()
    #expect(try await again.task(id)["status"] == "completed")
  }

  @Test("a copy of the master key can be confirmed instead of the code")
  func copy() async throws {
    let service = try await rig.serve()
    let other = try await rig.verb(["recovery", "confirm", "--master-key"], of: service, input: KeyRig.base64(9))
    #expect(other.status == 1, "\(other)")
    let right = try await rig.verb(
      ["recovery", "confirm", "--master-key"], of: service, input: try rig.text("master.key"))
    #expect(right.status == 0, "\(right)")
    #expect(try await service.send("GET", "/api/keys").json["recovery"]?["confirmed"] == true)
  }

  @Test("a new master key opens beside the old one until the swap, and the start after it lets go of the old")
  func master() async throws {
    let (old, new) = (KeyRig.base64(1), KeyRig.base64(2))
    let service = try await rig.serve(files: ServiceProcess.scripted([ServiceProcess.saysDone]), master: old)
    let id = try await service.create(["agent": "coder", "input": ["prompt": "go", "password": "planted-secret"]])
    _ = try await service.ended(id)
    let file = rig.folder.appending("code.txt")
    #expect(try await rig.verb(["recovery", "new", "--output", file], of: service).status == 0)
    let rotated = try await rig.verb(["rotate", "--master"], of: service, input: new + "\n")
    #expect(rotated.status == 0 && !rotated.output.contains(new), "\(rotated)")
    #expect(try rig.text("fingerprint").split(separator: "\n").count == 2)
    try await service.refused(409, "master_rotation_pending", "POST", "/api/keys:rotate")
    try await service.refused(409, "master_rotation_pending", "POST", "/api/keys/recovery:new")
    await service.killed()

    // Not swapped yet: the old one still does, and it still waits.
    let waiting = try await rig.serve(master: old)
    #expect(try await waiting.send("GET", "/api/keys").json["master_key"]?["next_pending"] == true)
    await waiting.killed()
    let swapped = try await rig.serve(master: new)
    let json = try await swapped.send("GET", "/api/keys").json
    #expect(json["master_key"]?["next_pending"] == false)
    #expect(try rig.text("fingerprint").split(separator: "\n").count == 1)
    #expect(try await swapped.task(id)["status"] == "completed")
    #expect(try await swapped.send("POST", "/api/keys:rotate").status == 202)
    await rig.stop(swapped)
    let refused = try await rig.refused(master: old)
    #expect(refused.status == 78 && refused.said.contains("master_key_wrong"), "\(refused)")
    // The same code brings the new key.
    let output = rig.folder.appending("recovered.key")
    let used = try await rig.verb(["recovery", "use", "--recovery-code-file", file, "--output", output])
    #expect(used.status == 0, "\(used)")
    #expect(try String(contentsOfFile: output, encoding: .utf8) == new + "\n")
    for key in [old, new] { #expect(try await rig.findings(of: key).isEmpty) }
  }

  @Test("with the service stopped the verbs work on its folder, and with it running they refuse that")
  func stopped() async throws {
    let service = try await rig.serve()
    let held = try await rig.verb(["show"])
    #expect(held.status == 1 && held.errors.contains("data_folder_in_use"), "\(held)")
    await rig.stop(service)
    let shown = try await rig.verb(["show", "--json"])
    #expect(shown.status == 0, "\(shown)")
    let rotated = try await rig.verb(["rotate", "--json"])
    let keys = try JSONValue(parsing: rotated.output)["keys"]?.arrayValue ?? []
    #expect(keys.map { $0["state"]?.stringValue } == ["opening", "active", "active"], "\(rotated)")
    let nowhere = try await ShellRun.run(
      ServiceProcess.binary.path, ["key", "show", "--data", rig.folder.appending("nothing")])
    #expect(nowhere.status == 64 && access(rig.folder.appending("nothing"), F_OK) != 0, "\(nowhere)")
    let again = try await rig.serve()
    let answer = try await again.asking("GET", "/api/keys") {
      $0.json["keys"]?.arrayValue?.first?["state"] == "destroyed"
    }
    #expect(answer.json["keys"]?.arrayValue?.first?["state"] == "destroyed", "\(answer.text)")
  }
}
