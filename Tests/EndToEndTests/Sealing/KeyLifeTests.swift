import AgentCore
import AgentTestKit
import Foundation
import Testing

/// What becomes of keys and sealed rows by themselves in the life of an installation.
@Suite struct KeyLifeTests {
  private let rig: KeyRig

  init() throws { rig = try KeyRig() }

  @Test("a database that is made anew beside the keys that were kept is the same installation")
  func installation() async throws {
    let first = try await rig.serve()
    let before = try await first.send("GET", "/api/keys").json
    #expect(before["installation"]?.stringValue != nil)
    let mark = try rig.text("fingerprint")
    await rig.stop(first)
    for name in try FileManager.default.contentsOfDirectory(atPath: rig.data)
    where name.hasPrefix("agent.db") || name == "wal.position" {
      try FileManager.default.removeItem(atPath: rig.data + "/" + name)
    }
    let second = try await rig.serve()
    let after = try await second.send("GET", "/api/keys").json
    #expect(after["installation"] == before["installation"] && after["fingerprint"] == before["fingerprint"])
    #expect(try rig.text("fingerprint") == mark)
    await rig.stop(second)
    let number = try #require(before["installation"]?.stringValue)
    #expect(try await rig.sql("SELECT value FROM meta WHERE name = 'installation'") == number)
  }

  /// What is done to the field key's row: a step before its limit, and at it.
  private static let limits = [
    ("created_at = created_at - 90 * 86400000 + 3600000", "created_at = created_at - 3600000"),
    ("seals = (1 << 28) - 1", "seals = 1 << 28"),
  ]

  @Test(
    "a field key of 90 days, or of 2^28 seals, gives way to a new one by itself, and what it has sealed opens",
    arguments: limits)
  func limit(below: String, at: String) async throws {
    let secret = "planted-limit-secret"
    let first = try await rig.serve(files: KeyRig.writingFiles)
    try await rig.disableAgents(of: first)
    let id = try await first.create([
      "agent": "writer", "input": ["prompt": "put it down", "api_key": .string(secret)],
    ])
    await rig.stop(first)
    _ = try await rig.sql("UPDATE key_ring SET \(below) WHERE purpose = 'field'")
    let second = try await rig.serve()
    // The pass runs after the key was looked at: it is over.
    _ = try await second.asking("GET", "/api/keys") { $0.json["sealing"]?["running"] == false }
    #expect(try await Self.fieldKeys(second) == ["active"])
    await rig.stop(second)
    _ = try await rig.sql("UPDATE key_ring SET \(at) WHERE purpose = 'field'")
    let third = try await rig.serve()
    _ = try await third.asking("GET", "/api/keys") { Self.fieldKeys($0.json) == ["destroyed", "active"] }
    #expect(try await Self.fieldKeys(third) == ["destroyed", "active"])
    #expect(try rig.log().contains("field key 3 seals from now on"))
    #expect(try await third.send("POST", "/api/agents/writer/enable").status == 200)
    #expect(try await third.ended(id)["status"] == "completed")
    #expect(try await third.send("GET", "/api/tasks/\(id)/files/out.txt").text == secret)
    try rig.expectNothingUnreadable()
    await rig.stop(third)
    #expect(try await rig.sql("SELECT length(wrapped) FROM key_ring WHERE id = 1") == "0")
  }

  /// The states of the field keys, oldest first.
  private static func fieldKeys(_ json: JSONValue) -> [String] {
    (json["keys"]?.arrayValue ?? []).filter { $0["purpose"] == "field" }.compactMap { $0["state"]?.stringValue }
  }

  private static func fieldKeys(_ service: ServiceProcess) async throws -> [String] {
    fieldKeys(try await service.send("GET", "/api/keys").json)
  }

  @Test("a ring without an active field key ends the start with 78, and not a byte of the data changes")
  func ring() async throws {
    await rig.stop(try await rig.serve())
    _ = try await rig.sql("UPDATE key_ring SET state = 'opening' WHERE purpose = 'field'")
    let before = try rig.untouched()
    let refused = try await rig.refused()
    #expect(refused.status == 78 && refused.said.contains("key_ring_invalid"), "\(refused)")
    #expect(try rig.untouched() == before)
  }

  @Test("a name that a reload adds is hidden in rows of before at once, and soon in clear nowhere on the disk")
  func longerList() async throws {
    let secret = "planted-pin-secret"
    let service = try await rig.serve(files: KeyRig.writingFiles)
    try await rig.disableAgents(of: service)
    let id = try await service.create([
      "agent": "bulk", "input": ["prompt": "wait", "pin": .string(secret)], "labels": ["pin": .string(secret)],
    ])
    #expect(try await service.task(id)["input"]?["pin"]?.stringValue == secret)
    #expect(try await rig.findings(of: secret).contains("agent.db"))
    try await service.lengthenList(by: "pin")
    #expect(try await service.task(id)["input"] == ["prompt": "wait", "pin": "[sealed]"])
    #expect(try await service.listed("?label=pin:\(secret)").isEmpty)
    try await service.sealed()
    #expect(try await service.task(id)["labels"] == ["pin": "[sealed]"])
    #expect(try await rig.findings(of: secret) == "")
    await rig.stop(service)
    #expect(try await rig.sql("SELECT count(*) FROM journal WHERE instr(body, '$sealed') > 0") == "1")
    #expect(try await rig.sql("SELECT count(*) FROM label") == "0")
  }

  /// Which of the two comes to its rows first is chance: `SealingListTests.resumed` and `SealedMemberTests.inText` have the
  /// task be first for certain.
  @Test("a task that begins beside the pass gets its values by reference, and shows none of them")
  func beside() async throws {
    let secret = "planted-early-secret"
    let unsealed = ["encryption.yaml": ServiceProcess.encryption("no_member_has_this_name")]
    let first = try await rig.serve(files: KeyRig.writingFiles.merging(unsealed) { $1 })
    try await rig.disableAgents(of: first)
    // The pass has some hundred rows to go through before it comes to the writer's.
    let bulk: [JSONValue] = (0..<500).map { _ in
      ["agent": "bulk", "input": ["prompt": .string(String(repeating: "words ", count: 500)), "token": "12345678"]]
    }
    for _ in 0..<2 {
      #expect(try await first.send("POST", "/api/tasks:batch", ["tasks": .array(bulk)]).status == 201)
    }
    let id = try await first.create([
      "agent": "writer", "input": ["prompt": "put it down", "api_key": .string(secret)],
    ])
    await rig.stop(first)
    _ = try await rig.sql(
      "UPDATE agent_state SET disabled = 0 WHERE agent = (SELECT id FROM name WHERE text = 'writer')")
    let second = try await rig.serve(
      files: ["encryption.yaml": ServiceProcess.encryption("api_key", "password", "token")])
    #expect(try await second.task(id)["input"] == ["prompt": "put it down", "api_key": "[sealed]"])
    #expect(try await second.ended(id)["status"] == "completed")
    #expect(try await second.send("GET", "/api/tasks/\(id)/files/out.txt").text == secret)
    var events = try await second.events("/api/tasks/\(id)/events")
    while try await events.next() != nil {}
    #expect(!events.text.contains(secret))
  }
}
