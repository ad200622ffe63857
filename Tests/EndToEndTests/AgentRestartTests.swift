import AgentCore
import AgentTestKit
import Foundation
import Testing

/// An agent's restart takes its definition anew from the files.
@Suite struct AgentRestartTests {
  private static func agents(instructions: String) -> String {
    "agents:\n  helper: {instructions: \(instructions), tools: [file.list]}\n"
  }

  @Test("restart reads the agent's file again; a file that cannot be read changes nothing")
  func reread() async throws {
    let folder = try TemporaryFolder()
    let service = try await ServiceProcess.serve(in: folder, files: ["agents.yaml": Self.agents(instructions: "old")])
    let path = URL(fileURLWithPath: service.configuration + "/agents.yaml")
    func instructions() async throws -> JSONValue? {
      try await service.send("GET", "/api/agents/helper").json["instructions"]
    }
    #expect(try await instructions() == "old")
    try Data(Self.agents(instructions: "new").utf8).write(to: path)
    #expect(try await instructions() == "old")
    #expect(try await service.send("POST", "/api/agents/helper/restart").status == 200)
    #expect(try await instructions() == "new")
    try Data("agents: [".utf8).write(to: path)
    let refused = try await service.send("POST", "/api/agents/helper/restart")
    #expect(refused.status == 409 && refused.json["code"] == "config_invalid")
    #expect(try await instructions() == "new")
  }
}
