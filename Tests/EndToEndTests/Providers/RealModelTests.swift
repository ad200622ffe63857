import AgentCore
import AgentTestKit
import Foundation
import Testing

/// A real llama.cpp server with a real small model. What it says is its own matter: structure is asserted, never content.
@Suite(.serialized, .timeLimit(.minutes(10))) struct RealModelTests {
  /// Slow machines read a prompt of 700 tokens in half a minute.
  private static let patience: [String: JSONValue] = [
    "retries": 0, "timeouts": ["first_byte": "180s", "idle": "180s", "total": "240s"],
  ]

  private static func entry(_ server: LlamaServer, _ more: [String: JSONValue] = [:]) -> JSONValue {
    let own: [String: JSONValue] = [
      "type": "openai", "base_url": .string(server.address + "/v1"), "model": "smollm2-135m",
    ]
    return .object(own.merging(patience) { $1 }.merging(more) { $1 })
  }

  private static func service(
    _ providers: [String: JSONValue], agent: [String: JSONValue] = [:]
  ) async throws -> ServiceProcess {
    try await ServiceProcess.serve(
      in: TemporaryFolder("llama"),
      files: ProviderSite.files(providers, agent: ["tools": [], "max_output_tokens": 60].merging(agent) { $1 }))
  }

  @Test("with `base_url` alone: `provider test`, a streamed task, tool calls, and all its ways to fail")
  func realModel() async throws {
    let server = try await LlamaServer()
    try await plain(server)
    try await tools(server)
    try await streamError(server)
    try await cutCall(server)
    try await tooLong(server)
  }

  private func plain(_ server: LlamaServer, _ key: [String: JSONValue] = [:]) async throws {
    let service = try await Self.service(["main": Self.entry(server, key)])
    let arguments = ["provider", "test", "main", "--json", "--server", "unix:\(service.socket)"]
    var test = try await ShellRun.run(ServiceProcess.binary.path, arguments)
    // Beside eleven other tests on two processors the model may need longer than the 15 s of a test call.
    for _ in 0..<8 where test.status != 0 { test = try await ShellRun.run(ServiceProcess.binary.path, arguments) }
    #expect(test.status == 0, "\(test)")
    let answer = try JSONValue(parsing: test.output)
    #expect(answer["ok"] == true && answer["latency_ms"]?.integerValue != nil, "\(test.output)")
    #expect(answer["model"]?.stringValue?.isEmpty == false)
    let id = try await service.create(["agent": "worker", "input": "Say hello.", "max_attempts": 1])
    var reader = try await service.events("/api/tasks/\(id)/events")
    let events = try await reader.rest()
    let task = try await service.ended(id)
    // Cut by the limit is an end as well, with its own word.
    #expect(task["status"] == "completed" || task["error"]?["code"] == "truncated", "\(task.text)")
    #expect(events.contains { $0.name == "delta" }, "\(events.map(\.name))")
    let usage = try await service.steps(id).first?["usage"] ?? .null
    #expect(usage["estimated"] == false && (usage["input_tokens"]?.integerValue ?? 0) > 10, "\(usage.text)")
  }

  /// The template leads it through the tools in their order.
  private func tools(_ server: LlamaServer, _ key: [String: JSONValue] = [:]) async throws {
    let service = try await Self.service(
      ["main": Self.entry(server, key)],
      agent: ["tools": ["file.read", "file.write"], "max_output_tokens": 200, "limits": ["steps": 20]])
    let id = try await service.create([
      "agent": "worker", "input": "Read notes.txt and write a one-sentence summary to out.txt", "max_attempts": 1,
      "files": [["path": "notes.txt", "text": "The meeting is moved to Friday at ten."]],
    ])
    let task = try await service.ended(id)
    let steps = try await service.steps(id)
    let calls = steps.filter { $0["kind"] == "tool_call" }
    #expect(calls.first?["name"] == "file.read", "\(task.text) \(steps)")
    #expect(calls.contains { $0["status"] == "finished" }, "\(steps)")
    // The answer to the call went back and was taken: the model was asked again.
    let models = steps.filter { $0["kind"] == "model_call" }
    #expect(models.count >= 2 && models.prefix(2).allSatisfy { $0["status"] == "finished" }, "\(steps)")
    let ends: [JSONValue] = ["completed", "failed"]
    #expect(task["status"].map(ends.contains) == true, "\(task.text)")
    if task["status"] == "failed" {
      let codes: [JSONValue] = ["truncated", "tool_arguments_invalid", "step_limit", "provider_error"]
      #expect(task["error"]?["code"].map(codes.contains) == true, "\(task.text)")
    }
  }

  /// A model that talks nonsense in the middle of a call: llama.cpp gives up with an error object in the stream. Which
  /// nonsense, the seed says: about every second one ends so before the limit.
  private func streamError(_ server: LlamaServer) async throws {
    var told: [String] = []
    for seed in 1...8 {
      let nonsense: JSONValue = ["temperature": 2, "top_k": 0, "top_p": 1, "min_p": 0, "seed": JSONValue(seed)]
      let service = try await Self.service(
        ["main": Self.entry(server, ["body": nonsense, "retries": 1])],
        agent: ["tools": ["file.write"], "max_output_tokens": 60])
      let id = try await service.create(["agent": "worker", "input": "Write hello to a.txt", "max_attempts": 1])
      let task = try await service.ended(id)
      #expect(task["status"] == "failed" && task["output"] == .null, "\(task.text)")
      let codes: [JSONValue] = ["provider_error", "truncated"]
      #expect(task["error"]?["code"].map(codes.contains) == true, "\(task.text)")
      let step = try await service.steps(id).first ?? .null
      told.append("\(seed): \(task["error"]?.text ?? "") \(step["attempt"]?.text ?? "")")
      guard task["error"]?["code"] == "provider_error" else { continue }
      // The same seed, the same nonsense: tried again once, and refused again.
      #expect(step["attempt"] == 2 && step["error"]?["code"] == "provider_error", "\(step.text)")
      // By an object within the stream, not by a status.
      let detail = task["error"]?["detail"]?.stringValue ?? ""
      #expect(detail.hasPrefix("the provider's answer holds an error"), "\(detail)")
      return
    }
    Issue.record("none of the seeds made llama.cpp give up: \(told)")
  }

  /// The limit at which the model is in the midst of a call is the model's matter: limits are gone through until half a
  /// call came. Below it has not begun the call, or llama.cpp has not shown it yet.
  private func cutCall(_ server: LlamaServer) async throws {
    let limits = [2] + Array(stride(from: 6, through: 40, by: 2))
    let agents = limits.map { limit in
      let agent: JSONValue = ["instructions": "Do it.", "tools": ["file.read"], "max_output_tokens": JSONValue(limit)]
      return ("worker\(limit)", agent)
    }
    var files = ProviderSite.files(["main": Self.entry(server)])
    files["agents.yaml"] = JSONValue.object(["agents": .object(Dictionary(agents) { $1 })]).text + "\n"
    let service = try await ServiceProcess.serve(in: TemporaryFolder("llama"), files: files)
    var told: [String] = []
    for limit in limits {
      let id = try await service.create([
        "agent": .string("worker\(limit)"), "input": "Read notes.txt", "max_attempts": 1,
      ])
      let task = try await service.ended(id)
      let steps = try await service.steps(id)
      told.append("\(limit): \(task["error"]?.text ?? "") \(steps.first?["output"]?.text ?? "")")
      // A call that came whole was made: this limit is past the cut.
      guard task["error"]?["code"] == "truncated", steps.count == 1 else { break }
      #expect(steps.allSatisfy { $0["kind"] == "model_call" && $0["status"] == "failed" }, "\(steps)")
      guard steps.first?["output"]?["tool_calls"]?.arrayValue?.isEmpty == false else { continue }
      return
    }
    Issue.record("at no limit half a call came: \(told)")
  }

  private func tooLong(_ server: LlamaServer) async throws {
    let service = try await Self.service(["main": Self.entry(server)])
    let prompt = String(repeating: "word ", count: 9000)
    let task = try await service.ended(
      try await service.create(["agent": "worker", "input": .string(prompt), "max_attempts": 1]))
    #expect(task["error"]?["code"] == "context_too_long", "\(task.text)")
  }

  @Test("with a key: the same, and a wrong one is `key_invalid`")
  func key() async throws {
    let server = try await LlamaServer(["--key", "sk-llama"])
    try await plain(server, ["api_key": "sk-llama"])
    try await tools(server, ["api_key": "sk-llama"])
    let service = try await Self.service([
      "main": Self.entry(server, ["api_key": "sk-llama"]), "wrong": Self.entry(server, ["api_key": "sk-other"]),
      "none": Self.entry(server),
    ])
    for (name, code) in [("main", nil), ("wrong", "key_invalid"), ("none", "key_invalid")] {
      var answer = try await service.send("POST", "/api/providers/\(name)/test")
      for _ in 0..<8 where answer.json["error"]?["code"] == "timeout" {
        answer = try await service.send("POST", "/api/providers/\(name)/test")
      }
      #expect(answer.status == 200 && answer.json["ok"]?.boolValue == (code == nil), "\(name): \(answer.text)")
      #expect(answer.json["error"]?["code"]?.stringValue == code, "\(name): \(answer.text)")
    }
    let rows = try await service.send("GET", "/api/providers")
    let statuses = Dictionary(
      (rows.json["data"]?.arrayValue ?? []).map { ($0["name"]?.stringValue ?? "", $0["status"]?.stringValue) },
      uniquingKeysWith: { $1 })
    #expect(statuses["main"] == "ok" && statuses["wrong"] == "key_invalid", "\(rows.text)")
  }
}

/// llama.cpp's server, started; it ends with this value.
final class LlamaServer: Sendable {
  let address: String
  private let process: ChildProcess
  private let input = Pipe()
  private let output = OutputLines()
  private let errors = OutputLines()

  init(_ arguments: [String] = []) async throws {
    process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: try TestRig.python("llama"))
    process.arguments = ["-B", ProviderDouble.program("llama/serve.py")] + arguments
    let (out, err) = (Pipe(), Pipe())
    (process.standardInput, process.standardOutput, process.standardError) = (input, out, err)
    try process.run()
    output.read(out)
    errors.read(err)
    guard let line = await output.first(where: { $0.hasPrefix("listening on ") }) else {
      throw TestRig.Missing(description: "llama.cpp did not start: \(errors.text.suffix(2000))")
    }
    address = String(line.dropFirst("listening on ".count))
  }

  deinit {
    kill(process.processIdentifier, SIGKILL)
  }
}
