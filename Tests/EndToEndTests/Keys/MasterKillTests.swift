import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

/// `kill -9` in the middle of changes of the master key: the key in place opens everything at each moment, and so does the
/// recovery code.
@Suite(.serialized) struct MasterKillTests {
  private let rig: KeyRig
  private let random = SeededRandom(seed: Drill.seed)

  init() throws { rig = try KeyRig() }

  private func newKey() -> String {
    Data((0..<32).map { _ in UInt8(truncatingIfNeeded: random.next()) }).base64EncodedString()
  }

  /// What the code gives.
  private func recovered(_ code: String, _ round: Int) async throws -> String {
    let file = rig.folder.appending("recovered-\(round).key")
    let used = try await rig.verb(["recovery", "use", "--recovery-code-file", code, "--output", file])
    #expect(used.status == 0, "\(used)")
    return try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .newlines)
  }

  /// Asks for a change, in half of the cases for another one or for none after it, and kills before, after or between.
  private func change(to next: [String], of service: ServiceProcess) async throws {
    let requests = Int(random.next() % 6)
    let second: JSONValue = random.next() % 2 == 0 ? ["cancel": true] : ["master_key": .string(next[1])]
    async let first = try? service.send(
      "POST", "/api/keys:rotate-master", ["master_key": .string(next[0])]
    ).status
    if requests > 0 { _ = await first }
    if requests > 2 {
      async let other = try? service.send("POST", "/api/keys:rotate-master", second).status
      if requests > 4 { _ = await other }
      await service.killed()
      _ = await other
    }
    await service.killed()
    _ = await first
  }

  /// Starts under the new key, and kills that start once it has sealed the recovery box for it.
  private func killedSwap(master: String) async throws {
    let file = rig.key("recovery.box")
    func inode() -> UInt64 {
      var status = stat()
      return lstat(file, &status) == 0 ? UInt64(status.st_ino) : 0
    }
    let before = inode()
    let start = try rig.starting(master: master)
    for _ in 0..<10_000_000 {
      if inode() != before { break }
      await Task.yield()
    }
    await start.killed()
    #expect(inode() != before)
  }

  @Test(
    "a change of the master key that is killed anywhere leaves a key that opens everything, and a code that gives it")
  func kill() async throws {
    var current = newKey()
    var service = try await rig.serve(files: ServiceProcess.scripted([ServiceProcess.saysDone]), master: current)
    let id = try await service.create(["agent": "coder", "input": ["prompt": "go", "password": "planted-secret"]])
    _ = try await service.ended(id)
    let code = rig.folder.appending("code.txt")
    #expect(try await rig.verb(["recovery", "new", "--output", code], of: service).status == 0)
    var swaps = 0
    for round in 0..<KeyRig.kills {
      let next = [newKey(), newKey()]
      try await change(to: next, of: service)
      #expect(try await recovered(code, round) == current)
      service = try await rig.serve(master: current)
      guard try await service.send("GET", "/api/keys").json["master_key"]?["next_pending"] == true else { continue }
      await service.killed()
      // Whichever of the two waits: the other one is refused.
      let isSecond = try await !rig.opens(master: next[0])
      if !isSecond, swaps % 2 == 1 { try await killedSwap(master: next[0]) }
      current = next[isSecond ? 1 : 0]
      service = try await rig.serve(master: current)
      swaps += 1
      let page = try await service.send("GET", "/api/keys").json
      #expect(page["master_key"]?["next_pending"] == false && page["recovery"]?["state"] == "made", "\(page)")
      #expect(try rig.text("fingerprint").split(separator: "\n").count == 1)
      #expect(try await recovered(code, KeyRig.kills + round) == current)
    }
    print("drill: master key: \(swaps) swaps in \(KeyRig.kills) kills, seed \(Drill.seed)")
    #expect(try await service.task(id)["status"] == "completed")
    try rig.expectNothingUnreadable()
    #expect(try !rig.log().contains("recovery_box_unverified"))
  }
}
