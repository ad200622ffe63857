import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The scripted provider, double.py, as a process of its own: its rules, and what it was asked.
final class ProviderDouble: Sendable {
  struct NotStarted: Error, CustomStringConvertible {
    var description: String
  }

  /// One request, as it came.
  struct Request: Sendable {
    var line: JSONValue
    var body: JSONValue { line["body"] ?? .null }
    var path: String { line["path"]?.stringValue ?? "" }
    /// The name that the script has for the key; `none` and `unknown` besides.
    var key: String { line["key"]?.stringValue ?? "" }
    var number: Int64 { line["request"]?.integerValue ?? 0 }
    var isOnSecondListener: Bool { line["listener"] == "second" }
    var turn: Int64 { line["turn"]?.integerValue ?? 0 }
    /// What a real service would have said against it.
    var refused: String? { line["refused"]?.stringValue }
    /// On the double's monotonic clock.
    var nanoseconds: Int64 { line["at"]?.integerValue ?? 0 }
    func header(_ name: String) -> String? { line["headers"]?[name]?.stringValue }
  }

  /// `http://127.0.0.1:PORT`.
  let address: String
  let folder: TemporaryFolder
  private let process: ChildProcess
  private let output = OutputLines()
  private let errors = OutputLines()
  private let input = Pipe()

  /// `settings`: members of the script beside its rules.
  init(
    _ rules: [JSONValue], settings: [String: JSONValue] = [:], arguments: [String] = [], in folder: TemporaryFolder
  ) async throws {
    self.folder = folder
    try Self.write(rules, settings, to: folder.appending("double.json"))
    process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      [
        "python3", Self.program("double.py"), "--script", folder.appending("double.json"), "--log",
        folder.appending("requests.jsonl"),
      ] + arguments
    let (out, err) = (Pipe(), Pipe())
    (process.standardInput, process.standardOutput, process.standardError) = (input, out, err)
    try process.run()
    output.read(out)
    errors.read(err)
    guard let line = await output.first(where: { $0.hasPrefix("listening on ") }) else {
      throw NotStarted(description: "the provider double did not start: \(errors.text)")
    }
    address = String(line.dropFirst("listening on ".count))
  }

  deinit {
    kill(process.processIdentifier, SIGKILL)
  }

  /// A file of this folder.
  static func program(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(name).path
  }

  /// What it complained of: a rule with a member that it does not know, a fault of its own.
  var standardError: String { errors.text }

  /// Rules that hold from the next request on; how often a rule was used is known by its text and place.
  func script(_ rules: [JSONValue], settings: [String: JSONValue] = [:]) throws {
    try Self.write(rules, settings, to: folder.appending("double.json"))
  }

  private static func write(_ rules: [JSONValue], _ settings: [String: JSONValue], to path: String) throws {
    let script = JSONValue.object(settings.merging(["rules": .array(rules)]) { $1 })
    try Data(script.encoded()).write(to: URL(fileURLWithPath: path), options: .atomic)
  }

  /// All lines of its log: requests, answers, clients that went away.
  func lines() throws -> [JSONValue] {
    guard let bytes = FileManager.default.contents(atPath: folder.appending("requests.jsonl")) else { return [] }
    return try bytes.split(separator: UInt8(ascii: "\n")).map { try JSONValue(parsing: Array($0)) }
  }

  /// Model calls so far, in the order of arrival; of other requests none.
  func calls() throws -> [Request] { try requests().filter { $0.line["dialect"] != nil } }

  func requests() throws -> [Request] {
    try lines().filter { $0["request"] != nil }.map(Request.init(line:))
  }

  /// Numbers of the requests whose client went away before the answer's end.
  func gone() throws -> [Int64] { try lines().compactMap { $0["gone"]?.integerValue } }

  /// Statuses of its answers, in the order of their ends.
  func statuses() throws -> [Int64] {
    try lines().filter { $0["answered"] != nil }.compactMap { $0["status"]?.integerValue }
  }

  /// All that there is to say of a test that failed.
  var told: String {
    // What cannot be read is not to hide the failure.
    let lines = (try? lines()) ?? []
    return lines.map(\.text).joined(separator: "\n") + standardError
  }

  /// How many calls it answered at the same time, at most.
  func mostAtOnce() throws -> Int {
    var (open, most): (Set<Int64>, Int) = ([], 0)
    for line in try lines() {
      if let number = line["request"]?.integerValue { open.insert(number) }
      if let number = (line["answered"] ?? line["gone"])?.integerValue { open.remove(number) }
      most = max(most, open.count)
    }
    return most
  }
}

/// Whose messages a test's provider speaks.
enum WireFormat: String, CaseIterable, CustomTestStringConvertible, Sendable {
  case openai, anthropic

  var testDescription: String { rawValue }

  /// As a person writes it: OpenAI's with its version, Anthropic's without.
  func baseURL(_ address: String) -> String { self == .openai ? address + "/v1" : address }

  var path: String { self == .openai ? "/v1/chat/completions" : "/v1/messages" }

  /// What the service calls a provider of that kind in its configuration: the entry as YAML that is JSON.
  func entry(_ address: String, _ more: [String: JSONValue] = [:]) -> JSONValue {
    let members: [String: JSONValue] = [
      "type": .string(rawValue), "base_url": .string(baseURL(address)), "model": "double-1", "api_key": "sk-right",
    ]
    return .object(members.merging(more) { $1 }.filter { $0.value != .null })
  }

  /// Results of tools in a request of this format, by call id.
  func results(in body: JSONValue) -> [(id: String, text: String)] {
    (body["messages"]?.arrayValue ?? []).flatMap { message -> [(id: String, text: String)] in
      switch self {
      case .openai:
        guard message["role"] == "tool" else { return [] }
        return [(message["tool_call_id"]?.stringValue ?? "", message["content"]?.stringValue ?? "")]
      case .anthropic:
        return (message["content"]?.arrayValue ?? []).filter { $0["type"] == "tool_result" }.map { block in
          let text = block["content"]?.stringValue ?? block["content"]?.arrayValue?.first?["text"]?.stringValue
          return (block["tool_use_id"]?.stringValue ?? "", text ?? "")
        }
      }
    }
  }
}
