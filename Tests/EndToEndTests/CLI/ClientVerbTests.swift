import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The client's verbs against the real service.
@Suite struct ClientVerbTests {
  private static func cli(
    _ service: ServiceProcess, _ arguments: [String], input: String? = nil, overTCP: Bool = false
  ) async throws -> ShellRun {
    let server = overTCP ? try await service.address() : "unix:" + service.socket
    return try await ShellRun.run(
      ServiceProcess.binary.path, arguments + ["--server", server], environment: ["HOME": service.folder.path],
      input: input)
  }

  private static func service() async throws -> ServiceProcess {
    try await ServiceProcess.serve(
      in: TemporaryFolder(),
      files: ServiceProcess.scripted([
        ["when": ["prompt": "fail"], "reply": ["error": ["code": "provider_rejected"]]],
        ServiceProcess.calling("write", [("file.write", ["path": "a.txt", "text": "written"])]),
        ServiceProcess.saysDone,
      ]))
  }

  @Test("run exits 0 when the task completed and 1 when it failed, from an argument, a pipe, detached and as JSON")
  func run() async throws {
    let service = try await Self.service()
    let plain = try await Self.cli(service, ["run", "write it"])
    #expect(plain.status == 0 && plain.output.contains("task-1"), "\(plain)")
    let piped = try await Self.cli(service, ["run", "-"], input: "say hello\n")
    #expect(piped.status == 0, "\(piped)")
    #expect(try await service.task("task-2")["input"] == "say hello")
    let failed = try await Self.cli(service, ["run", "fail now"])
    #expect(failed.status == 1, "\(failed)")
    let json = try await Self.cli(service, ["run", "write it", "--json"])
    let lines = try json.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    #expect(json.status == 0 && lines.last?["id"] == "task-4" && lines.last?["status"] == "completed", "\(json)")
    #expect(lines.dropLast().allSatisfy { $0["event"] != nil && $0["data"] != nil })
    let detached = try await Self.cli(service, ["run", "write it", "--detach"])
    #expect(detached.status == 0 && detached.output == "task-5\n", "\(detached)")
    _ = try await service.ended("task-5")
  }

  @Test("what cannot be done tells so by its exit code")
  func exitCodes() async throws {
    let service = try await Self.service()
    #expect(try await Self.cli(service, ["task", "show", "task-9"]).status == 1)
    #expect(try await Self.cli(service, ["task", "list", "--nonsense"]).status == 64)
    #expect(try await Self.cli(service, ["run", "x", "--priority", "10"]).status == 64)
    #expect(try await Self.cli(service, ["task", "list"], overTCP: true).status == 77)
    let nobody = ["task", "list", "--server", "unix:" + service.folder.appending("nobody.sock")]
    #expect(try await ShellRun.run(ServiceProcess.binary.path, nobody).status == 69)
    let odd = try await ShellRun.run(
      ServiceProcess.binary.path, ["task", "list"], environment: ["AGENT_SYSTEM_SERVER": "ftp://x"])
    #expect(odd.status == 78, "\(odd)")
  }

  @Test("task and agent verbs and cleanup do over the socket what their names say")
  func verbs() async throws {
    let service = try await Self.service()
    _ = try await Self.cli(service, ["run", "write it"])
    for (arguments, word) in [
      (["task", "list"], "task-1"), (["task", "show", "1"], "completed"), (["task", "steps", "task-1"], "file.write"),
      (["task", "events", "task-1"], "task.completed"), (["task", "logs", "task-1"], "done"),
      (["task", "files", "task-1"], "a.txt"), (["task", "files", "task-1", "a.txt"], "written"),
      (["agent", "list"], "coder"), (["agent", "show", "coder"], "coder"), (["agent", "disable", "coder"], "disabled"),
    ] {
      let run = try await Self.cli(service, arguments)
      #expect(run.status == 0 && run.output.contains(word), "\(arguments): \(run)")
    }
    #expect(try await Self.cli(service, ["run", "again", "--detach"]).status == 0)
    #expect(try await Self.cli(service, ["task", "cancel", "task-2"]).status == 0)
    #expect(try await service.task("task-2")["status"] == "cancelled")
    #expect(try await Self.cli(service, ["task", "retry", "task-2"]).status == 0)
    #expect(try await Self.cli(service, ["agent", "enable", "coder"]).output.contains("running"))
    #expect(try await service.ended("task-2")["status"] == "completed")
    #expect(try await Self.cli(service, ["task", "cancel", "task-2"]).status == 1)
    #expect(try await Self.cli(service, ["agent", "restart", "coder"]).status == 0)
    let dry = try await Self.cli(service, ["cleanup", "--days", "0", "--dry-run", "--json"])
    #expect(try JSONValue(parsing: dry.output)["deleted_tasks"] == 2, "\(dry)")
    #expect(try await Self.cli(service, ["cleanup", "--days", "0"]).status == 0)
    #expect(try await service.listed() == [])
  }

  @Test("with --json what went wrong is one JSON object on standard error, whatever it was")
  func jsonErrors() async throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.appending("empty"), withIntermediateDirectories: true)
    let server = try LoopbackServer { connection, _ in
      guard connection.readRequest() != nil else { return }
      connection.write(answer(body: "<html>no JSON</html>"))
    }
    defer { server.stop() }
    let list = ["task", "list", "--json"]
    let cases: [(arguments: [String], variable: String?, status: Int32, code: String)] = [
      (list + ["--server", "unix:" + folder.appending("nobody.sock")], nil, 69, "unreachable"),
      (list, "ftp://x", 78, "configuration"), (list + ["--server", server.url("")], nil, 1, "bad_answer"),
      (["accept-loss", "--json", "--data", folder.appending("nothing")], nil, 64, "usage"),
    ]
    for (arguments, variable, status, code) in cases {
      let environment = variable.map { ["AGENT_SYSTEM_SERVER": $0] } ?? [:]
      let run = try await ShellRun.run(ServiceProcess.binary.path, arguments, environment: environment)
      #expect(run.status == status && run.output.isEmpty, "\(arguments): \(run)")
      let lines = run.errors.split(separator: "\n")
      let object = try JSONValue(parsing: String(lines.first ?? ""))
      #expect(lines.count == 1 && object["code"]?.stringValue == code, "\(arguments): \(run)")
      #expect(object["detail"]?.stringValue?.isEmpty == false)
    }
  }
}
