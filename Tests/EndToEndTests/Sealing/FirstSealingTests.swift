import AgentCore
import AgentTestKit
import Foundation
import Testing

/// A data folder from before there were keys, started by a version that has them, and killed while its rows are sealed.
/// `AGENT_SYSTEM_DRILL=1` kills a hundred times instead of five; `AGENT_SYSTEM_SEED` repeats a run.
@Suite(.serialized) struct FirstSealingTests {
  private static let kills = RotationKillTests.isDrill ? 100 : 5
  private static let tasks = 1500
  /// Nothing is sealed by it.
  private static let unsealed = ["encryption.yaml": "encryption: {sensitive_fields: [no_member_has_this_name]}\n"]
  private static let sealed = ["encryption.yaml": "encryption: {sensitive_fields: [api_key, password, token]}\n"]
  private static let files = ServiceProcess.scripted(
    [
      ServiceProcess.calling("put it down", [("file.write", ["path": "out.txt", "text": "{{input.api_key}}"])]),
      ServiceProcess.saysDone,
    ],
    agents: [
      "bulk": ["instructions": "wait", "tools": ["file.read"]],
      "writer": ["instructions": "write", "tools": ["file.write"]],
    ])

  private static func secret(_ number: Int) -> String { "planted-first-\(number)-secret" }

  /// Stops a service, and takes its database and keys back to what the version before left.
  private static func makeOld(_ rig: KeyRig) async throws {
    let service = try await rig.serve(files: files.merging(unsealed) { $1 })
    for agent in ["bulk", "writer"] {
      #expect(try await service.send("POST", "/api/agents/\(agent)/disable").status == 200)
    }
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
    for word in ["sealed_value_invalid", "key_unknown", "sealed_format_unknown"] {
      #expect(try !rig.log().contains(word))
    }
  }

  @Test("the first sealing, killed anywhere, goes on at the next start; nothing is lost, and nothing stays in clear")
  func kill() async throws {
    let rig = try KeyRig()
    let random = SeededRandom(seed: RotationKillTests.seed)
    try await Self.makeOld(rig)
    let copy = rig.folder.appending("old")
    try FileManager.default.copyItem(atPath: rig.data, toPath: copy)
    var (killed, hit) = (0, 0)
    while killed < Self.kills {
      let service = try await rig.serve()
      for _ in 0..<Int(random.next() % 6) { _ = try await service.send("GET", "/api/keys") }
      let isRunning = try await service.send("GET", "/api/keys").json["sealing"]?["running"] == true
      guard isRunning else {
        // Too late for this one: it is checked, and the next begins anew.
        try await Self.expectWhole(rig, service)
        try FileManager.default.removeItem(atPath: rig.data)
        try FileManager.default.copyItem(atPath: copy, toPath: rig.data)
        killed += 1
        continue
      }
      await service.killed()
      (killed, hit) = (killed + 1, hit + 1)
    }
    print("seed \(RotationKillTests.seed): \(hit) of \(killed) kills met the pass under way")
    try FileManager.default.removeItem(atPath: copy)
    try await Self.expectWhole(rig, try await rig.serve())
  }
}
