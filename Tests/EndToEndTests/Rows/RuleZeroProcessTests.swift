import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Rule zero on the running binary: closing any descriptor of the database or its `-shm` drops all of the process's
/// POSIX locks on it. What closing costs is shown in AgentPersistenceTests; here nobody closes one.
@Suite struct RuleZeroProcessTests {
  @Test(
    "at work, in checkpoints, cleanup and health checks alike, no descriptor of agent.db or -shm is ever closed",
    .enabled(if: InjectedFault.isPossible, "\(InjectedFault.whyNot)"))
  func nothingIsClosed() async throws {
    let folder = try TemporaryFolder()
    let service = try await ServiceProcess.serve(
      in: folder,
      files: ServiceProcess.scripted([
        ServiceProcess.calling("write", [("file.write", ["path": "a.txt", "text": "x"])]),
        ["when": ["prompt": "forever"], "reply": ["delay": "600s", "text": "never"]], ServiceProcess.saysDone,
      ]))
    let (log, database) = (folder.appending("closed"), service.data + "/agent.db")
    let watch = try await InjectedFault(
      service, "close,pread64,pwrite64", nil, paths: [database, database + "-shm"], log: log)
    let busy = try await service.create(["agent": "coder", "input": "forever"])
    try await service.running(busy)
    // Enough to write for a checkpoint.
    let long: JSONValue = .string("write " + String(repeating: "x", count: 1_000_000))
    for _ in 0..<20 { _ = try await service.ended(service.create(["agent": "coder", "input": long])) }
    for path in ["/health", "/health/db", "/api/agents/status", "/api/tasks", "/api/tasks/\(busy)/steps"] {
      #expect(try await service.send("GET", path).status == 200, "\(path)")
    }
    #expect(try await service.send("POST", "/api/agents/coder/restart").status == 200)
    #expect(try await service.send("DELETE", "/api/tasks/\(busy)").status < 300)
    #expect(try await service.ended(busy)["status"] == "cancelled")
    #expect(try await service.send("POST", "/api/maintenance/cleanup?days=0").json["deleted_tasks"] == 21)
    // Only a checkpoint writes the database itself: until one has come.
    func seen() -> [String] {
      let text = FileManager.default.contents(atPath: log) ?? Data()
      return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    }
    _ = try await service.asking("GET", "/livez") { _ in seen().contains { $0.contains("pwrite64") } }
    await watch.end()
    #expect(seen().contains { $0.contains("pwrite64") }, "the watch has seen no checkpoint")
    #expect(seen().filter { $0.contains("close(") } == [])
    await service.killed()
  }
}
