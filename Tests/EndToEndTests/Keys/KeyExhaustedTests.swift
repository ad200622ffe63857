import AgentCore
import AgentTestKit
import Foundation
import Testing

/// A field key that has sealed as much as one may, while the change of the master key that waits keeps a new one away.
@Suite struct KeyExhaustedTests {
  private let before = KeyRig.base64(1)
  private let after = KeyRig.base64(2)

  private static let secret = "planted-exhausted-secret"
  private static let files = ServiceProcess.scripted(
    [
      // What a model wrote itself has to be sealed before it is stored.
      ServiceProcess.calling("tell", [("file.write", ["path": "a", "text": "t", "token": .string(secret)])]),
      ServiceProcess.saysDone,
    ], agents: ["teller": ["instructions": "tell", "tools": ["file.write"]]])

  @Test(
    "what is to be sealed is refused with 503, a worker holds its result until a new key is there, and all else goes on"
  )
  func exhausted() async throws {
    let rig = try KeyRig()
    let first = try await rig.serve(files: Self.files, master: before)
    #expect(try await first.send("POST", "/api/agents/teller/disable").status == 200)
    let id = try await first.create(["agent": "teller", "input": "tell"])
    #expect(try await rig.verb(["rotate", "--master"], of: first, input: after).status == 0)
    await rig.stop(first)
    _ = try await rig.sql("UPDATE key_ring SET seals = 1 << 32 WHERE purpose = 'field'")

    let second = try await rig.serve(master: before)
    let order: JSONValue = ["agent": "teller", "input": ["prompt": "x", "api_key": .string(Self.secret)]]
    try await second.refused(503, "key_exhausted", "POST", "/api/tasks", order)
    #expect(try await second.send("GET", "/api/tasks").json["data"]?.arrayValue?.count == 1)
    #expect(try await second.send("POST", "/api/agents/teller/enable").status == 200)
    let other = try await second.create(["agent": "teller", "input": "say it"])
    #expect(try await second.ended(other)["status"] == "completed")
    let log = try await second.logged("a result could not be written yet").joined(separator: "\n")
    #expect(log.contains("task=\(id)") && log.contains("key_exhausted"), "\(log)")
    let held = try await second.task(id)
    #expect(held["status"] == "running" && held["attempt"] == 1, "\(held.text)")
    await second.killed()

    // The new master key in place, a new field key is made at once.
    let third = try await rig.serve(master: after)
    let task = try await third.ended(id)
    #expect(task["status"] == "completed" && task["attempt"] == 1, "\(task.text)")
    #expect(try await third.send("POST", "/api/tasks", order).status == 201)
    let steps = try await third.steps(id).map(\.text).joined()
    #expect(steps.contains("[sealed]") && !steps.contains(Self.secret), "\(steps)")
    await rig.stop(third)
    #expect(try await rig.findings(of: Self.secret) == "")
  }
}
