import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Every verb of the command line against the real service, over its unix socket and over HTTP alike.
@Suite struct BothTransportsTests {
  /// A service whose `address` lets the client do everything: a socket of `serve`, or the loopback of `sandbox`.
  private struct Rig {
    let service: ServiceProcess
    let server: String
    let project: String

    /// `project`: a folder that tasks may be given.
    init(overTCP: Bool) async throws {
      let folder = try TemporaryFolder()
      project = folder.appending("roots/project")
      try FileManager.default.createDirectory(atPath: project, withIntermediateDirectories: true)
      try Data("# Title\n\nSome words.\n".utf8).write(to: URL(fileURLWithPath: project + "/README.md"))
      if overTCP {
        service = try await ServiceProcess.sandbox(in: folder, arguments: ["--root", folder.appending("roots")])
        server = try await service.address()
      } else {
        service = try await ServiceProcess.serve(
          in: folder, files: ["server.yaml": "workspace_roots: [\(folder.appending("roots"))]\n"])
        server = "unix:" + service.socket
      }
    }

    func cli(_ arguments: [String]) async throws -> ShellRun {
      try await ShellRun.run(
        ServiceProcess.binary.path, arguments, environment: ["AGENT_SYSTEM_SERVER": server])
    }

    /// Runs it with that exit code and gives what it printed, standard error for a failure.
    @discardableResult
    func told(
      _ status: Int32, _ arguments: [String], _ words: String = "", location: SourceLocation = #_sourceLocation
    ) async throws -> String {
      let run = try await cli(arguments)
      let text = status == 0 ? run.output : run.errors
      #expect(
        run.status == status && (words.isEmpty || text.contains(words)), "\(arguments) over \(server): \(run)",
        sourceLocation: location)
      return text
    }

    /// The same with `--json`: each line that it prints as JSON.
    @discardableResult
    func json(
      _ status: Int32, _ arguments: [String], location: SourceLocation = #_sourceLocation
    ) async throws -> [JSONValue] {
      let text = try await told(status, arguments + ["--json"], location: location)
      return try text.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    }
  }

  @Test("run: followed, detached, as JSON, by another agent, in a folder", arguments: [false, true])
  func run(overTCP: Bool) async throws {
    let rig = try await Rig(overTCP: overTCP)
    try await rig.told(0, ["run", "Say hello"], "task-1")
    #expect(try await rig.told(0, ["run", "Say hello", "--detach"]) == "task-2\n")
    #expect(try await rig.json(0, ["run", "Say hello", "--detach"]).map { $0["id"] } == ["task-3"])
    let lines = try await rig.json(0, ["run", "Say hello", "--agent", "writer"])
    #expect(lines.last?["id"] == "task-4" && lines.last?["status"] == "completed" && lines.last?["agent"] == "writer")
    #expect(lines.count > 3 && lines.dropLast().allSatisfy { $0["event"] != nil && $0["data"] != nil })
    try await rig.told(0, ["run", "Say hello", "--folder", rig.project])
    #expect(try await rig.json(0, ["task", "show", "task-5"]).first?["folder"] == .string(rig.project))
    try await rig.told(1, ["run", "Say hello", "--folder", "/etc"], "folder_not_allowed")
    try await rig.told(1, ["run", "Say hello", "--agent", "nobody"], "agent_unknown")
    #expect(try await rig.json(1, ["run", "x", "--agent", "nobody"]).map { $0["code"] } == ["agent_unknown"])
  }

  @Test("the verbs of a task", arguments: [false, true])
  func taskVerbs(overTCP: Bool) async throws {
    let rig = try await Rig(overTCP: overTCP)
    try await rig.told(0, ["run", "Summarize README.md into SUMMARY.md", "--folder", rig.project])
    for (verb, words) in [
      ("show", "completed"), ("steps", "file.read"), ("events", "task.completed"), ("logs", "file.read"),
      ("files", "README.md"),
    ] {
      try await rig.told(0, ["task", verb, "task-1"], words)
      let lines = try await rig.json(0, ["task", verb, "1"])
      #expect(!lines.isEmpty && lines.allSatisfy { $0.objectValue != nil }, "\(verb)")
    }
    #expect(try await rig.told(0, ["task", "files", "task-1", "README.md"]) == "# Title\n\nSome words.\n")
    try await rig.told(0, ["task", "list"], "task-1")
    #expect(try await rig.json(0, ["task", "list", "--status", "completed"]).first?["data"]?.arrayValue?.count == 1)
    for verb in ["show", "steps", "events", "logs", "files", "cancel", "retry", "resume"] {
      try await rig.told(1, ["task", verb, "task-9"], "not_found")
    }
    try await rig.told(1, ["task", "cancel", "task-1"], "task_finished")
    try await rig.told(1, ["task", "retry", "task-1"], "task_not_retryable")
    // Nothing waits for `restored` here: told as what it is, in words and for programs.
    try await rig.told(1, ["task", "resume", "task-1"], "task_not_waiting")
    let refusal = try await rig.json(1, ["task", "resume", "task-1"])
    #expect(refusal.map { $0["code"] } == ["task_not_waiting"] && refusal.first?["status"] == 409)
    try await rig.told(0, ["agent", "disable", "coder"], "disabled")
    try await rig.told(0, ["run", "Say hello", "--detach"], "task-2")
    try await rig.told(1, ["task", "resume", "task-2"], "task_not_waiting")
    try await rig.told(0, ["task", "cancel", "task-2"], "cancelled")
    #expect(try await rig.json(0, ["task", "retry", "task-2"]).first?["status"] == "pending")
    #expect(try await rig.json(0, ["task", "cancel", "task-2"]).first?["status"] == "cancelled")
    try await rig.told(0, ["task", "retry", "task-2"], "pending")
  }

  @Test("the verbs of an agent, cleanup and version", arguments: [false, true])
  func otherVerbs(overTCP: Bool) async throws {
    let rig = try await Rig(overTCP: overTCP)
    try await rig.told(0, ["run", "Say hello"])
    try await rig.told(0, ["agent", "list"], "researcher")
    #expect(try await rig.json(0, ["agent", "list"]).first?["data"]?.arrayValue?.count == 3)
    for (verb, status) in [
      ("show", "running"), ("disable", "disabled"), ("show", "disabled"), ("restart", "disabled"),
      ("enable", "running"), ("restart", "running"),
    ] {
      try await rig.told(0, ["agent", verb, "coder"], status)
      #expect(try await rig.json(0, ["agent", verb, "coder"]).first?["status"] == .string(status), "\(verb)")
      try await rig.told(1, ["agent", verb, "nobody"], "not_found")
    }
    #expect(try await rig.json(0, ["cleanup", "--days", "0", "--dry-run"]).first?["deleted_tasks"] == 1)
    try await rig.told(0, ["cleanup", "--days", "0"], "1")
    #expect(try await rig.service.send("GET", "/api/tasks", overTCP: overTCP).json["data"] == [])
    try await rig.told(0, ["version"], "agent-system ")
    #expect(try await rig.json(0, ["version"]).first?["name"] == "agent-system")
  }

  @Test("exit codes 64, 69 and 78 have their reason on standard error, with --json as one object")
  func exitCodes() async throws {
    let nobody = try LoopbackServer { _ in answer() }
    let (closed, folder) = (nobody.url(""), try TemporaryFolder())
    nobody.stop()
    for (arguments, status, code) in [
      (["task", "list", "--limit", "0"], 64, "usage"), (["task", "show", "task-01"], 64, "usage"),
      (["nonsense"], 64, "usage"), (["run", "", "--server", closed], 64, "usage"),
      (["serve", "--nonsense"], 64, "usage"),
      (["accept-loss", "--data", folder.appending("none")], 64, "usage"),
      (["task", "list", "--server", closed], 69, "unreachable"),
      (["agent", "list", "--server", "unix:" + folder.appending("none.sock")], 69, "unreachable"),
      (["task", "list"], 78, "configuration"),
    ] as [([String], Int32, String)] {
      for line in [arguments, arguments + ["--json"]] {
        let run = try await ShellRun.run(
          ServiceProcess.binary.path, line, environment: ["AGENT_SYSTEM_SERVER": "ftp://x"])
        #expect(run.status == status && run.output.isEmpty && !run.errors.isEmpty, "\(line): \(run)")
        guard line.last == "--json" else { continue }
        let json = try? JSONValue(parsing: run.errors.trimmingCharacters(in: .newlines))
        #expect(json?["code"] == .string(code) && json?["detail"]?.stringValue != nil, "\(line): \(run)")
      }
    }
  }

  @Test(
    "resolve settles a real step in doubt: finished with its output, retry, fail",
    arguments: ["finished", "retry", "fail"])
  func resolve(action: String) async throws {
    // Takes the request and hangs up without a word: nobody knows whether it counted. Answers from the second on.
    let shop = try LoopbackServer { connection, index in
      guard connection.readRequest() != nil else { return }
      if index > 0 { connection.write(answer(body: "taken")) }
    }
    defer { shop.stop() }
    let post: JSONValue = ["method": "POST", "url": .string(shop.url("/pay")), "body": "1"]
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(),
      files: ServiceProcess.scripted(
        [ServiceProcess.calling("go", [("http.request", post)]), ServiceProcess.saysDone],
        agents: [
          "caller": [
            "instructions": "Do what the script says.", "tools": ["http.request"],
            "allow_hosts": [.string("127.0.0.1:\(shop.port)")],
          ]
        ]))
    func cli(_ arguments: [String]) async throws -> ShellRun {
      try await ShellRun.run(ServiceProcess.binary.path, arguments + ["--server", "unix:" + service.socket])
    }
    #expect(try await cli(["run", "go", "--agent", "caller", "--detach"]).output == "task-1\n")
    var events = try await service.events("/api/tasks/task-1/events")
    while let event = try await events.next(), event.name != "task.waiting" {}
    #expect(try await cli(["task", "steps", "task-1"]).output.contains("in_doubt"))
    let early = try await cli(["task", "retry", "task-1"])
    #expect(early.status == 1, "\(early)")
    #expect(try await cli(["task", "resolve", "task-1", "1", "--action", "retry"]).status == 1)
    let output = action == "finished" ? ["--output", "paid by hand"] : []
    let resolved = try await cli(["task", "resolve", "task-1", "2", "--action", action] + output)
    #expect(resolved.status == 0 && resolved.output.hasPrefix("task-1 "), "\(resolved)")
    #expect(try await service.ended("task-1")["status"] == (action == "fail" ? "failed" : "completed"))
    #expect(shop.requests.count == (action == "retry" ? 2 : 1))
    let step = try await service.steps("task-1").first { $0["step"] == 2 }
    switch action {
    case "finished": #expect(step?["status"] == "finished" && step?["output"]?.text.contains("paid by hand") == true)
    case "retry": #expect(step?["status"] == "finished" && step?["output"]?.text.contains("taken") == true)
    default: #expect(step?["status"] == "failed")
    }
    #expect(try await cli(["task", "resolve", "task-1", "2", "--action", "fail"]).status == 1)
  }
}
