import AgentCore
import AgentTestKit
import Testing

/// A disabled agent whose name leaves the files.
@Suite(.timeLimit(.minutes(1))) struct GoneAgentTests {
  private static let both = "agents:\n  a: {instructions: x}\n  b: {instructions: x}\n"
  private static let one = "agents:\n  a: {instructions: x}\n"

  @Test("that it was disabled is forgotten by a reload as by a start, with one WARN", arguments: [true, false])
  func forgotten(byReload: Bool) async throws {
    let folder = try TemporaryFolder()
    var service = try await ServiceProcess.serve(in: folder, files: ["agents.yaml": Self.both])
    for name in ["a", "b"] {
      #expect(try await service.send("POST", "/api/agents/\(name)/disable").json["status"] == "disabled")
    }
    for (text, status) in [(Self.one, 404), (Self.both, 200)] {
      try service.writeConfiguration("agents.yaml", text)
      if byReload {
        #expect(try await service.send("POST", "/api/config/reload").status == 200)
      } else {
        await service.killed()
        service = try await ServiceProcess.serve(in: folder)
      }
      #expect(try await service.send("GET", "/api/agents/b").status == status)
    }
    #expect(try await service.send("GET", "/api/agents/b").json["status"] == "running")
    #expect(try await service.send("GET", "/api/agents/a").json["status"] == "disabled")
    let lines = try await service.logged("agent_unknown")
    #expect(lines.count == 1 && lines[0].contains("WARN") && lines[0].contains("agent=b"), "\(lines)")
  }
}
