import AgentCore
import AgentTestKit
import Foundation
import Testing

/// `config check`, `config show`, `config reference` and `agent show` on the real binary.
@Suite(.timeLimit(.minutes(2))) struct ConfigVerbTests {
  private static let files = [
    "providers.yaml": """
    default: sandbox
    providers:
      sandbox: {type: sandbox}
      local: {type: openai, base_url: "http://u:${PW}@127.0.0.1:1/v1", model: m, headers: {X-A: "${PW}"},
              body: {user: "${PW}", seed: 1}}

    """,
    "agents.yaml": """
    agents:
      a: {instructions: x, tools: [file.read, file.write, http.request], allow_hosts: [example.org]}
      l: {instructions: y, provider: local}

    """,
    "server.yaml": "workspace_roots: [/srv/projects]\n",
  ]

  private static func offline(_ arguments: [String], _ environment: [String: String] = [:]) async throws -> ShellRun {
    try await ShellRun.run(ServiceProcess.binary.path, arguments, environment: environment)
  }

  @Test("the running service is asked, with its own environment, and the answer says so")
  func online() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder(), files: Self.files, environment: ["PW": "hush"])
    let good = try await service.verb(["config", "check"])
    #expect(good.status == 0 && good.output.contains("checked by the running service"), "\(good)")
    let json = try await service.verb(["config", "check", "--json"])
    let answer = try JSONValue(parsing: json.output)
    #expect(answer["ok"] == true && answer["checked_by"] == "service", "\(json)")
    #expect(answer["folder"]?.stringValue == service.configuration)

    try service.writeConfiguration("server.yaml", "wrokers: 3\ndata: ${NONE}\n")
    let bad = try await service.verb(["config", "check"])
    #expect(bad.status == 78 && bad.output.contains("server.yaml:1:1: config_invalid: unknown key 'wrokers'"), "\(bad)")
    #expect(bad.output.contains("'workers'") && bad.output.contains("config_variable_unset"), "\(bad)")
    let shown = try await service.verb(["config", "show"])
    #expect(shown.status == 0 && shown.errors.contains("cannot be taken now"), "\(shown)")
  }

  @Test("every key is shown with value and source, secrets hidden, state marked, running and pending value both")
  func show() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder(), files: Self.files, environment: ["PW": "hush"])
    #expect(try await service.send("POST", "/api/agents/a/disable").status == 200)
    try service.writeConfiguration("server.yaml", "workers: 3\n")
    try service.writeConfiguration(
      "agents.yaml", "agents:\n  a: {instructions: x, concurrency: 9, tools: [file.read]}\n  n: {instructions: z}\n")
    let rows = try await service.shownConfiguration()
    #expect(rows["agents.a.disabled"]?["source"] == "state" && rows["agents.a.disabled"]?["value"] == true)
    #expect(rows["agents.a.concurrency"]?["value"] == 4 && rows["agents.a.concurrency"]?["pending"]?["value"] == 9)
    #expect(rows["agents.a.concurrency"]?["reloadable"] == true && rows["workers"]?["reloadable"] == false)
    #expect(rows["agents.l.provider"]?["pending"]?["value"] == .null)
    #expect(rows["agents.n.instructions"]?["pending"]?["value"] == "z")
    #expect(rows["workers"]?["value"] == 64 && rows["workers"]?["source"] == "default")
    #expect(rows["workspace_roots"]?["value"] == ["/srv/projects"])
    #expect(rows["providers.local.base_url"]?["value"] == "http://[secret]@127.0.0.1:1/v1")
    #expect(rows["providers.local.headers.X-A"]?["value"] == "[secret]")
    #expect(rows["providers.local.body"]?["value"] == ["user": "[secret]", "seed": 1])
    #expect(rows["providers.local.query"]?["value"] == .null && rows["providers.local.query"]?["source"] == "default")
    #expect(rows["providers.local.base_url"]?["from"]?.stringValue?.hasSuffix("providers.yaml:4 (${PW})") == true)
    let table = try await service.verb(["config", "show", "concurrency"])
    // An agent's own restart takes its newest definition.
    #expect(try await service.send("POST", "/api/agents/a/restart").status == 200)
    let restarted = try await service.shownConfiguration()["agents.a.concurrency"]
    #expect(restarted?["value"] == 9 && restarted?["pending"] == nil, "\(restarted ?? .null)")
    #expect(table.output.contains("pending a reload") && !table.output.contains("workers"), "\(table)")
    let all = try await service.verb(["config", "show"])
    #expect(all.output.contains("pending a restart") && all.output.contains("state"), "\(all)")
    let json = try await service.verb(["config", "show", "--json"])
    #expect(!all.output.contains("hush") && !json.output.contains("hush"))
  }

  @Test("without a service the files are read here, with this shell's variables or a file's, and the command says so")
  func offline() async throws {
    let folder = try TemporaryFolder()
    for (name, text) in Self.files { try Data(text.utf8).write(to: URL(fileURLWithPath: folder.appending(name))) }
    let unset = try await Self.offline(["config", "check", "--config", folder.path])
    #expect(unset.status == 78 && unset.output.contains("config_variable_unset"), "\(unset)")
    #expect(unset.errors.contains("read here, not by a service"), "\(unset)")
    let good = try await Self.offline(["config", "check", "--config", folder.path], ["PW": "hush"])
    #expect(good.status == 0 && good.output.contains("checked by this command"), "\(good)")
    let env = folder.appending("service.env")
    try Data("# the unit's\nPW=hush\nLOG_LEVEL=debug\n".utf8).write(to: URL(fileURLWithPath: env))
    let show = ["config", "show", "--config", folder.path, "--env-file", env]
    let shown = try await Self.offline(show, ["LOG_LEVEL": "error"])
    #expect(shown.status == 0 && shown.errors.contains("the variables of \(env)"), "\(shown)")
    #expect(!shown.output.contains("hush"))
    let rows = try JSONValue(parsing: try await Self.offline(show + ["--json"]).output)
    #expect(rows["read_by"] == "here")
    let level = rows["data"]?.arrayValue?.first { $0["key"] == "log.level" }
    #expect(level?["value"] == "debug" && level?["source"] == "environment")
    try Data("PW hush\nLOG_LEVEL=loud\n".utf8).write(to: URL(fileURLWithPath: env))
    let both = try await Self.offline(["config", "check", "--config", folder.path, "--env-file", env])
    #expect(both.status == 78 && both.output.contains("service.env:1:1: config_invalid"), "\(both)")
    #expect(both.output.contains("LOG_LEVEL: config_invalid") && both.output.contains("variable PW is not set"))
    let bad = try await Self.offline(["config", "show", "--config", folder.path])
    #expect(bad.status == 78 && bad.errors.contains("config_variable_unset"), "\(bad)")
  }

  @Test("a server that is named and does not answer is no reason to read something else")
  func named() async throws {
    let folder = try TemporaryFolder()
    let run = try await Self.offline(["config", "check", "--server", "unix:" + folder.appending("nobody.sock")])
    #expect(run.status == 69, "\(run)")
  }

  @Test("the reference is the page in docs")
  func reference() async throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let page = try String(contentsOf: root.appendingPathComponent("docs/CONFIGURATION.md"), encoding: .utf8)
    #expect(try await Self.offline(["config", "reference"]).output == page)
  }

  @Test("the shipped files and the shipped environment are taken as they are")
  func shipped() async throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let etc = root.appendingPathComponent("etc").path
    let run = try await Self.offline(["config", "check", "--config", etc, "--env-file", etc + "/agent-system.env"])
    #expect(run.status == 0 && !run.output.contains("warning"), "\(run)")
  }

  @Test("agent show says what the agent may reach: provider, model, tools with effects, hosts, folders")
  func reach() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder(), files: Self.files, environment: ["PW": "hush"])
    let reach = try await service.send("GET", "/api/agents/a").json["reach"]
    #expect(reach?["provider"] == "sandbox" && reach?["hosts"] == ["example.org"], "\(reach ?? .null)")
    #expect(reach?["roots"] == ["/srv/projects"])
    #expect(
      reach?["tools"] == [
        ["name": "file.read", "effects": ["pure"]], ["name": "file.write", "effects": ["idempotent"]],
        ["name": "http.request", "effects": ["pure", "idempotent", "once"]],
      ])
    let page = try await service.verb(["agent", "show", "a"])
    #expect(page.status == 0 && page.output.contains("file.write (idempotent)"), "\(page)")
    #expect(page.output.contains("folders below /srv/projects") && page.output.contains("example.org"), "\(page)")
    let local = try await service.verb(["agent", "show", "l"])
    #expect(local.output.contains("local") && local.output.contains("no host"), "\(local)")
  }
}
