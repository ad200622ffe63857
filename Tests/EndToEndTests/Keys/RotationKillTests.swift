import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

/// `kill -9` in the middle of rotations: nothing that was sealed is lost, and each rotation goes on by itself.
@Suite(.serialized) struct RotationKillTests {
  private static func secret(_ number: Int) -> String { "planted-\(Drill.seed)-\(number)-secret" }

  private let rig: KeyRig
  private let random = SeededRandom(seed: Drill.seed)

  init() throws { rig = try KeyRig() }

  @Test("a rotation that is killed anywhere goes on at the next start, and every value opens afterwards")
  func kill() async throws {
    var service = try await rig.serve(files: KeyRig.writingFiles)
    try await rig.disableAgents(of: service)
    let writers = try await fill(service)
    // Lives that missed the pass count as kills outside it, and others follow.
    var (hit, lives) = (0, 0)
    while hit < KeyRig.kills, lives < 4 * KeyRig.kills {
      lives += 1
      if try await killed(service) { hit += 1 }
      service = try await rig.serve()
    }
    print("drill: rotation: \(hit) kills in the pass under way, in \(lives) lives, seed \(Drill.seed)")
    #expect(hit == KeyRig.kills)
    try await expectOneKey(of: service)
    try rig.expectNothingUnreadable()
    #expect(try await service.send("POST", "/api/agents/writer/enable").status == 200)
    for (number, id) in writers.enumerated() {
      #expect(try await service.ended(id)["status"] == "completed")
      #expect(try await service.send("GET", "/api/tasks/\(id)/files/out.txt").text == Self.secret(number))
    }
    await rig.stop(service)
    // On disk, besides what the tool was told to write, there is none of them.
    let found = try await rig.findings(of: Self.secret(1000)) + rig.findings(of: Self.secret(1499))
    #expect(found.isEmpty, "\(found)")
  }

  /// Rows for the pass to be long enough to be hit in its middle, and tasks whose values are looked at in the end.
  private func fill(_ service: ServiceProcess) async throws -> [String] {
    let bulk: [JSONValue] = (0..<500).map {
      ["agent": "bulk", "input": ["prompt": "wait", "token": .string(Self.secret(1000 + $0))]]
    }
    for _ in 0..<2 {
      #expect(try await service.send("POST", "/api/tasks:batch", ["tasks": .array(bulk)]).status == 201)
    }
    var writers: [String] = []
    for number in 0..<8 {
      writers.append(
        try await service.create([
          "agent": "writer", "input": ["prompt": "put it down", "api_key": .string(Self.secret(number))],
        ]))
    }
    return writers
  }

  /// Kills it before a rotation's answer, right after it, or so many requests into the pass. True: in the pass.
  private func killed(_ life: ServiceProcess) async throws -> Bool {
    let requests = Int(random.next() % 24)
    async let rotation = try? life.send("POST", "/api/keys:rotate").status
    if requests > 2 { _ = await rotation }
    var wasRunning = false
    for _ in 0..<requests {
      let keys = try await life.send("GET", "/api/keys").json
      wasRunning = keys["sealing"]?["running"] == true
    }
    await life.killed()
    _ = await rotation
    return wasRunning
  }

  /// Waits until nothing is left under an older key.
  private func expectOneKey(of service: ServiceProcess) async throws {
    func states(_ json: JSONValue) -> [JSONValue?] {
      json["keys"]?.arrayValue?.filter { $0["purpose"] == "field" }.map { $0["state"] } ?? []
    }
    let answer = try await service.asking("GET", "/api/keys") { answer in
      states(answer.json).filter { $0 == "active" }.count == 1 && !states(answer.json).contains("opening")
    }
    let fields = states(answer.json)
    #expect(fields.filter { $0 == "active" }.count == 1 && !fields.contains("opening"), "\(answer.text)")
    #expect(fields.count > 1)
  }
}
