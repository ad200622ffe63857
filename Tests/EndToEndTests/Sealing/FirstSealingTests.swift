import AgentCore
import AgentTestKit
import Foundation
import Testing

/// A data folder from before there were keys, started by a version that has them, and killed while its rows are sealed.
@Suite(.serialized) struct FirstSealingTests {
  private static let tasks = 1500
  /// Nothing is sealed by it.
  private static let unsealed = ["encryption.yaml": "encryption: {sensitive_fields: [no_member_has_this_name]}\n"]
  private static let sealed = ["encryption.yaml": "encryption: {sensitive_fields: [api_key, password, token]}\n"]

  private static func secret(_ number: Int) -> String { "planted-first-\(number)-secret" }

  /// Stops a service, and takes its database and keys back to what the version before left.
  private static func makeOld(_ rig: KeyRig) async throws {
    let service = try await rig.serve(files: KeyRig.writingFiles.merging(unsealed) { $1 })
    try await rig.disableAgents(of: service)
    var made = 0
    while made < tasks {
      let batch: [JSONValue] = (made..<made + 500).map {
        [
          "agent": "bulk", "input": ["prompt": "wait", "token": .string(secret($0))],
          "labels": ["password": .string(secret($0))],
        ]
      }
      #expect(try await service.send("POST", "/api/tasks:batch", ["tasks": .array(batch)]).status == 201)
      made += 500
    }
    let id = try await service.create([
      "agent": "writer", "input": ["prompt": "put it down", "api_key": .string(secret(tasks))],
    ])
    #expect(id == "task-\(tasks + 1)")
    await rig.stop(service)
    _ = try await rig.sql(
      "DROP TABLE key_ring; DROP TABLE sealing_pass; ALTER TABLE task DROP COLUMN sealed; PRAGMA user_version = 4")
    try FileManager.default.removeItem(atPath: rig.data + "/keys")
    #expect(try await rig.findings(of: secret(7)).contains("agent.db"))
    for (name, text) in sealed {
      try Data(text.utf8).write(to: URL(fileURLWithPath: rig.folder.appending("config/" + name)))
    }
  }

  /// All of it is there, sealed, and the tool that refers to a value gets it in clear.
  private static func expectWhole(_ rig: KeyRig, _ service: ServiceProcess) async throws {
    let running = try await service.asking("GET", "/api/keys") { $0.json["sealing"]?["running"] == false }
    #expect(running.status == 200)
    let page = try await service.send("GET", "/api/tasks?limit=500&agent=bulk").json["data"]?.arrayValue ?? []
    #expect(page.count == 500)
    #expect(page.allSatisfy { $0["input"] == ["prompt": "wait", "token": "[sealed]"] })
    #expect(page.allSatisfy { $0["labels"] == ["password": "[sealed]"] })
    #expect(try await service.send("POST", "/api/agents/writer/enable").status == 200)
    let id = "task-\(tasks + 1)"
    #expect(try await service.ended(id)["status"] == "completed")
    #expect(try await service.send("GET", "/api/tasks/\(id)/files/out.txt").text == secret(tasks))
    await rig.stop(service)
    #expect(try await rig.sql("SELECT count(*) FROM task") == "\(tasks + 1)")
    #expect(
      try await rig.sql("SELECT count(*) FROM journal WHERE type = 1 AND instr(body, '$sealed') > 0") == "\(tasks + 1)")
    #expect(try await rig.sql("SELECT count(*) FROM label") == "0")
    #expect(try await rig.sql("SELECT finished IS NOT NULL FROM sealing_pass") == "1")
    // The tool has written one of them, as it was told to.
    let found = try await rig.findings(of: "planted-first").split(separator: "\n").filter { !$0.hasSuffix("/out.txt") }
    #expect(found.isEmpty, "\(found)")
    try rig.expectNothingUnreadable()
  }

  @Test("the first sealing, killed anywhere, goes on at the next start; nothing is lost, and nothing stays in clear")
  func kill() async throws {
    let rig = try KeyRig()
    let random = SeededRandom(seed: Drill.seed)
    try await Self.makeOld(rig)
    let copy = rig.folder.appending("old")
    try FileManager.default.copyItem(atPath: rig.data, toPath: copy)
    var (killed, lives) = (0, 0)
    while killed < KeyRig.kills, lives < 4 * KeyRig.kills {
      lives += 1
      let service = try await rig.serve()
      for _ in 0..<Int(random.next() % 6) { _ = try await service.send("GET", "/api/keys") }
      if try await service.send("GET", "/api/keys").json["sealing"]?["running"] == true {
        await service.killed()
        killed += 1
      } else {
        // This one came to its end: it is checked, and the next begins anew.
        try await Self.expectWhole(rig, service)
        try FileManager.default.removeItem(atPath: rig.data)
        try FileManager.default.copyItem(atPath: copy, toPath: rig.data)
      }
    }
    print("drill: first sealing: \(killed) kills in the pass under way, in \(lives) lives, seed \(Drill.seed)")
    #expect(killed == KeyRig.kills)
    try FileManager.default.removeItem(atPath: copy)
    try await Self.expectWhole(rig, try await rig.serve())
  }
}
