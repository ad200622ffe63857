import AgentCore
import AgentTestKit
import Foundation
import Testing

/// A binary that dies in a write whose path has a sealed value in it.
@Suite(.timeLimit(.minutes(2))) struct SealedPathKillTests {
  private static let secret = "planted-path-secret"

  @Test(
    "a write to such a path that kill -9 cut is finished by the next start",
    arguments: [FaultPoint.Moment.afterCommit, .afterEffect])
  func killed(moment: FaultPoint.Moment) async throws {
    let folder = try TemporaryFolder()
    let path = "\(Self.secret)/out.txt"
    let files = ServiceProcess.scripted(
      [
        ServiceProcess.calling("go", [("file.write", ["path": .string(path), "text": "whole"])]),
        ServiceProcess.saysDone,
      ], agents: ["writer": ["instructions": "write", "tools": ["file.write"]]])
    let fault = folder.appending("fault")
    let first = try await ServiceProcess.serve(
      in: folder, files: files, environment: ["AGENT_SYSTEM_FAULT_FILE": fault])
    try Data("\(FaultPoint(.idempotent, moment))".utf8).write(to: URL(fileURLWithPath: fault), options: .atomic)
    let id = try await first.create([
      "agent": "writer", "input": ["prompt": "go", "token": .string(Self.secret)], "max_attempts": 1,
    ])
    #expect(await first.exit() == -SIGKILL)
    let second = try await ServiceProcess.serve(in: folder)
    let task = try await second.ended(id)
    #expect(task["status"] == "completed", "\(task.text)")
    let step = try #require(try await second.steps(id).first { $0["kind"] == "tool_call" })
    #expect(step["status"] == "finished" && step["error"] == .null, "\(step.text)")
    #expect(!step.text.contains(Self.secret))
    let written = try String(contentsOfFile: folder.appending("data/workspaces/\(id)/\(path)"), encoding: .utf8)
    #expect(written == "whole")
    await second.killed()
  }
}
