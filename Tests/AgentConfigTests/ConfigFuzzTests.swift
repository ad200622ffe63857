import AgentConfig
import AgentCore
import AgentTestKit
import Testing
import Yams

/// Random changes to good files: nothing crashes, and whatever still loads means what an independent reader of YAML
/// takes it for, type by type.
@Suite("Mutated configuration files")
struct ConfigFuzzTests {
  private static let script = """
    # replies
    log: calls.jsonl
    rules:
      - when: {agent: coder, prompt: "fix the title", turn: 1}
        times: 1
        reply:
          delay: 0ms
          text: hm
          tool_calls:
            - name: file.read
              arguments:
                path: README.md
                note: quoted
                count: 3
          usage: {input_tokens: 10}
      - when: {last_tool: file.read}
        reply: {text: "done", finish: stop}
      - reply: {error: {code: rate_limited, status: 429, retry_after: 2s}}
    """

  /// Beside the shipped file, whose prose takes most changes: many free values on few lines.
  private static let agents = """
    agents:
      one:
        description: a short one
        instructions: do it
        model: fast
        tools:
          - file.read
        concurrency: 2
      two:
        description: another
        instructions: do that
        model: slow
        max_output_tokens: 10
        context_tokens: 2000
        temperature: 0.5
        limits:
          steps: 3
    """

  private static func goodFiles(_ seed: UInt64) throws -> [String: String] {
    var files = try ShippedFiles.all()
    if seed % 2 == 0 { files["agents.yaml"] = agents }
    files["providers.yaml"] = "default: sandbox\nproviders:\n  sandbox: {type: sandbox, script: script.yaml}\n"
    files["script.yaml"] = script
    return files
  }

  @Test("2,000 mutations neither crash nor change a value's type", arguments: 1...20)
  func mutations(_ seed: UInt64) throws {
    let random = SeededRandom(seed: seed)
    let good = try Self.goodFiles(seed)
    let names = good.keys.sorted()
    let fixture = try ConfigFixture(good)
    var accepted = 0
    for round in 0..<100 {
      let name = names[Int(random.next() % UInt64(names.count))]
      let mutated = Mutation.apply(to: Array((good[name] ?? "").utf8), random)
      try fixture.write(name, mutated)
      do {
        let loaded = try fixture.load()
        accepted += 1
        let text = String(decoding: mutated, as: UTF8.self)
        try Self.compare(loaded, with: text, name: name, "seed \(seed), round \(round): \(text)")
      } catch let error as ConfigError {
        #expect(!error.issues.isEmpty)
        #expect(error.issues.allSatisfy { $0.line >= 0 && $0.message.count <= 400 })
      }
      try fixture.write(name, Array((good[name] ?? "").utf8))
    }
    #expect((5...95).contains(accepted), "seed \(seed): so many loaded that, or so few that, nothing is tested")
  }

  private static func compare(_ loaded: LoadedConfiguration, with text: String, name: String, _ note: String) throws {
    // Configuration types a value by its key: what an independent reader says is each scalar's text.
    let root = try Yams.load(yaml: text, .basic) as? [String: Any]
    switch name {
    case "server.yaml": compare(loaded.server, root ?? [:], note)
    case "agents.yaml":
      let agents = root?["agents"] as? [String: Any] ?? [:]
      #expect(agents.count == loaded.agents.count, "\(note)")
      for agent in loaded.agents { compare(agent, agents[agent.id.name] as? [String: Any] ?? [:], note) }
    case "script.yaml":
      let rules = root?["rules"] as? [[String: Any]] ?? []
      let typed = (try Yams.load(yaml: text) as? [String: Any])?["rules"] as? [[String: Any]] ?? []
      #expect(loaded.providers.providers.first?.script?.rules.count == rules.count, "\(note)")
      for (rule, (read, typed)) in zip(loaded.providers.providers.first?.script?.rules ?? [], zip(rules, typed)) {
        compare(rule, read, typed: typed, note)
      }
    default: #expect([1, 3].contains(loaded.providers.providers.count), "\(note)")
    }
  }

  private static func number(_ text: Any) -> Int? { (text as? String).flatMap { Int($0) } }

  private static func compare(_ server: ServerSettings, _ root: [String: Any], _ note: String) {
    let defaults = ServerSettings()
    let log = root["log"] as? [String: Any] ?? [:]
    #expect(server.workers == (root["workers"].map(number) ?? defaults.workers), "\(note)")
    #expect(server.socket == (root["socket"].map { $0 as? String } ?? defaults.socket), "\(note)")
    #expect(server.data == (root["data"].map { $0 as? String } ?? defaults.data), "\(note)")
    #expect(server.log.folder == (log["folder"].map { $0 as? String } ?? defaults.log.folder), "\(note)")
    #expect(server.log.level.rawValue == (log["level"].map { $0 as? String } ?? "info"), "\(note)")
    #expect(server.log.format.rawValue == (log["format"].map { $0 as? String } ?? "text"), "\(note)")
    #expect(server.log.keep == (log["keep"].map(number) ?? defaults.log.keep), "\(note)")
    let queue = root["queue"] as? [String: Any] ?? [:]
    #expect(Int(server.maximumPending) == (queue["max_pending"].map(number) ?? 5_000_000), "\(note)")
    #expect(server.listen.allSatisfy { $0.isLoopback }, "\(note)")
    if let listen = root["listen"] { #expect(listen is String || listen is [String], "\(note)") }
  }

  private static func compare(_ agent: AgentDefinition, _ root: [String: Any], _ note: String) {
    func isNull(_ value: Any?) -> Bool { value == nil || ["", "~", "null"].contains(value as? String) }
    #expect(agent.instructions == root["instructions"] as? String, "\(note)")
    #expect(agent.description == (root["description"].map { $0 as? String } ?? ""), "\(note)")
    #expect(
      agent.tools == (root["tools"].map { $0 as? [String] ?? ($0 as? [Any]).flatMap { $0.isEmpty ? [] : nil } } ?? []),
      "\(note)")
    #expect(agent.concurrency == (root["concurrency"].map(number) ?? 4), "\(note)")
    #expect(agent.maxOutputTokens == (root["max_output_tokens"].map(number) ?? 4096), "\(note)")
    #expect(agent.contextTokens == (root["context_tokens"].map(number) ?? 100_000), "\(note)")
    #expect(agent.model == (isNull(root["model"]) ? nil : root["model"] as? String), "\(note)")
    #expect(agent.model != nil || isNull(root["model"]), "\(note)")
    let limits = root["limits"] as? [String: Any] ?? [:]
    #expect(agent.limits.steps == (limits["steps"].map(number) ?? 50), "\(note)")
  }

  private static func compare(_ rule: SandboxScript.Rule, _ root: [String: Any], typed: [String: Any], _ note: String) {
    let when = root["when"] as? [String: Any] ?? [:]
    if let prompt = rule.prompt { #expect(prompt == when["prompt"] as? String, "\(note)") }
    if let turn = rule.turn { #expect(turn == when["turn"].flatMap(number), "\(note)") }
    if let times = rule.times { #expect(times == root["times"].flatMap(number), "\(note)") }
    guard case .answer(let text, let calls, _, _) = rule.reply.outcome else { return }
    let reply = root["reply"] as? [String: Any] ?? [:]
    #expect(text == (reply["text"].map { $0 as? String } ?? ""), "\(note)")
    let read = (typed["reply"] as? [String: Any])?["tool_calls"] as? [[String: Any]] ?? []
    for (call, read) in zip(calls, read) {
      for (name, value) in call.arguments.objectValue ?? [:] {
        let other = (read["arguments"] as? [String: Any])?[name]
        switch value {
        case .string(let text): #expect(text == other as? String, "\(note)")
        case .integer(let number): #expect(Int(number) == other as? Int, "\(note)")
        case .bool(let flag): #expect(flag == other as? Bool, "\(note)")
        case .double(let number): #expect(number == other as? Double, "\(note)")
        case .null, .array, .object: break
        }
      }
    }
  }
}

/// One random change of a file.
private enum Mutation {
  private static let pieces = [
    ":", "- ", "{", "}", "[", "]", "\"", "'", "&a ", "*a", "!!str ", "|", ">", "#", "\n", "  ", "\t", "null", "yes",
    "0x1",
    "1_0", "010", "1e3", "---\n", "...\n", "? ", "%YAML 1.1\n", "<<: ", "${A}", "\u{2028}", "\u{85}", "\\", "é", "~",
    ".5", "-",
  ].map { Array($0.utf8) }

  private static let values = [
    "", "~", "null", "Null", "true", "True", "yes", "no", "off", "0", "1", "7", "-3", "007", "0x1F", "0o7", "0b1",
    "1_0",
    "1e1", "5.0", ".5", "+4", "1:30", ".inf", "2001-01-01", "word", "two words", "'5'", "\"yes\"", "/a/path", "[]",
    "{}",
    "[a]", "[1]", "{a: 1}", "30s", "10MB", "64KiB", "1e400", "99999999999999999999", "=", "<<", "!!str 5", "|\n  5",
    "# none", "info", "'info'", "localhost:1", "\"\\x41\"", "1.", "1_000", "0.", "0777", "1__0", "12e03", "-.INF", "-0",
  ]

  static func apply(to bytes: [UInt8], _ random: SeededRandom) -> [UInt8] {
    var bytes = bytes
    for _ in 0...Int(random.next() % 3) { once(&bytes, random) }
    return bytes
  }

  private static func once(_ bytes: inout [UInt8], _ random: SeededRandom) {
    func below(_ bound: Int) -> Int { Int(random.next() % UInt64(max(1, bound))) }
    guard !bytes.isEmpty else { return }
    let place = below(bytes.count)
    switch below(10) {
    case 0: bytes.remove(at: place)
    case 1: bytes[place] = UInt8(truncatingIfNeeded: random.next())
    case 2: bytes[place] = UInt8(0x20 + below(0x5F))
    case 3, 4: bytes.insert(contentsOf: pieces[below(pieces.count)], at: place)
    case 5: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(40)))
    case 6: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 1 + below(80))], at: below(bytes.count))
    case 7, 8:
      // Another value for some key.
      var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
      let line = below(lines.count)
      guard let colon = lines[line].firstIndex(of: UInt8(ascii: ":")) else { return }
      lines[line] = lines[line][...colon] + Array(" \(values[below(values.count)])".utf8)
      bytes = Array(lines.joined(separator: [UInt8(ascii: "\n")]))
    default:
      var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
      lines.swapAt(below(lines.count), below(lines.count))
      bytes = Array(lines.joined(separator: [UInt8(ascii: "\n")]))
    }
  }
}
