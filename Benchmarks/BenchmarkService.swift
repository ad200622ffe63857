import AgentCore
import AgentTestKit
import Foundation
import Glibc
import HTTPTransport

/// The release binary beside this program, and a scripted provider that it asks: both as processes of their own.
final class BenchmarkService: Sendable {
  let folder: String
  let transport: CurlTransport
  private let providerAddress: String
  private let service: ChildProcess
  private let provider: ChildProcess
  private let input = Pipe()

  /// `rules`: the provider's script; the service runs one agent, `worker`, on it.
  init(_ folder: String, rules: [JSONValue]) async throws {
    self.folder = folder
    transport = try CurlTransport()
    (service, provider) = (ChildProcess(), ChildProcess())
    try FileManager.default.createDirectory(
      atPath: folder + "/config", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    try Self.write(.object(["rules": .array(rules)]), folder + "/double.json")
    try Self.start(
      provider,
      "exec python3 Tests/EndToEndTests/Providers/double.py --script \(folder)/double.json --log \(folder)/calls.jsonl",
      output: folder + "/provider", input: input)
    let address = try await Self.line(of: folder + "/provider", after: "listening on ")
    providerAddress = address
    try Self.write(
      [
        "default": "main",
        "providers": ["main": ["type": "openai", "base_url": .string(address + "/v1"), "model": "m"]],
      ], folder + "/config/providers.yaml")
    try Self.write(
      ["agents": ["worker": ["instructions": "x", "tools": ["file.list"], "concurrency": 1000]]],
      folder + "/config/agents.yaml")
    try Self.write(["workers": 1000], folder + "/config/server.yaml")
    let binary = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
      .deletingLastPathComponent().appendingPathComponent("agent-system").path
    try Self.start(
      service,
      "exec \(binary) serve --config \(folder)/config --data \(folder)/data --log-dir \(folder)/log "
        + "--listen 127.0.0.1:0 --socket \(folder)/api.sock", output: folder + "/service", input: nil)
    _ = try await Self.line(of: folder + "/service", after: "listening on ")
  }

  func stop() {
    for process in [service, provider] {
      process.terminate()
      process.waitUntilExit()
    }
    transport.shutdown()
  }

  /// Under a shell, which gives it more descriptors: a thousand streams want one each.
  private static func start(_ process: ChildProcess, _ command: String, output: String, input: Pipe?) throws {
    FileManager.default.createFile(atPath: output, contents: nil)
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", "ulimit -n 8192; \(command)"]
    process.standardInput = input ?? FileHandle.nullDevice
    process.standardOutput = FileHandle(forWritingAtPath: output)
    process.standardError = FileHandle(forWritingAtPath: output)
    try process.run()
  }

  /// The rest of the first line that begins so, once it is there.
  private static func line(of path: String, after start: String) async throws -> String {
    for _ in 0..<1000 {
      let text = try String(contentsOfFile: path, encoding: .utf8)
      if let line = text.split(separator: "\n").first(where: { $0.hasPrefix(start) }), text.hasSuffix("\n") {
        return String(line.dropFirst(start.count))
      }
      try await Task.sleep(for: .milliseconds(20))
    }
    throw BenchmarkError("\(path) has no line: \(try String(contentsOfFile: path, encoding: .utf8))")
  }

  private static func write(_ value: JSONValue, _ path: String) throws {
    try Data(value.encoded()).write(to: URL(fileURLWithPath: path))
  }

  func send(_ method: String, _ path: String, _ body: JSONValue? = nil) async throws -> JSONValue {
    var request = HTTPExchange.Request(
      method: method, url: "http://localhost" + path,
      headers: body == nil ? [] : [("Content-Type", "application/json")], body: body?.encoded())
    request.unixSocketPath = folder + "/api.sock"
    return try JSONValue(parsing: try await transport.send(request).body)
  }

  /// Asks the provider itself, and reads its answer to the end.
  func ask(_ prompt: String) async throws {
    let body: JSONValue = [
      "model": "m", "stream": true, "messages": [["role": "user", "content": .string(prompt)]],
    ]
    let request = HTTPExchange.Request(
      method: "POST", url: providerAddress + "/v1/chat/completions", headers: [("Content-Type", "application/json")],
      body: body.encoded())
    for try await _ in try await transport.stream(request).body {}
  }

  /// Runs one task to its end.
  func run(_ prompt: String) async throws {
    let task = try await send("POST", "/api/tasks?wait=60s", ["agent": "worker", "input": .string(prompt)])
    guard task["status"] == "completed" else { throw BenchmarkError("a task did not complete: \(task.text)") }
  }

  /// The provider's log so far.
  func calls() throws -> [JSONValue] {
    let bytes = FileManager.default.contents(atPath: folder + "/calls.jsonl") ?? Data()
    return try bytes.split(separator: UInt8(ascii: "\n")).map { try JSONValue(parsing: Array($0)) }
  }

  /// Memory that the service has in RAM.
  func residentBytes() throws -> Int {
    let pages = try String(contentsOfFile: "/proc/\(service.processIdentifier)/statm", encoding: .utf8)
      .split(separator: " ")
    return (pages.count > 1 ? Int(pages[1]) ?? 0 : 0) * sysconf(Int32(_SC_PAGESIZE))
  }

  /// The clock that the provider's log is in.
  static func nanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
