import AgentConfig
import Testing

/// What a variable holds may be a secret, whatever key it was put at.
@Suite("A variable's value in messages")
struct PlantedValueTests {
  private static let files: [(name: String, keys: [ConfigKey])] = [
    ("server.yaml", ServerSettings.keys), ("agents.yaml", AgentSettings.keys),
    ("providers.yaml", ProviderSettings.keys), ("permissions.yaml", PermissionSettings.keys),
    ("encryption.yaml", EncryptionSettings.keys),
  ]

  /// In forms that different checks refuse: types, ranges, paths, names, lengths.
  static let planted = [
    "sk-hush", "/hush/x", "hush/../x", "99hush", "0.0.0.0hush:80", "hush.example:80", "http://hush@:0", "hush?x#y z",
    "hush\u{1B}", String(repeating: "hush", count: 100), String(repeating: "hush", count: 80_000),
  ]

  /// Numbers and words that are well-formed and refused all the same; no limit of ours has these digits.
  static let numbers = [
    "9876543219876543219", "98765432198765", "-98765432198765", "98765432198765h", "98765432198765GB",
  ]

  /// The value at the key's place, below what the key's section needs besides.
  private static func yaml(_ key: ConfigKey, _ value: String) -> String {
    var parts = key.path.split(separator: ".").map { $0 == "*" ? "n" : String($0) }
    let last = parts.removeLast()
    let type = ["script": "sandbox", "prompt_cache": "anthropic"][last] ?? "openai"
    let needs =
      switch parts.first {
      case "agents" where parts.count == 2 && !last.hasPrefix("instructions"): "instructions: x, "
      case "providers" where parts.count == 2 && last != "type": "type: \(type), "
      default: ""
      }
    let entry = "{\(needs)\(last): \(value)}"
    return parts.reversed().reduce(entry) { inner, name in "{\(name): \(inner)}" } + "\n"
  }

  private static func values(_ key: ConfigKey) -> [String] {
    let scalar = "'${HUSH_KEY}'"
    return switch key.type {
    case .list, .textOrList: [scalar, "[\(scalar)]", "[\(scalar), \(scalar)]"]
    case .lists: [scalar, "{a: \(scalar)}", "{a: [\(scalar)]}", "{local: ['task:${HUSH_KEY}', \(scalar)]}"]
    case .secrets, .json, .section, .named: [scalar, "[\(scalar)]", "{a: \(scalar)}"]
    default: [scalar, "[\(scalar)]", "'a${HUSH_KEY}'"]
    }
  }

  private static func check(_ planted: String, hides part: String) throws -> Int {
    var refused = 0
    let fixture = try ConfigFixture()
    for (name, keys) in files {
      for key in keys where key.need != .notSupported {
        for value in values(key) {
          let text = yaml(key, value)
          try fixture.write(name, Array(text.utf8))
          var lines = fixture.issues(["HUSH_KEY": planted]).map(\.description)
          refused += lines.isEmpty ? 0 : 1
          if lines.isEmpty { lines = try fixture.load(["HUSH_KEY": planted]).warnings.map(\.description) }
          let shown = lines.filter { $0.contains(part) }
          #expect(shown.isEmpty, "\(text): \(shown)")
        }
      }
      try fixture.remove(name)
    }
    return refused
  }

  @Test("is in none, at no key of the reference, in whatever form it is refused", arguments: planted)
  func refused(_ planted: String) throws { #expect(try Self.check(planted, hides: "hush") > 100) }

  @Test("is in none where it is a number out of range, or nearly one", arguments: numbers)
  func outOfRange(_ planted: String) throws { #expect(try Self.check(planted, hides: "98765432198765") > 50) }

  @Test(
    "is told of as it was written",
    arguments: [
      Refusal("log: {level: '${K}'}", "server.yaml", "'log.level' is '${K}'; it must be one of"),
      Refusal("log: {max_size: '1${K}'}", "server.yaml", "'log.max_size' is '1${K}'; it must be a size"),
      Refusal("log: {keep: '9${N}'}", "server.yaml", "'log.keep' is 9${N}; it must be between"),
      Refusal("listen: '${K}'", "server.yaml", "'listen': '${K}' is no address"),
      Refusal("listen: '${IP}:80'", "server.yaml", "'${IP}:80' is not a loopback address"),
      Refusal("allowed_hosts: ['${K:-x}/']", "server.yaml", "'${K:-x}/' is neither"),
      Refusal("workspace_roots: ['/${K}', '/${K}']", "server.yaml", "'/${K}' stands twice"),
      Refusal("{default: '${K}', providers: {s: {type: sandbox}}}", "providers.yaml", "of this file: '${K}'"),
      Refusal("providers: {s: {type: sandbox, script: '${K}'}}", "providers.yaml", "no script '${K}'"),
      Refusal("providers: {s: {type: openai, ca_file: '${K}'}}", "providers.yaml", "ca_file': ${K} cannot be opened"),
      Refusal("providers: {s: {type: openai, api_key_file: '${K}'}}", "providers.yaml", "': ${K} cannot be opened"),
      Refusal("agents: {a: {instructions_file: '${K}'}}", "agents.yaml", "there is no file '${K}'"),
      Refusal("agents: {a: {instructions: x, tools: ['${K}']}}", "agents.yaml", "there is no tool '${K}'"),
      Refusal("agents: {a: {instructions: x, provider: '${K}'}}", "agents.yaml", "names no provider: '${K}'"),
    ])
  func written(_ refusal: Refusal) throws {
    let fixture = try ConfigFixture([refusal.place: refusal.text + "\n"])
    let issues = fixture.issues(["K": "sk-hush", "N": "999", "IP": "0.0.0.0"])
    #expect(issues.contains { $0.message.contains(refusal.message) }, "\(issues)")
    #expect(!issues.contains { "\($0)".contains("hush") }, "\(issues)")
  }

  @Test("a key that stands where its file was to be named is not shown, a path is")
  func keyForFile() throws {
    let text = "providers: {p: {type: openai, api_key_file: sk-hush}, q: {type: openai, api_key_file: keys/none}}\n"
    let fixture = try ConfigFixture(["providers.yaml": text])
    let issues = fixture.issues(["ANTHROPIC_API_KEY_FILE": "sk-ant-hush"])
    #expect(issues.count == 3 && !issues.contains { "\($0)".contains("hush") }, "\(issues)")
    #expect(issues.contains { $0.message.contains("the file that it names in the configuration folder cannot be") })
    #expect(issues.contains { $0.message.contains(fixture.folder.appending("keys/none") + " cannot be opened") })
    #expect(issues.contains { $0.file == "ANTHROPIC_API_KEY_FILE" && $0.message.hasPrefix("the file that it names") })
  }
}
