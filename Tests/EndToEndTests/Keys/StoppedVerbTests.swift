import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

/// What a verb on the folder of a stopped service tells its caller, who reads no log.
@Suite struct StoppedVerbTests {
  private let rig: KeyRig
  private let first = KeyRig.base64(1)
  private let second = KeyRig.base64(2)

  init() throws { rig = try KeyRig() }

  @Test("on a folder from before keys it says that a master key was made, and that the digest key is lost")
  func old() async throws {
    let service = try await rig.serve(files: ServiceProcess.scripted([ServiceProcess.saysDone]))
    _ = try await service.ended(try await service.create(["agent": "coder", "input": "go"]))
    await rig.stop(service)
    try await rig.forgetKeys()
    let shown = try await rig.verb(["show", "--json"])
    #expect(shown.status == 0 && (try? JSONValue(parsing: shown.output)) != nil, "\(shown)")
    for word in ["master_key_made: ", "master_key_beside_data: ", "digest_key_lost: "] {
      #expect(shown.errors.components(separatedBy: word).count == 2, "\(word): \(shown)")
    }
    #expect(shown.errors.contains(rig.key("master.key")))
    // What is in order is not told.
    #expect(!shown.errors.contains("the key ring is open"), "\(shown)")
    let again = try await rig.verb(["show"])
    #expect(
      again.errors.contains("master_key_beside_data: ") && !again.errors.contains("master_key_made: "), "\(again)")
  }

  @Test("a new master key that waits is told, and so is nothing more once it is in place")
  func pending() async throws {
    await rig.stop(try await rig.serve(master: first))
    #expect(try await rig.verb(["rotate", "--master"], input: second, master: first).status == 0)
    #expect(try await rig.verb(["show"], master: first).errors.contains("master_rotation_pending: "))
    let swapped = try await rig.verb(["show"], master: second)
    #expect(swapped.status == 0 && !swapped.errors.contains("master_rotation_pending"), "\(swapped)")
  }

  @Test("a recovery box and old master keys that are damaged are told")
  func damaged() async throws {
    await rig.stop(try await rig.serve(master: first))
    let file = rig.folder.appending("code.txt")
    #expect(try await rig.verb(["recovery", "new", "--output", file], master: first).status == 0)
    for name in ["recovery.box", "old-masters.box"] {
      try Data("{}".utf8).write(to: URL(fileURLWithPath: rig.key(name)))
    }
    let shown = try await rig.verb(["show"], master: first)
    #expect(shown.status == 0 && shown.errors.contains("recovery_box_unverified: "), "\(shown)")
    #expect(shown.errors.contains("old_masters_damaged: "), "\(shown)")
    // The verb that needs the file says what to do with it, by its path.
    let change = try await rig.verb(["rotate", "--master"], input: second, master: first)
    #expect(change.status == 1 && change.errors.contains(rig.key("old-masters.box")), "\(change)")
    let code = try String(contentsOfFile: file, encoding: .utf8)
    let confirm = try await rig.verb(["recovery", "confirm"], input: code, master: first)
    #expect(confirm.errors.contains(rig.key("recovery.box")), "\(confirm)")
    #expect(confirm.errors.contains("put it back from a copy"), "\(confirm)")
  }
}
