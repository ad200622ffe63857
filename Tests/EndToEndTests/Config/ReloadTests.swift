import AgentCore
import AgentTestKit
import Foundation
import Testing

/// SIGHUP, `agent-system reload` and `POST /api/config/reload` on the real binary.
@Suite(.timeLimit(.minutes(2))) struct ReloadTests {
  private static let agents = """
    agents:
      a: {instructions: x, tools: [file.read]}
      b: {instructions: x, concurrency: 1}

    """
  private static let files = ServiceProcess.scripted([
    ["when": ["prompt": "forever"], "reply": ["delay": "600s", "text": "never"]],
    [
      "when": ["prompt": "write", "turn": 1],
      "reply": ["delay": "1s", "tool_calls": [["name": "file.write", "arguments": ["path": "a", "text": "b"]]]],
    ],
    ServiceProcess.saysDone,
  ]).merging(["agents.yaml": agents, "server.yaml": "workers: 5\n"]) { $1 }

  private static func service(_ environment: [String: String] = [:]) async throws -> ServiceProcess {
    try await ServiceProcess.serve(in: TemporaryFolder(), files: files, environment: environment)
  }

  @Test("SIGHUP puts new agents and the log level in force, and says what waits for a restart", .shows(.reloadSignals))
  func signal() async throws {
    let service = try await Self.service()
    try service.writeConfiguration(
      "agents.yaml", "agents:\n  a: {instructions: x, description: new}\n  c: {instructions: y}\n")
    try service.writeConfiguration("server.yaml", "workers: 6\nlog: {level: debug}\n")
    service.signal(SIGHUP)
    let lines = try await service.logged("reloaded:")
    #expect(lines.count == 1 && lines[0].contains("server.yaml workers") && lines[0].contains(" INFO "), "\(lines)")
    #expect(lines[0].contains("variables are those of the start"), "\(lines)")
    #expect(try await service.send("GET", "/api/agents/a").json["description"] == "new")
    #expect(try await service.send("GET", "/api/agents/c").status == 200)
    let shown = try await service.shownConfiguration()
    #expect(shown["log.level"]?["value"] == "debug" && shown["workers"]?["value"] == 5)
    #expect(shown["workers"]?["pending"]?["value"] == 6, "\(shown["workers"] ?? .null)")
    let id = try await service.create(["agent": "c", "input": "x"])
    #expect(try await service.ended(id)["status"] == "completed")
  }

  @Test("a bad file at SIGHUP is WARN reload_refused, and nothing of the good ones is taken", .shows(.reloadRefused))
  func refused() async throws {
    let service = try await Self.service()
    try service.writeConfiguration("agents.yaml", "agents:\n  a: {instructions: x, description: new}\n")
    try service.writeConfiguration("providers.yaml", "providers:\n  sandbox: {type: sandbox, scirpt: x}\n")
    try service.writeConfiguration("server.yaml", "log: {level: ${NO_SUCH}}\n")
    service.signal(SIGHUP)
    let lines = try await service.logged("reload_refused", times: 2)
    #expect(lines.count == 2 && lines.allSatisfy { $0.contains(" WARNING ") }, "\(lines)")
    #expect(lines.contains { $0.contains("providers.yaml:2") && $0.contains("'script'") }, "\(lines)")
    #expect(lines.contains { $0.contains("config_") && $0.contains("server.yaml:1") }, "\(lines)")
    #expect(try await service.send("GET", "/api/agents/a").json["description"] == "")
    #expect(try await service.send("GET", "/api/agents/b").status == 200)
    let answer = try await service.refused(409, "reload_refused", "POST", "/api/config/reload")
    #expect(answer.json["errors"]?.arrayValue?.count == 2, "\(answer.text)")
    let verb = try await service.verb(["reload"])
    #expect(verb.status == 78 && verb.errors.contains("providers.yaml:2"), "\(verb)")
    let id = try await service.create(["agent": "b", "input": "x"])
    #expect(try await service.ended(id)["status"] == "completed")
  }

  @Test("reload by the command line and the API tells what changed; nothing changed is said too")
  func verbs() async throws {
    let service = try await Self.service()
    let nothing = try await service.verb(["reload"])
    #expect(nothing.status == 0 && nothing.output.contains("nothing has changed"), "\(nothing)")
    try service.writeConfiguration("agents.yaml", "agents:\n  a: {instructions: x, tools: [file.write]}\n")
    try service.writeConfiguration("server.yaml", "workers: 9\n")
    let answer = try await service.send("POST", "/api/config/reload").json
    let changed = (answer["changed"]?.arrayValue ?? []).compactMap(\.stringValue)
    #expect(changed.contains("agents.yaml agents.a.tools") && changed.contains("agents.yaml agents.b.concurrency"))
    #expect(answer["needs_restart"] == ["server.yaml workers"], "\(answer)")
    let again = try await service.verb(["reload"])
    #expect(again.output.contains("nothing has changed; 1 wait for a restart"), "\(again)")
  }

  @Test("a running task keeps the definition that it began with; the next one has the new")
  func pinned() async throws {
    let service = try await Self.service()
    let before = try await service.create(["agent": "a", "input": "write"])
    try await service.running(before)
    try service.writeConfiguration("agents.yaml", "agents:\n  a: {instructions: x, tools: [file.write]}\n")
    #expect(try await service.send("POST", "/api/config/reload").status == 200)
    let after = try await service.create(["agent": "a", "input": "write"])
    _ = try await service.ended(before)
    _ = try await service.ended(after)
    func error(_ id: String) async throws -> JSONValue? {
      try await service.steps(id).first { $0["name"] == "file.write" }?["error"]?["code"]
    }
    #expect(try await error(before) == "tool_forbidden")
    let second = try await error(after) ?? .null
    #expect(second == .null, "\(second)")
  }

  @Test("tasks of an agent that is gone wait as for a disabled one, and go on when it comes back")
  func gone() async throws {
    let service = try await Self.service()
    let running = try await service.create(["agent": "b", "input": "forever"])
    try await service.running(running)
    let waiting = try await service.create(["agent": "b", "input": "x"])
    try service.writeConfiguration("agents.yaml", "agents:\n  a: {instructions: x}\n")
    #expect(try await service.send("POST", "/api/config/reload").status == 200)
    #expect(try await service.task(running)["status"] == "running")
    try await service.refused(422, "agent_unknown", "POST", "/api/tasks", ["agent": "b", "input": "x"])
    let report = try await service.send("GET", "/api/agents/b").json
    #expect(report["status"] == "disabled" && report["last_error"]?["code"] == "agent_unknown", "\(report)")
    _ = try await service.send("DELETE", "/api/tasks/\(running)")
    #expect(try await service.ended(running)["status"] == "cancelled")
    #expect(try await service.send("GET", "/api/tasks/\(waiting)?wait=1s").json["status"] == "pending")
    try service.writeConfiguration("agents.yaml", Self.agents)
    service.signal(SIGHUP)
    #expect(try await service.ended(waiting)["status"] == "completed")
  }

  @Test("the content of a key's file is taken by a reload, the environment by a restart alone")
  func keyFile() async throws {
    let folder = try TemporaryFolder()
    let key = folder.appending("key")
    try Data("sk-first\n".utf8).write(to: URL(fileURLWithPath: key))
    let service = try await ServiceProcess.serve(in: folder, environment: ["OPENAI_API_KEY_FILE": key])
    #expect(try await service.shownConfiguration()["providers.openai.api_key"]?["pending"] == nil)
    try Data("sk-second\n".utf8).write(to: URL(fileURLWithPath: key))
    let shown = try await service.shownConfiguration()["providers.openai.api_key"]
    #expect(shown?["pending"]?["value"] == "[secret]", "\(shown ?? .null)")
    let answer = try await service.send("POST", "/api/config/reload").json
    #expect(answer["changed"] == ["providers.yaml providers.openai.api_key"], "\(answer)")
    try FileManager.default.removeItem(atPath: key)
    try await service.refused(409, "reload_refused", "POST", "/api/config/reload")
    #expect(try !service.logText.contains("sk-"))
  }

  @Test("a file that became a link to nowhere is refused, and what it said stays in force")
  func danglingLink() async throws {
    let service = try await Self.service()
    let path = service.configuration + "/agents.yaml"
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "nowhere.yaml")
    let answer = try await service.refused(409, "reload_refused", "POST", "/api/config/reload")
    #expect(answer.text.contains("is a link that leads nowhere"), "\(answer.text)")
    #expect(try await service.send("GET", "/api/agents/a").status == 200)
    #expect(try await service.send("GET", "/api/agents/coder").status == 404)
  }

  @Test("a value that a variable holds is in no answer and no line of a refused reload")
  func planted() async throws {
    let service = try await Self.service(["MY_KEY": "sk-hush"])
    try service.writeConfiguration("server.yaml", "log: {level: '${MY_KEY}'}\n")
    try service.writeConfiguration("agents.yaml", "agents: {a: {instructions: x, provider: '${MY_KEY}'}}\n")
    let answer = try await service.refused(409, "reload_refused", "POST", "/api/config/reload")
    #expect(answer.json["errors"]?.arrayValue?.count == 2 && answer.text.contains("${MY_KEY}"), "\(answer.text)")
    let check = try await service.verb(["config", "check"])
    #expect(check.status == 78 && check.output.contains("'log.level' is '${MY_KEY}'"), "\(check)")
    try await service.logged("reload_refused: ", times: 2)
    #expect(try !service.logText.contains("hush") && !answer.text.contains("hush") && !check.output.contains("hush"))
  }

  @Test("nobody may reload or read the configuration without the right to")
  func rights() async throws {
    let service = try await Self.service()
    for (method, path) in [("GET", "/api/config"), ("POST", "/api/config/check"), ("POST", "/api/config/reload")] {
      try await service.refused(401, "unauthenticated", method, path, overTCP: true)
    }
  }
}
