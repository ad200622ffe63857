import AgentCore
import AgentRuntime
import AgentTestKit
import Testing

@Suite(.timeLimit(.minutes(4))) struct RefusedSubmitTests {
  @Test("a task that the store refuses before it writes leaves no workspace, with files or without")
  func refused() async throws {
    let folder = try TemporaryFolder()
    let rig = try await EngineRig(
      in: folder, agents: [AgentDefinition(id: "a", instructions: "x", tools: [])], script: .turns([]))
    _ = try await rig.submit("a")
    let before = try await rig.workspaces.existing()
    #expect(before.count == 1)
    // Closed: each write is refused, and none of them is begun.
    await rig.file.close()
    for files in [[], [WorkspaceUpload(path: "a/b.txt", bytes: [1, 2, 3])]] {
      let error = await #expect(throws: ServiceError.self) { try await rig.submit("a") { $0.files = files } }
      #expect(error?.code == "shutting_down")
    }
    #expect(try await rig.workspaces.existing() == before)
  }
}
