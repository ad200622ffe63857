import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Providers on the running binary: their page, their test, and the default that the API switches.
@Suite struct ProviderTests {
  /// Three providers that need no network, called as the manual's are; `default` as the file has it.
  private static func files(default name: String? = nil, script: JSONValue = ServiceProcess.saysDone)
    -> [String: String]
  {
    let top = name.map { "default: \($0)\n" } ?? ""
    return [
      "providers.yaml": top + """
        providers:
          sandbox: {type: sandbox}
          openai: {type: sandbox, script: script.yaml}
          anthropic: {type: sandbox}

        """,
      "script.yaml": "rules:\n  - \(script.text)\n",
    ]
  }

  private static func defaults(_ service: ServiceProcess) async throws -> [String] {
    let rows = try await service.send("GET", "/api/providers").json["data"]?.arrayValue ?? []
    return rows.filter { $0["default"] == true }.compactMap { $0["name"]?.stringValue }
  }

  private static func rewrite(_ service: ServiceProcess, _ files: [String: String]) throws {
    for (name, text) in files {
      try Data(text.utf8).write(to: URL(fileURLWithPath: service.configuration + "/" + name))
    }
  }

  @Test("an acknowledged switch of the default survives a kill, until the file's own value changes (I15)")
  func survivesKill() async throws {
    let folder = try TemporaryFolder()
    var service = try await ServiceProcess.serve(in: folder, files: Self.files())
    #expect(try await Self.defaults(service) == ["sandbox"])
    #expect(try await service.send("POST", "/api/providers/default?provider=openai").status == 200)
    await service.killed()
    service = try await ServiceProcess.serve(in: folder)
    #expect(try await Self.defaults(service) == ["openai"])
    // Asked, not only shown: the script's word comes from that provider alone.
    let id = try await service.create(["agent": "coder", "input": "Say hello"])
    #expect(try await service.ended(id)["output"]?["text"] == "done")
    await service.killed()
    try Self.rewrite(service, Self.files(default: "anthropic"))
    service = try await ServiceProcess.serve(in: folder)
    #expect(try await Self.defaults(service) == ["anthropic"])
    // It fell for good: the file as it was does not bring it back.
    await service.killed()
    try Self.rewrite(service, Self.files())
    service = try await ServiceProcess.serve(in: folder)
    #expect(try await Self.defaults(service) == ["sandbox"])
  }

  @Test("a switched default whose provider is gone from the files is dropped with one WARN")
  func goneDefault() async throws {
    let folder = try TemporaryFolder()
    var service = try await ServiceProcess.serve(in: folder, files: Self.files())
    #expect(try await service.send("POST", "/api/providers/default?provider=openai").status == 200)
    await service.killed()
    try Self.rewrite(service, ["providers.yaml": "providers:\n  sandbox: {type: sandbox}\n"])
    service = try await ServiceProcess.serve(in: folder)
    #expect(try await Self.defaults(service) == ["sandbox"])
    let log = try String(contentsOfFile: folder.appending("log/app.log"), encoding: .utf8)
    let lines = log.split(separator: "\n").filter { $0.contains("WARN") && $0.contains("provider_unknown") }
    #expect(lines.count == 1 && lines.first?.contains("provider=openai") == true, "\(log)")
  }

  @Test("a task whose agent was pinned to a provider that is gone fails provider_unknown, unretried")
  func pinned() async throws {
    let folder = try TemporaryFolder()
    func agents(_ provider: String) -> [String: String] {
      ["agents.yaml": "agents:\n  helper: {instructions: help, provider: \(provider), tools: []}\n"]
    }
    var service = try await ServiceProcess.serve(
      in: folder, files: Self.files(script: ServiceProcess.worksForever).merging(agents("openai")) { $1 })
    let id = try await service.create(["agent": "helper", "input": "go"])
    // Its definition is pinned once it has begun.
    try await service.running(id)
    await service.killed()
    try Self.rewrite(
      service, agents("default").merging(["providers.yaml": "providers:\n  sandbox: {type: sandbox}\n"]) { $1 })
    service = try await ServiceProcess.serve(in: folder)
    let task = try await service.ended(id)
    #expect(task["status"] == "failed" && task["error"]?["code"] == "provider_unknown", "\(task)")
    #expect(task["attempt"] == 1)
  }

  @Test("provider list, test and default on the command line; a test that fails exits 1")
  func commandLine() async throws {
    let broken: JSONValue = ["reply": ["error": ["code": "key_invalid"]]]
    let service = try await ServiceProcess.serve(in: TemporaryFolder(), files: Self.files(script: broken))
    func cli(_ arguments: String...) async throws -> ShellRun {
      try await ShellRun.run(
        ServiceProcess.binary.path, ["provider"] + arguments + ["--server", "unix:" + service.socket],
        environment: ["HOME": service.folder.path])
    }
    let good = try await cli("test", "sandbox")
    #expect(good.status == 0 && good.output.contains("ok"), "\(good)")
    let bad = try await cli("test", "openai")
    #expect(bad.status == 1 && bad.output.contains("key_invalid"), "\(bad)")
    let list = try await cli("list")
    #expect(list.status == 0 && list.output.contains("key_invalid"), "\(list)")
    #expect(try await cli("default", "anthropic").status == 0)
    #expect(try await Self.defaults(service) == ["anthropic"])
    let unknown = try await cli("default", "nobody")
    #expect(unknown.status == 1 && unknown.errors.contains("nobody"), "\(unknown)")
    #expect(try await cli("test", "nobody").status == 1)
    let json = try await cli("list", "--json")
    #expect(try JSONValue(parsing: json.output)["data"]?.arrayValue?.count == 3)
  }
}
