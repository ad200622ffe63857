import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

/// `kill -9` in the middle of rotations: nothing that was sealed is lost, and each rotation goes on by itself.
@Suite(.serialized) struct RotationKillTests {
  private static func secret(_ number: Int) -> String { "planted-\(Drill.seed)-\(number)-secret" }

  @Test("a rotation that is killed anywhere goes on at the next start, and every value opens afterwards")
  func kill() async throws {
    let rig = try KeyRig()
    let random = SeededRandom(seed: Drill.seed)
    var service = try await rig.serve(files: KeyRig.writingFiles)
    try await rig.disableAgents(of: service)
    // Rows for the pass to be long enough to be hit in its middle.
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
    // Lives that missed the pass count as kills outside it, and others follow.
    var (hit, lives) = (0, 0)
    while hit < KeyRig.kills, lives < 4 * KeyRig.kills {
      lives += 1
      // Killed before the answer, right after it, or so many requests into the pass.
      let requests = Int(random.next() % 24)
      let life = service
      async let rotation = try? life.send("POST", "/api/keys:rotate").status
      if requests > 2 { _ = await rotation }
      var wasRunning = false
      for _ in 0..<requests {
        let keys = try await service.send("GET", "/api/keys").json
        wasRunning = keys["sealing"]?["running"] == true
      }
      await service.killed()
      _ = await rotation
      if wasRunning { hit += 1 }
      service = try await rig.serve()
    }
    print("drill: rotation: \(hit) kills in the pass under way, in \(lives) lives, seed \(Drill.seed)")
    #expect(hit == KeyRig.kills)
    let answer = try await service.asking("GET", "/api/keys") { answer in
      let states = answer.json["keys"]?.arrayValue?.filter { $0["purpose"] == "field" }.map { $0["state"] } ?? []
      return states.filter { $0 == "active" }.count == 1 && !states.contains("opening")
    }
    let fields = answer.json["keys"]?.arrayValue?.filter { $0["purpose"] == "field" } ?? []
    #expect(fields.filter { $0["state"] == "active" }.count == 1, "\(answer.text)")
    #expect(fields.filter { $0["state"] == "opening" }.isEmpty, "\(answer.text)")
    #expect(fields.count > 1)
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
}
