import AgentCore
import AgentTestKit
import Foundation

/// Who answers the crash test's model calls, over all lives of the process.
enum CrashProvider: Sendable {
  /// The offline provider, which reads its script anew in each life.
  case sandbox
  /// Two doubles of real providers that outlive every life, one for each wire format. The busy agent asks the first
  /// format; jobs that fail or wait ask the other, since a 429 closes a provider for all.
  case doubles(first: WireFormat, [WireFormat: ProviderDouble])

  static func doubles(first: WireFormat) async throws -> CrashProvider {
    var running: [WireFormat: ProviderDouble] = [:]
    for format in WireFormat.allCases {
      running[format] = try await ProviderDouble(
        [], settings: keys, in: TemporaryFolder("crash-\(format.rawValue)"))
    }
    return .doubles(first: first, running)
  }

  private static let keys: [String: JSONValue] = ["keys": ["right": "sk-right"]]

  /// The configuration of a life, and the script of whoever answers in it.
  func files(jobs: [CrashJob], port: Int) throws -> [String: String] {
    var files = CrashConfiguration.files(jobs: jobs, port: port)
    guard case .doubles(let first, let doubles) = self else { return files }
    for (format, double) in doubles {
      let rules = CrashConfiguration.rules(jobs: jobs, port: port).filter { rule in
        // Each agent's own jobs: a double that knows no other's would betray a call that went astray.
        let isRough = Self.isRough(rule, jobs)
        return (format == first) != isRough
      }
      try double.script(rules.map(Self.wire), settings: Self.keys)
    }
    files["script.yaml"] = nil
    files["providers.yaml"] =
      JSONValue.object([
        "default": "first",
        "providers": .object([
          "first": first.entry(doubles[first]?.address ?? "", Self.patience),
          "other": first.other.entry(doubles[first.other]?.address ?? "", Self.patience),
        ]),
      ]).text
    files["agents.yaml"] =
      CrashConfiguration.agents(
        port: port, providers: ["rough": "other", "spare": "other"]
      ).text
    return files
  }

  private static let patience: [String: JSONValue] = [
    "timeouts": ["connect": "20s", "first_byte": "60s", "idle": "60s", "total": "120s"]
  ]

  private static func isRough(_ rule: JSONValue, _ jobs: [CrashJob]) -> Bool {
    let prompt = rule["when"]?["prompt"]?.stringValue ?? ""
    if prompt.hasPrefix("kind-") { return !["kind-files.", "kind-net."].contains(prompt) }
    return jobs.first { $0.mark == prompt }.map { $0.agent != "crew" } ?? false
  }

  /// The sandbox's rule in the double's words.
  private static func wire(_ rule: JSONValue) -> JSONValue {
    guard var members = rule.objectValue, var reply = rule["reply"]?.objectValue else { return rule }
    if let calls = reply.removeValue(forKey: "tool_calls") { reply["calls"] = calls }
    if let error = reply.removeValue(forKey: "error") {
      reply["status"] = error["status"] ?? 500
      reply["error"] = [:]
      // The header has whole seconds.
      if error["retry_after"] != nil { reply["headers"] = ["Retry-After": "6"] }
    }
    members["reply"] = .object(reply)
    return .object(members)
  }
}

extension WireFormat {
  var other: WireFormat { self == .openai ? .anthropic : .openai }
}

/// How many model calls of each task its provider has seen: each of them would have been paid for.
struct CallLog {
  private(set) var counts: [String: Int] = [:]
  private var offset = 0

  /// What is new since the last look; lines read once are not read again.
  mutating func look(_ provider: CrashProvider, configuration: String, ids: [Int: String]) throws {
    switch provider {
    case .sandbox: read(configuration + "/calls.jsonl")
    case .doubles(_, let doubles):
      counts = [:]
      for double in doubles.values { try count(double, ids) }
    }
  }

  private mutating func read(_ path: String) {
    guard let bytes = FileManager.default.contents(atPath: path), bytes.count > offset else { return }
    for line in bytes.dropFirst(offset).split(separator: UInt8(ascii: "\n")) {
      let text = String(decoding: line, as: UTF8.self)
      guard let start = text.range(of: "\"task\":\"")?.upperBound, let end = text[start...].firstIndex(of: "\"") else {
        continue
      }
      counts[String(text[start..<end]), default: 0] += 1
    }
    offset = bytes.count
  }

  /// A call that was answered by an error status was not paid for; one that was cut may have been.
  private mutating func count(_ double: ProviderDouble, _ ids: [Int: String]) throws {
    var open: [Int64: String] = [:]
    for line in try double.lines() {
      if let number = line["request"]?.integerValue, let job = Self.job(line["prompt"]?.stringValue), let id = ids[job]
      {
        open[number] = id
      } else if let number = line["answered"]?.integerValue, line["status"]?.integerValue != 200 {
        open[number] = nil
      }
    }
    for id in open.values { counts[id, default: 0] += 1 }
  }

  /// The number in `JOB-17.`, with which each prompt begins.
  private static func job(_ prompt: String?) -> Int? {
    guard let prompt, let start = prompt.range(of: "JOB-")?.upperBound else { return nil }
    return Int(prompt[start...].prefix { $0.isNumber })
  }
}
