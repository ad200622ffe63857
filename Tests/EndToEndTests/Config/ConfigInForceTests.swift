import AgentCore
import AgentTestKit
import Foundation
import Testing

/// What is in force, what is shown of it, and what a reload or an agent's restart makes of new files.
@Suite(.timeLimit(.minutes(3))) struct ConfigInForceTests {
  @Test("a reload takes the new content of a file of instructions; until then it is pending")
  func instructions() async throws {
    let folder = try TemporaryFolder()
    let double = try await ProviderDouble(
      [ProviderSite.saysDone], settings: ["keys": ["right": .string(ProviderSite.key)]], in: folder)
    var files = ProviderSite.files(
      ["main": WireFormat.openai.entry(double.address)],
      agent: ["instructions": .null, "instructions_file": "worker.md"])
    files["worker.md"] = "the first text"
    let service = try await ServiceProcess.serve(in: folder, files: files)
    let key = "agents.worker.instructions_file"
    #expect(try await service.shownConfiguration()[key]?["pending"] == nil)
    try service.writeConfiguration("worker.md", "the second text")
    #expect(try await service.shownConfiguration()[key]?["pending"]?["value"] == "worker.md")
    let answer = try await service.send("POST", "/api/config/reload").json
    #expect(answer["changed"] == [.string("agents.yaml \(key)")], "\(answer)")
    #expect(try await service.shownConfiguration()[key]?["pending"] == nil)
    #expect(try await service.send("GET", "/api/agents/worker").json["instructions"] == "the second text")
    let task = try await service.ended(try await service.create(["agent": "worker", "input": "x"]))
    #expect(task["status"] == "completed", "\(task.text)")
    let body = try #require(try double.calls().last?.body).text
    #expect(body.contains("the second text") && !body.contains("the first text"), "\(body)")
  }

  @Test("a reload takes a script's new content")
  func script() async throws {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(), files: ServiceProcess.scripted([["reply": ["text": "one"]]]))
    let name = try #require(
      try await service.shownConfiguration().first { $0.key.hasSuffix(".script") }?.value["value"]?.stringValue)
    try service.writeConfiguration(name, "rules: [{reply: {text: two}}]\n")
    let changed = try await service.send("POST", "/api/config/reload").json["changed"]?.arrayValue ?? []
    #expect(changed.count == 1 && changed.first?.stringValue?.hasSuffix(".script") == true, "\(changed)")
    let task = try await service.ended(try await service.create(["agent": "coder", "input": "x"]))
    #expect(task["output"]?["text"] == "two", "\(task.text)")
  }

  private static let providers = """
    default: a
    providers:
      a: {type: sandbox}
      b: {type: sandbox}

    """

  @Test("an agent's restart is refused while its provider is in the files alone; after a reload it is taken")
  func unknownProvider() async throws {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(),
      files: ["providers.yaml": Self.providers, "agents.yaml": "agents: {x: {instructions: old, provider: a}}\n"])
    try service.writeConfiguration("providers.yaml", Self.providers + "  c: {type: sandbox}\n")
    try service.writeConfiguration("agents.yaml", "agents: {x: {instructions: new, provider: c}}\n")
    let refused = try await service.refused(409, "reload_needed", "POST", "/api/agents/x/restart")
    #expect(refused.json["detail"]?.stringValue?.contains("reload first") == true, "\(refused.text)")
    #expect(try await service.send("GET", "/api/agents/x").json["instructions"] == "old")
    let task = try await service.ended(try await service.create(["agent": "x", "input": "List the files"]))
    #expect(task["status"] == "completed", "\(task.text)")
    #expect(try await service.send("POST", "/api/config/reload").status == 200)
    #expect(try await service.send("POST", "/api/agents/x/restart").status == 200)
    #expect(try await service.send("GET", "/api/agents/x").json["instructions"] == "new")
    let next = try await service.ended(try await service.create(["agent": "x", "input": "List the files"]))
    #expect(next["status"] == "completed", "\(next.text)")
  }

  @Test("after an agent's restart its new values are those in force, whatever the files say next, and no other agent's")
  func restarted() async throws {
    func agents(_ steps: Int) -> String {
      "agents:\n"
        + ["a", "a.b"].map { "  \($0): {instructions: x, concurrency: \(steps), limits: {steps: \(steps)}}\n" }.joined()
    }
    let service = try await ServiceProcess.serve(in: TemporaryFolder(), files: ["agents.yaml": agents(1)])
    try service.writeConfiguration("agents.yaml", agents(2))
    #expect(try await service.send("POST", "/api/agents/a/restart").status == 200)
    try service.writeConfiguration("agents.yaml", agents(3))
    let shown = try await service.shownConfiguration()
    for key in ["concurrency", "limits.steps"] {
      #expect(shown["agents.a.\(key)"]?["value"] == 2 && shown["agents.a.\(key)"]?["pending"]?["value"] == 3, "\(key)")
      #expect(shown["agents.a.b.\(key)"]?["value"] == 1 && shown["agents.a.b.\(key)"]?["pending"]?["value"] == 3)
    }
    try service.writeConfiguration("agents.yaml", "agents: [")
    #expect(try await service.shownConfiguration()["agents.a.concurrency"]?["value"] == 2)
    try service.writeConfiguration("agents.yaml", agents(2))
    let changed = try await service.send("POST", "/api/config/reload").json["changed"]
    #expect(
      changed == ["agents.yaml agents.a.b.concurrency", "agents.yaml agents.a.b.limits.steps"], "\(changed ?? .null)")
  }

  @Test("a switched default is shown as state, with what the files say, and what they would say after a reload")
  func defaultProvider() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder(), files: ["providers.yaml": Self.providers])
    #expect(try await service.send("POST", "/api/providers/default?provider=b").status == 200)
    let shown = try await service.shownConfiguration()["default"]
    #expect(shown?["value"] == "b" && shown?["source"] == "state", "\(shown ?? .null)")
    #expect(shown?["configured"] == "a" && shown?["pending"] == nil, "\(shown ?? .null)")
    try service.writeConfiguration(
      "providers.yaml", Self.providers.replacing("default: a", with: "default: c") + "  c: {type: sandbox}\n")
    let later = try await service.shownConfiguration()["default"]
    #expect(later?["value"] == "b" && later?["configured"] == "a", "\(later ?? .null)")
    #expect(later?["pending"]?["value"] == "c" && later?["pending"]?["source"] == "file", "\(later ?? .null)")
    #expect(try await service.send("POST", "/api/config/reload").status == 200)
    let after = try await service.shownConfiguration()["default"]
    #expect(after?["value"] == "c" && after?["source"] == "file" && after?["pending"] == nil, "\(after ?? .null)")
  }

  @Test("a provider that is used without the key that it needs is a WARN line, at the start and at a reload")
  func keyless() async throws {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(),
      files: ["agents.yaml": "agents: {x: {instructions: x, provider: anthropic}}\n"])
    let lines = try await service.logged("no_key")
    #expect(lines.count == 1 && lines[0].contains(" WARNING ") && lines[0].contains("agents.yaml:1"), "\(lines)")
    #expect(try await service.send("POST", "/api/config/reload").status == 200)
    #expect(try await service.logged("no_key", times: 2).count == 2)
  }

  @Test("the log tells of the default that a switch has put in force, and of the key that it lacks")
  func keylessSwitch() async throws {
    let folder = try TemporaryFolder()
    let first = try await ServiceProcess.serve(in: folder, environment: ["OPENAI_API_KEY": "sk-x"])
    #expect(try await first.send("POST", "/api/providers/default?provider=openai").status == 200)
    first.signal(SIGTERM)
    #expect(await first.exit() == 0)
    let second = try await ServiceProcess.serve(in: folder)
    let lines = try await second.logged("no_key")
    #expect(lines.count == 1 && lines[0].contains(" WARNING ") && lines[0].contains("'openai'"), "\(lines)")
    #expect(try !second.logText.contains("the offline sandbox is the default"))
    #expect(try await second.send("POST", "/api/config/reload").status == 200)
    #expect(try await second.logged("no_key", times: 2).count == 2)
    #expect(try await second.send("POST", "/api/providers/default?provider=sandbox").status == 200)
    #expect(try await second.send("POST", "/api/config/reload").status == 200)
    #expect(try await second.logged("no_key").count == 2)
  }

  @Test("forty levels of aliases stop neither a check nor a reload, by HTTP or by signal")
  func aliasBomb() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    try service.writeConfiguration("agents.yaml", ConfigurationTests.aliasBomb(asKey: true))
    let check = try await service.send("POST", "/api/config/check").json
    #expect(check["ok"] == false, "\(check)")
    try await service.refused(409, "reload_refused", "POST", "/api/config/reload")
    service.signal(SIGHUP)
    _ = try await service.logged("reload_refused: ", times: 2)
    #expect(try await service.send("GET", "/health").status == 200)
  }

  /// Whatever this machine has in `/etc/agent-system`: the process sees an `/etc` of its own, without that folder.
  private static let ownEtc = """
    mount -t tmpfs tmpfs "$0" && cp /etc/passwd /etc/group /etc/nsswitch.conf /etc/hosts "$0" && mount --bind "$0" /etc \
    && exec "$@"
    """

  @Test(
    "without --config the installed folder is meant, and where it is not there the built-in defaults serve",
    .enabled(if: MountedFolder.isPossible || !FileManager.default.fileExists(atPath: "/etc/agent-system")))
  func noFolder() async throws {
    let folder = try TemporaryFolder()
    let etc = folder.appending("etc")
    try FileManager.default.createDirectory(atPath: etc, withIntermediateDirectories: true)
    let command =
      (MountedFolder.isPossible ? ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", Self.ownEtc, etc] : [])
      + [ServiceProcess.binary.path]
    let service = try ServiceProcess(
      folder: folder, environment: [:],
      arguments: command.dropFirst() + [
        "serve", "--data", folder.appending("data"), "--log-dir", folder.appending("log"), "--listen", "127.0.0.1:0",
        "--socket", folder.appending("api.sock"),
      ], binary: URL(fileURLWithPath: command[0]))
    _ = try await service.address()
    let answer = try await service.send("GET", "/api/config").json
    #expect(answer["folder"] == "/etc/agent-system", "\(answer["folder"] ?? .null)")
    let names = try await service.send("GET", "/api/agents").json["data"]?.arrayValue?.map { $0["name"] }
    #expect(names == ["coder", "researcher", "writer"])
    let shown = try await service.shownConfiguration()
    for (key, flag) in [
      ("listen", "--listen"), ("socket", "--socket"), ("log.folder", "--log-dir"), ("data", "--data"),
    ] {
      #expect(shown[key]?["source"] == "flag" && shown[key]?["from"]?.stringValue == flag, "\(shown[key] ?? .null)")
    }
    #expect(shown["listen"]?["value"] == ["127.0.0.1:0"] && shown["workers"]?["source"] == "default")
  }
}
