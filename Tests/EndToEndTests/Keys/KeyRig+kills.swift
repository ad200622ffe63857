import AgentTestKit
import Foundation
import Testing

/// What the kills while values are sealed have in common.
extension KeyRig {
  static let kills = Drill.isOn ? 100 : 5

  /// Tasks of `bulk` wait and are many; those of `writer` show that what was sealed opens.
  static let writingFiles = ServiceProcess.scripted(
    [
      ServiceProcess.calling("put it down", [("file.write", ["path": "out.txt", "text": "{{input.api_key}}"])]),
      ServiceProcess.saysDone,
    ],
    agents: [
      "bulk": ["instructions": "wait", "tools": ["file.read"]],
      "writer": ["instructions": "write", "tools": ["file.write"]],
    ])

  func disableAgents(of service: ServiceProcess) async throws {
    for agent in ["bulk", "writer"] {
      #expect(try await service.send("POST", "/api/agents/\(agent)/disable").status == 200)
    }
  }

  /// No value was met that does not open.
  func expectNothingUnreadable() throws {
    let log = try log()
    for word in ["sealed_value_invalid", "key_unknown", "sealed_format_unknown"] { #expect(!log.contains(word)) }
  }
}
