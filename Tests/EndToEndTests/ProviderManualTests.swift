import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The operations manual's lines about providers, exactly as printed, over doubles of both services.
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
    let lines = try Self.text("section-5-providers.sh").split(separator: "\n").map(String.init).filter {
      $0.hasPrefix("curl ")
    }
    #expect(lines.count == 2)
    // curl is told by its own configuration file where the service is, so the lines stay as printed.
    try Data("unix-socket = \"\(service.socket)\"\n".utf8).write(to: URL(fileURLWithPath: folder.appending(".curlrc")))
    var answers: [JSONValue] = []
    for line in lines {
      let run = try await ShellRun.bash(line, environment: ["HOME": folder.path])
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
    #expect(try await service.send("POST", "/api/providers/default?provider=nobody").status == 422)
  }

  private static func text(_ name: String) throws -> String {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Manual")
    return try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
  }
}
