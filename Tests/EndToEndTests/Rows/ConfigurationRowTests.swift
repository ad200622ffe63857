import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The fault table's rows about configuration and its signals, on the real binary.
@Suite struct ConfigurationRowTests {
  /// Starts on that file and expects 78 with each of these words, before anything is made.
  private static func refused(
    _ file: String, _ text: String, environment: [String: String] = [:], _ words: [String],
    location: SourceLocation = #_sourceLocation
  ) async throws {
    let folder = try TemporaryFolder()
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder.appending(file)))
    let run = try await ShellRun.run(
      ServiceProcess.binary.path,
      [
        "serve", "--config", folder.path, "--data", folder.appending("data"), "--log-dir", folder.appending("log"),
        "--listen", "127.0.0.1:0", "--socket", folder.appending("api.sock"),
      ], environment: environment)
    #expect(run.status == 78 && run.output.isEmpty, "\(text): \(run)", sourceLocation: location)
    for word in words { #expect(run.errors.contains(word), "\(word): \(run.errors)", sourceLocation: location) }
    #expect(!run.errors.contains("sk-secret"), "\(run.errors)", sourceLocation: location)
    #expect(!FileManager.default.fileExists(atPath: folder.appending("data")), sourceLocation: location)
  }

  @Test(
    "unknown or duplicate key, type, value, alias bomb: 78 `config_invalid` with file, line and the nearest right key",
    .shows(.configInvalid))
  func invalid() async throws {
    let provider = "providers:\n  local:\n    type: openai\n    base_url: http://127.0.0.1:1/v1\n    model: m\n"
    let cases: [(file: String, text: String, words: [String])] = [
      ("providers.yaml", provider + "    modle: m\n", ["providers.yaml:6", "'model'"]),
      ("providers.yaml", provider + "    model: n\n", ["providers.yaml:6"]),
      ("providers.yaml", provider + "    retries: three\n", ["providers.yaml:6", "retries"]),
      ("providers.yaml", provider + "    retries: -1\n", ["providers.yaml:6", "retries"]),
      ("providers.yaml", provider + "    timeouts: {idle: soon}\n", ["providers.yaml:6", "idle"]),
      ("providers.yaml", provider + "    base_url: ftp://x\n", ["providers.yaml:6"]),
      ("providers.yaml", "default: nobody\n" + provider, ["providers.yaml:1", "nobody"]),
      ("agents.yaml", "agents:\n  a: {instructions: x, limits: {step: 5}}\n", ["agents.yaml:2", "'steps'"]),
      (
        "server.yaml", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nworkers: 1\n", ["server.yaml:1"]
      ),
      ("server.yaml", "workers: 010x\n", ["server.yaml:1", "workers"]),
      ("server.yaml", "workers: 1\n---\nworkers: 2\n", ["server.yaml:"]),
    ]
    for (file, text, words) in cases { try await Self.refused(file, text, ["config_invalid"] + words) }
  }

  @Test("all errors are told at once", .shows(.configInvalid))
  func allAtOnce() async throws {
    try await Self.refused(
      "server.yaml", "wrokers: 2\nmetrics_opne: 3\nlisten: nowhere\n",
      ["server.yaml:1", "server.yaml:2", "server.yaml:3", "'workers'"])
  }

  @Test("`${VAR}` unset: 78 `config_variable_unset`; with a default it is that", .shows(.configVariable))
  func variables() async throws {
    let text =
      "providers:\n  a: {type: openai, base_url: 'http://127.0.0.1:1/v1', model: m, api_key: '${NO_SUCH_KEY}'}\n"
    try await Self.refused("providers.yaml", text, ["config_variable_unset", "providers.yaml:2", "NO_SUCH_KEY"])
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(), files: ["providers.yaml": text.replacing("NO_SUCH_KEY}", with: "NO_SUCH_KEY:-}")])
    #expect(try await service.send("GET", "/health").status == 200)
  }

  @Test("a bad file at SIGHUP: WARN `reload_refused`, and the old configuration stays whole", .shows(.reloadRefused))
  func reloadRefused() async throws {
    let folder = try TemporaryFolder()
    let agents = "agents:\n  one: {instructions: x}\n"
    let service = try await ServiceProcess.serve(in: folder, files: ["agents.yaml": agents])
    let path = service.configuration + "/agents.yaml"
    try Data("agents:\n  one: {instructions: y}\n  two: {instructons: z}\n".utf8).write(to: URL(fileURLWithPath: path))
    service.signal(SIGHUP)
    _ = try await service.asking("GET", "/livez") { _ in Self.log(folder).contains("reload_refused") }
    let line = Self.log(folder).split(separator: "\n").first { $0.contains("reload_refused") } ?? ""
    #expect(line.contains(" WARN") && line.contains("agents.yaml:3"), "\(Self.log(folder))")
    let names = try await service.send("GET", "/api/agents").json["data"]?.arrayValue?.map { $0["name"] }
    #expect(names == ["one"], "\(String(describing: names))")
    #expect(try await service.send("GET", "/api/agents/two").status == 404)
  }

  @Test("SIGHUP: what can be reloaded is, all of it", .shows(.reloadSignals))
  func reloaded() async throws {
    let site = try await ProviderSite(.openai, [ProviderSite.saysDone])
    let other = try await ProviderDouble(
      [["reply": ["text": "from the other"]]], in: TemporaryFolder("other"))
    let files = ProviderSite.files(
      ["main": WireFormat.anthropic.entry(other.address, ["api_key": "sk-second"])],
      agent: ["description": "another"])
    for (name, text) in files {
      try Data(text.utf8).write(to: URL(fileURLWithPath: site.service.configuration + "/" + name))
    }
    #expect(try await site.run("before")["output"]?["text"] == "done")
    site.service.signal(SIGHUP)
    let agent = try await site.service.asking("GET", "/api/agents/worker") { $0.json["description"] == "another" }
    #expect(agent.json["description"] == "another", "\(agent.text)")
    #expect(try await site.run("after")["output"]?["text"] == "from the other")
    #expect(try site.double.calls().count == 1)
  }

  @Test("SIGPIPE is ignored", .shows(.reloadSignals))
  func brokenPipe() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    for _ in 0..<3 { service.signal(SIGPIPE) }
    #expect(try await service.send("GET", "/health").status == 200)
    #expect(service.isRunning)
  }

  @Test(
    "`postgresql://` stops the start with what to do; `REDIS_URL` is one WARN line", .shows(.foreignServices))
  func foreignServices() async throws {
    for url in ["postgresql://agent:sk-secret@db:5432/agent", "postgres://db/agent"] {
      try await Self.refused(
        "server.yaml", "", environment: ["DATABASE_URL": url], ["database_url_unsupported", "sqlite"])
    }
    let folder = try TemporaryFolder()
    let service = try await ServiceProcess.serve(
      in: folder, environment: ["REDIS_URL": "redis://:sk-secret@redis:6379/0"])
    #expect(try await service.send("GET", "/health").status == 200)
    let lines = Self.log(folder).split(separator: "\n").filter { $0.contains("REDIS_URL") }
    #expect(lines.count == 1 && lines.first?.contains(" WARN") == true, "\(Self.log(folder))")
    #expect(!Self.log(folder).contains("sk-secret"))
  }

  private static func log(_ folder: TemporaryFolder) -> String {
    // Absent until the service has written its first line.
    (try? String(contentsOfFile: folder.appending("log/app.log"), encoding: .utf8)) ?? ""
  }
}
