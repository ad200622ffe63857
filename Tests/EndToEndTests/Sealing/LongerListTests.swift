import AgentCore
import AgentTestKit
import Foundation
import Testing

/// A name comes to `sensitive_fields` of a running service whose rows hold its values.
@Suite struct LongerListTests {
  private static func files(_ server: LoopbackServer) -> [String: String] {
    ServiceProcess.scripted(
      [
        ServiceProcess.calling(
          "ask",
          [
            (
              "http.request",
              [
                "method": "POST", "url": .string(server.url("/")),
                "headers": ["Authorization": "Bearer planted-credential"],
                "body": #"{"n":1e2,"pin":"planted-pin-sent"}"#,
              ]
            )
          ]), ServiceProcess.saysDone,
      ],
      agents: [
        "asker": [
          "instructions": "ask", "tools": ["http.request"], "allow_hosts": [.string("127.0.0.1:\(server.port)")],
        ]
      ]
    ).merging([
      "encryption.yaml": ServiceProcess.encryption("api_key", "password", "token"),
      "permissions.yaml": "roles:\n  agent: [task:execute, http:request]\n",
    ]) { $1 }
  }

  @Test("after a reload nobody sees the values of a name that the list has now, not in bodies of requests either")
  func reload() async throws {
    let server = try LoopbackServer { _ in
      answer(headers: ["Set-Cookie: sid=planted-cookie"], body: #"{"pin":"planted-pin-given"}"#)
    }
    defer { server.stop() }
    let rig = try KeyRig()
    let service = try await rig.serve(files: Self.files(server))
    let id = try await service.create(["agent": "asker", "input": ["prompt": "ask", "pin": "planted-pin-input"]])
    #expect(try await service.ended(id)["status"] == "completed")
    #expect(server.requests.map(\.body) == [#"{"n":1e2,"pin":"planted-pin-sent"}"#])
    func shown() async throws -> String {
      let steps = try await service.send("GET", "/api/tasks/\(id)/steps").text
      return steps + (try await service.send("GET", "/api/tasks/\(id)").text)
    }
    let before = try await shown()
    for word in ["sent", "given", "input"] { #expect(before.contains("planted-pin-\(word)"), "\(before)") }
    #expect(!before.contains("planted-credential") && !before.contains("planted-cookie"))
    try await service.lengthenList(by: "pin")
    // Whether the pass has come to the rows or not.
    let text = try await shown()
    #expect(!text.contains("planted") && text.contains("[sealed]"), "\(text)")
    try await service.sealed()
    #expect(try await shown() == text)
    await rig.stop(service)
    #expect(try await rig.findings(of: "planted-").isEmpty)
    try rig.expectNothingUnreadable()
  }
}
