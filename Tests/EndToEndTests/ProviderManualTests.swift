import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The operations manual's lines about providers, exactly as printed: only the port is ours.
@Suite struct ProviderManualTests {
  @Test("the provider lines work as printed: test, then switch")
  func curlLines() async throws {
    let folder = try TemporaryFolder()
    let double = try await ProviderDouble(
      [["reply": ["text": "hello"]]], settings: ["keys": ["one": "sk-xxx", "two": "sk-ant-xxx"]], in: folder)
    // As shipped, with our addresses: each key comes from its variable.
    let providers: JSONValue = [
      "openai": WireFormat.openai.entry(double.address, ["api_key": "${OPENAI_API_KEY:-}"]),
      "anthropic": WireFormat.anthropic.entry(double.address, ["api_key": "${ANTHROPIC_API_KEY:-}"]),
    ]
    let files = [
      "providers.yaml": JSONValue.object(["default": "openai", "providers": providers]).text,
      "agents.yaml": "agents:\n  worker: {instructions: x}\n",
    ]
    let environment = ["OPENAI_API_KEY": "sk-xxx", "ANTHROPIC_API_KEY": "sk-ant-xxx"]
    let service = try await ServiceProcess.serve(in: folder, files: files, environment: environment)
    let port = try #require(try await service.address().split(separator: ":").last)
    let lines = try Self.text("providers.sh").split(separator: "\n").map(String.init).filter { $0.hasPrefix("curl ") }
    #expect(lines.count == 2)
    var answers: [JSONValue] = []
    for line in lines {
      let run = try await ShellRun.bash(line.replacing("localhost:8080", with: "localhost:\(port)"))
      #expect(run.status == 0, "\(line): \(run.errors)")
      answers.append(try JSONValue(parsing: run.output))
    }
    #expect(answers.first?["ok"] == true && answers.first?["latency_ms"]?.integerValue != nil, "\(answers)")
    #expect(answers.first?["model"]?.stringValue?.isEmpty == false, "\(answers)")
    // From the next model call on, and after a restart.
    func ask(_ service: ServiceProcess) async throws -> String? {
      let task = try await service.ended(try await service.create(["agent": "worker", "input": "x"]))
      #expect(task["status"] == "completed", "\(task.text)")
      return try double.calls().last?.path
    }
    #expect(try await ask(service) == "/v1/messages")
    service.signal(SIGTERM)
    await service.exit()
    let next = try await ServiceProcess.serve(in: folder, environment: environment)
    #expect(try await ask(next) == "/v1/messages")
    #expect(try double.calls().map(\.key) == ["one", "two", "two"])
  }

  @Test("the switch is refused for a provider without the key that it needs, and for one that does not exist")
  func refusedSwitch() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    let rows = try await service.send("GET", "/api/providers").json["data"]?.arrayValue ?? []
    #expect(rows.first { $0["name"] == "anthropic" }?["status"] == "no_key", "\(rows)")
    let refused = try await service.send("POST", "/api/providers/default?provider=anthropic")
    #expect(refused.status == 409, "\(refused.text)")
    #expect(try await service.send("POST", "/api/providers/nobody/test").status == 404)
    #expect(try await service.send("POST", "/api/providers/default?provider=nobody").status == 404)
  }

  /// What a line of the manual's `.env` comes to: the exit status of a refusal and words of it, or nil for a start.
  private static let lines: [String: (status: Int32, words: [String])?] = [
    "OPENAI_API_KEY": nil, "ANTHROPIC_API_KEY": nil, "REDIS_URL": nil, "LOG_LEVEL": nil,
    "DATABASE_URL": (78, ["database_url_unsupported", "sqlite"]), "JWT_SECRET": (78, ["JWT_SECRET", "32"]),
  ]

  @Test("each line of the manual's .env does what is said of it: two are refusals, each with its words")
  func environmentLines() async throws {
    let lines = try Self.text("dotenv").split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
    #expect(lines.count == 6)
    for line in lines {
      let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
      let folder = try TemporaryFolder()
      let expected = try #require(Self.lines[parts[0]], "\(line)")
      if let refusal = expected {
        let service = try ServiceProcess(
          folder: folder, environment: [parts[0]: parts[1]],
          arguments: [
            "serve", "--config", folder.path, "--data", folder.appending("data"), "--log-dir", folder.appending("log"),
            "--listen", "127.0.0.1:0", "--socket", folder.appending("api.sock"),
          ])
        #expect(await service.exit() == refusal.status, "\(line): \(service.standardError)")
        for word in refusal.words { #expect(service.standardError.contains(word), "\(line): \(service.standardError)") }
        // Not even what was refused is shown.
        #expect(!service.standardError.contains("your-secret-key") && !service.standardError.contains("user:pass"))
        continue
      }
      let service = try await ServiceProcess.serve(in: folder, environment: [parts[0]: parts[1]])
      try await check(service, folder, parts[0])
    }
  }

  private func check(_ service: ServiceProcess, _ folder: TemporaryFolder, _ name: String) async throws {
    let rows = try await service.send("GET", "/api/providers").json["data"]?.arrayValue ?? []
    func status(_ provider: String) -> JSONValue? { rows.first { $0["name"]?.stringValue == provider }?["status"] }
    let log = try String(contentsOfFile: folder.appending("log/app.log"), encoding: .utf8)
    switch name {
    case "OPENAI_API_KEY":
      #expect(status("openai") == "ok" && status("anthropic") == "no_key", "\(rows)")
      #expect(rows.first { $0["is_default"] == true }?["name"] == "openai", "\(rows)")
    case "ANTHROPIC_API_KEY": #expect(status("anthropic") == "ok" && status("openai") == "no_key", "\(rows)")
    case "REDIS_URL":
      let lines = log.split(separator: "\n").filter { $0.contains("REDIS_URL") }
      #expect(lines.count == 1 && lines.first?.contains(" WARN") == true, "\(log)")
    default: #expect(log.contains(" INFO ") && !log.contains(" DEBUG "), "\(log)")
    }
    #expect(!log.contains("sk-xxx") && !log.contains("sk-ant-xxx"))
  }

  private static func text(_ name: String) throws -> String {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Manual")
    return try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
  }
}
