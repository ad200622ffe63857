import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The operations manual's lines and scripts, exactly as printed, against the sandbox: only the port is ours.
@Suite struct ManualTests {
  @Test("health_check.sh as printed finds everything well")
  func healthCheck() async throws {
    let service = try await ServiceProcess.sandbox(in: TemporaryFolder())
    let run = try await Self.script("health_check.sh", at: service)
    #expect(run.output.contains("=== 结果: 3 成功, 0 失败 ==="), "\(run.output)")
  }

  @Test("health_check.sh tells that nobody answers")
  func healthCheckDown() async throws {
    let service = try await ServiceProcess.sandbox(in: TemporaryFolder())
    let address = try await service.address()
    await service.killed()
    let run = try await ShellRun.bash(Self.text("health_check.sh", address: address))
    #expect(run.output.contains("=== 结果: 0 成功, 3 失败 ==="), "\(run.output)")
  }

  @Test("diagnose.sh as printed says OK on each line", arguments: [false, true])
  func diagnose(isServe: Bool) async throws {
    let folder = try TemporaryFolder()
    let service = isServe ? try await ServiceProcess.serve(in: folder) : try await ServiceProcess.sandbox(in: folder)
    let run = try await Self.script("diagnose.sh", at: service)
    for name in ["API", "Database", "Redis", "Agents"] {
      let line = run.output.split(separator: "\n").first { $0.hasPrefix(name + ": ") }
      #expect(line?.hasSuffix(" OK") == true, "\(name): \(run.output)")
    }
    #expect(!run.output.contains("FAIL"))
  }

  @Test("the curl lines of sections 4 and 5 work as printed, one after the other")
  func curlLines() async throws {
    let folder = try TemporaryFolder()
    let service = try await ServiceProcess.sandbox(in: folder)
    // Nobody starts it, so it is pending when the line asks.
    _ = try await service.send("POST", "/api/agents/writer/disable", overTCP: true)
    let created = try await service.send(
      "POST", "/api/tasks", ["agent": "writer", "input": "Summarise notes.md"], overTCP: true)
    let id = try #require(created.json["id"]?.stringValue)
    var printed = try Self.lines("section-5.sh") + Self.lines("section-4.sh")
    #expect(printed.count == 10)

    func run(_ marker: String) async throws -> (status: String, json: JSONValue) {
      let index = try #require(printed.firstIndex { $0.contains(marker) }, "\(marker)")
      let line = try await Self.filled(printed.remove(at: index), service, task: id)
      // curl tells the status as well, by its own configuration file: the line stays as printed.
      try Data("write-out = \"\\n%{http_code}\"\n".utf8).write(to: URL(fileURLWithPath: folder.appending(".curlrc")))
      let run = try await ShellRun.bash(line, environment: ["HOME": folder.path])
      #expect(run.status == 0, "\(line): \(run.errors)")
      let (body, status) = try #require(
        run.output.lastIndex(of: "\n").map { end in
          (run.output[..<end], run.output[end...].dropFirst())
        })
      return (String(status), (try? JSONValue(parsing: String(body))) ?? .null)
    }

    var answer = try await run("tasks?status=pending")
    #expect(answer.status == "200" && answer.json["data"]?.arrayValue?.map { $0["id"] } == [.string(id)])
    answer = try await run("retry")
    #expect(answer.status == "409" && answer.json["code"] == "task_not_retryable")
    answer = try await run("DELETE")
    #expect(answer.status == "200" && answer.json["status"] == "cancelled")
    answer = try await run("tasks/{task_id}")
    #expect(answer.status == "200" && answer.json["id"] == .string(id) && answer.json["status"] == "cancelled")
    answer = try await run("agents/status")
    #expect(answer.json["status"] == "running" && answer.json["agents"]?.arrayValue?.count == 3)
    answer = try await run("disable")
    #expect(answer.status == "200" && answer.json["status"] == "disabled")
    answer = try await run("enable")
    #expect(answer.status == "200" && answer.json["status"] == "running")
    answer = try await run("coder/restart")
    #expect(answer.status == "200" && answer.json["name"] == "coder")
    answer = try await run("clear-cache")
    #expect(answer.status == "200" && answer.json["dropped"]?.objectValue != nil)
    answer = try await run("cleanup?days=30")
    #expect(answer.status == "200" && answer.json["deleted_tasks"] == 0)
    #expect(printed == [])
  }

  @Test("the retry line as printed runs a cancelled task again")
  func retryLine() async throws {
    let service = try await ServiceProcess.sandbox(in: TemporaryFolder())
    _ = try await service.send("POST", "/api/agents/writer/disable", overTCP: true)
    let created = try await service.send("POST", "/api/tasks", ["agent": "writer", "input": "Hello"], overTCP: true)
    let id = try #require(created.json["id"]?.stringValue)
    _ = try await service.send("DELETE", "/api/tasks/\(id)", overTCP: true)
    _ = try await service.send("POST", "/api/agents/writer/enable", overTCP: true)
    let line = try #require(try Self.lines("section-5.sh").first { $0.contains("retry") })
    let run = try await ShellRun.bash(try await Self.filled(line, service, task: id))
    #expect(try JSONValue(parsing: run.output)["attempt"] == 2)
    #expect(try await service.ended(id, overTCP: true)["status"] == "completed")
  }

  @Test("the log's greps of section 4 find errors' level, tasks and agents by name")
  func greps() async throws {
    let folder = try TemporaryFolder()
    let service = try await ServiceProcess.serve(
      in: folder,
      files: ServiceProcess.scripted([
        ["when": ["prompt": "fail"], "reply": ["error": ["code": "provider_rejected"]]], ServiceProcess.saysDone,
      ]))
    let id = try await service.create(["agent": "coder", "input": "Say hello"])
    _ = try await service.ended(id)
    let failed = try await service.create(["agent": "coder", "input": "fail"])
    _ = try await service.ended(failed)
    // Moves that no worker and no caller makes leave their lines too.
    for verb in ["disable", "enable", "restart"] { _ = try await service.send("POST", "/api/agents/writer/\(verb)") }
    _ = try await service.send("DELETE", "/api/tasks/\(id)?purge=true")
    let log = folder.appending("log/app.log")
    let text = try String(contentsOfFile: log, encoding: .utf8)
    for pattern in [id, "coder", "ERROR"] {
      let run = try await ShellRun.bash("grep \"\(pattern)\" \(log)")
      #expect(run.status == 0, "\(pattern): \(text)")
    }
    let errors = text.split(separator: "\n").filter { $0.contains(" ERROR ") }
    #expect(errors.count == 1 && errors.first?.contains("task.failed task=\(failed) agent=coder") == true, "\(text)")
    for line in ["agent.disabled agent=writer", "agent.enabled agent=writer", "agent.restarted agent=writer"] {
      #expect(text.contains(line), "\(line): \(text)")
    }
    #expect(text.contains("task.purged task=\(id) agent=coder"), "\(text)")
  }

  // MARK: - The printed texts

  private static func file(_ name: String) throws -> String {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Manual")
    return try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
  }

  private static func lines(_ name: String) throws -> [String] {
    try file(name).split(separator: "\n").map(String.init).filter { $0.hasPrefix("curl ") }
  }

  private static func text(_ name: String, address: String) throws -> String {
    let port = try #require(address.split(separator: ":").last)
    return try file(name).replacing("localhost:8080", with: "localhost:\(port)")
  }

  private static func script(_ name: String, at service: ServiceProcess) async throws -> ShellRun {
    try await ShellRun.bash(text(name, address: service.address()))
  }

  private static func filled(_ line: String, _ service: ServiceProcess, task: String) async throws -> String {
    let port = try #require(try await service.address().split(separator: ":").last)
    return line.replacing("localhost:8080", with: "localhost:\(port)").replacing("{task_id}", with: task)
      .replacing("{agent_id}", with: "coder")
  }
}
