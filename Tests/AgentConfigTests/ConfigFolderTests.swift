import AgentConfig
import AgentTestKit
import Testing

@Suite("The configuration folder")
struct ConfigFolderTests {
  @Test("the shipped files say exactly what the program does without them")
  func shipped() throws {
    let loaded = try ConfigFixture(ShippedFiles.all()).load()
    #expect(loaded.agents == BuiltInAgents.all)
    #expect(loaded.server == ServerSettings())
    #expect(loaded.providers == (try ConfigFolder.builtIn().providers))
    #expect(loaded.permissions == PermissionSettings() && loaded.encryption == EncryptionSettings())
    #expect(loaded.warnings.isEmpty)
  }

  @Test("an empty folder gives the defaults")
  func empty() throws {
    let loaded = try ConfigFixture().load()
    #expect(loaded.agents == BuiltInAgents.all)
    #expect(loaded.server == ServerSettings())
    #expect(loaded.providers.providers.map(\.id.name) == ["openai", "anthropic", "sandbox"])
    #expect(loaded.providers.defaultID == "sandbox")
    #expect(loaded.providers == (try ConfigFolder.builtIn().providers))
    #expect(loaded.warnings.isEmpty)
  }

  @Test("the folder that is read unless told may be absent, one that is given may not")
  func absent() throws {
    let folder = try TemporaryFolder("config")
    let path = folder.appending("nothing")
    let error = #expect(throws: ConfigError.self) { try ConfigFolder.load(path) }
    #expect(error?.issues == [ConfigIssue(file: path, code: .invalid, message: "there is no such folder")])
    #expect(ConfigFolder.defaultPath == "/etc/agent-system")
  }

  @Test("a file in the folder's place is refused")
  func fileForFolder() throws {
    let fixture = try ConfigFixture(["server.yaml": ""])
    #expect(throws: ConfigError.self) { try ConfigFolder.load(fixture.folder.appending("server.yaml")) }
  }

  @Test("yaml files that nothing reads are warnings, other files are nothing")
  func unread() throws {
    let fixture = try ConfigFixture([
      "auth.yaml": "a: 1", "rate_limit.yaml": "&%", "server.yml": "", "notes.txt": "", ".hidden.yaml": "",
      "providers.yaml": "providers: {a: {type: sandbox, script: my-script.yaml}}", "my-script.yaml": "rules: []",
    ])
    let warnings = try fixture.load().warnings.map(fixture.short)
    #expect(warnings.map(\.file) == ["auth.yaml", "rate_limit.yaml", "server.yml"])
    #expect(warnings.allSatisfy { $0.code == .notRead })
  }

  @Test("all issues of all files come at once, by file and line")
  func everything() throws {
    let fixture = try ConfigFixture([
      "server.yaml": "workers: 0\nwrokers: 3\nlisten: 0.0.0.0:80\n",
      "agents.yaml": "agents:\n  status:\n    instructions: x\n  b:\n    tools: [file.raed]\n",
      "providers.yaml": "default: nobody\n",
    ])
    #expect(
      fixture.places() == [
        "agents.yaml:2:3 config_invalid", "agents.yaml:5:5 config_invalid", "agents.yaml:5:13 config_invalid",
        "providers.yaml:1:1 config_invalid", "server.yaml:1:10 config_invalid", "server.yaml:2:1 config_invalid",
        "server.yaml:3:9 plaintext_refused",
      ])
    #expect(ConfigError.exitCode == 78)
  }

  @Test("an issue reads as file, line, column, code and sentence")
  func description() throws {
    let issue = ConfigIssue(file: "/etc/a.yaml", line: 3, column: 1, code: .invalid, message: "unknown key 'x'")
    #expect(issue.description == "/etc/a.yaml:3:1: config_invalid: unknown key 'x'")
    #expect(
      ConfigIssue(file: "/etc/a.yaml", code: .notRead, message: "m").description == "/etc/a.yaml: config_not_read: m")
  }

  @Test("files that are no text files are refused with their name")
  func unreadable() throws {
    let fixture = try ConfigFixture()
    try fixture.write("server.yaml", Array("workers: 1\n".utf8) + [0x61, 0xFF, 0x0A])
    try fixture.write("agents.yaml", [UInt8](repeating: UInt8(ascii: "#"), count: (1 << 20) + 1))
    let issues = fixture.issues()
    #expect(issues.map { "\($0.file):\($0.line)" } == ["agents.yaml:0", "server.yaml:2"])
    #expect(issues.map(\.message) == ["is larger than 1MiB", "is not UTF-8"])
  }

  @Test(
    "a file that is a link to nowhere is refused, and not taken for absent",
    arguments: ShippedFiles.names)
  func danglingLink(_ name: String) throws {
    let fixture = try ConfigFixture()
    try fixture.link(name, to: "gone/\(name)")
    let issues = fixture.issues()
    #expect(issues.map(\.file) == [name] && issues[0].message == "is a link that leads nowhere", "\(issues)")
    #expect(issues[0].code == .invalid)
    try fixture.remove(name)
    #expect(fixture.issues().isEmpty)
  }

  @Test("so are scripts, instructions and the folder itself")
  func danglingLinks() throws {
    let fixture = try ConfigFixture([
      "providers.yaml": "providers: {s: {type: sandbox, script: s.yaml}}\n",
      "agents.yaml": "agents: {a: {instructions_file: a.md}}\n",
    ])
    for name in ["s.yaml", "a.md", "folder"] { try fixture.link(name, to: "nowhere") }
    let issues = fixture.issues()
    #expect(issues.map(\.file) == ["a.md", "s.yaml"], "\(issues)")
    #expect(issues.allSatisfy { $0.message == "is a link that leads nowhere" }, "\(issues)")
    let error = #expect(throws: ConfigError.self) { try ConfigFolder.load(fixture.folder.appending("folder")) }
    #expect(error?.issues.first?.message == "is no folder, or a link that leads nowhere")
  }

  @Test("a file of instructions is text: no NUL, no bytes that are no UTF-8")
  func instructions() throws {
    let fixture = try ConfigFixture(["agents.yaml": "agents: {a: {instructions_file: a.md}}\n"])
    for (bytes, message) in [([0x61, 0x0A, 0x62, 0x00], "holds NUL"), ([0x61, 0x0A, 0xFF], "is not UTF-8")]
      as [([UInt8], String)]
    {
      try fixture.write("a.md", bytes)
      let issues = fixture.issues()
      #expect(issues.map { "\($0.file):\($0.line)" } == ["a.md:2"] && issues[0].message == message, "\(issues)")
    }
  }

  @Test("a byte order mark and CRLF are no part of the content")
  func byteOrderMark() throws {
    let fixture = try ConfigFixture()
    try fixture.write("server.yaml", [0xEF, 0xBB, 0xBF] + Array("workers: 7\r\nqueue:\r\n  max_pending: 9\r\n".utf8))
    let loaded = try fixture.load()
    #expect(loaded.server.workers == 7)
    #expect(loaded.server.maximumPending == 9)
  }

  @Test("server.yaml may say nothing: every key has its default")
  func comments() throws {
    for text in ["# nothing\n", "---\n", ""] {
      #expect(try ConfigFixture(["server.yaml": text]).load().server == ServerSettings())
    }
  }

  @Test(
    "a file that exists is the whole list: one that names nothing is refused, and says what holds without it",
    arguments: ["", "# nothing\n", "---\n", "null\n", "KEY: {}\n"], ["agents", "providers"])
  func namesNothing(_ text: String, _ key: String) throws {
    let issues = try ConfigFixture(["\(key).yaml": text.replacing("KEY", with: key)]).issues()
    #expect(issues.count == 1 && issues.first?.line == 1, "\(issues)")
    #expect(issues.first?.message.contains("'\(key)' must be given and name one at least") == true, "\(issues)")
    #expect(issues.first?.message.contains("without the file") == true, "\(issues)")
  }

  @Test(
    "agents are not held against providers that could not be read",
    arguments: [
      "providers: [", "providers:\n  - local\n", "provider: {local: {type: sandbox}}\n", "default: local\n",
      "providers: {local: text}\n", "providers: {local: {type: opnai}}\n", "providers: {${NONE}: {}, local: 1}\n",
    ])
  func noEcho(_ providers: String) throws {
    let fixture = try ConfigFixture([
      "providers.yaml": providers, "agents.yaml": "agents: {a: {instructions: x, provider: local}}\n",
    ])
    let issues = fixture.issues()
    #expect(!issues.isEmpty && issues.allSatisfy { $0.file == "providers.yaml" }, "\(issues)")
    #expect(!issues.contains { $0.message.contains("names no provider") }, "\(issues)")
  }

  @Test("a missing space shows no part of the value, and is named")
  func missingSpace() throws {
    let fixture = try ConfigFixture([
      "providers.yaml": """
      providers:
        a: {type: openai, api_key:sk-hush-1}
        b: {type: openai, model: m, headers: {Authorization:Bearer hush}}
        c: {type: openai, headers: {X-A:hush}, query: {k:hush}, body: {user:hush}}
        d: {type: openai, headers: {X-B:hush x: y, X-C:hush: z}}
        api_key:hush: {type: openai}
        e: {type: openai, timeouts: {idle:hush, idle:hush}}
      """,
      "server.yaml": "log: {level:hush, levle:hush}\n",
    ])
    let issues = fixture.issues()
    #expect(!issues.contains { "\($0)".contains("hush") }, "\(issues)")
    for text in [
      "unknown key 'providers.a.api_key'; a space is missing after 'api_key:'",
      "'providers.b.headers.Authorization' has no value; a space is missing after 'Authorization:'",
      "'providers.c.query.k'", "'providers.c.body.user'", "'providers.c.headers.X-A'", "'providers.d.headers.X-B'",
      "'api_key' is no name; a space is missing", "unknown key 'providers.e.timeouts.idle'",
      "unknown key 'log.level'; a space is missing after 'level:'", "did you mean 'level'?",
    ] { #expect(issues.contains { $0.message.contains(text) }, "\(text): \(issues)") }
  }

  @Test("a provider that is used and lacks its key is a warning at the place that uses it")
  func keyless() throws {
    let fixture = try ConfigFixture([
      "providers.yaml":
        "default: a\nproviders: {a: {type: openai}, b: {type: anthropic}, c: {type: openai, api_key: k}}",
      "agents.yaml": """
      agents:
        one: {instructions: x, provider: b}
        two: {instructions: x, provider: c}
      """,
    ])
    let warnings = try fixture.load().warnings.map(fixture.short)
    #expect(warnings.allSatisfy { $0.code == .noKey }, "\(warnings)")
    #expect(warnings.map { "\($0.file):\($0.line)" } == ["providers.yaml:0", "agents.yaml:2"], "\(warnings)")
    #expect(try ConfigFolder.builtIn().warnings.isEmpty)
  }

  @Test("no control character of a file, a name or a variable reaches a terminal")
  func printable() throws {
    let fixture = try ConfigFixture([
      "agents.yaml": "agents: {a: {instructions: x, provider: \"p\\e[31m\"}}\n", "b\u{1b}[31m.yaml": "x: 1\n",
    ])
    let issues = fixture.issues(["LOG_LEVEL": "x\u{1b}]0;y", "OPENAI_API_KEY_FILE": "/no\u{1b}[31m"])
    #expect(issues.count == 3, "\(issues)")
    try fixture.write("agents.yaml", Array("agents: {a: {instructions: x}}\n".utf8))
    let warnings = try fixture.load().warnings
    #expect(warnings.count == 1)
    #expect(!(issues + warnings).contains { "\($0)".contains("\u{1b}") })
  }

  @Test("a hundred mistakes of a file are told, and how many more there are")
  func bounded() throws {
    func unknown(_ count: Int) -> String { (0..<count).map { "unknown\($0): 1\n" }.joined() }
    #expect(try ConfigFixture(["server.yaml": unknown(100)]).issues().allSatisfy { $0.line > 0 })
    let issues = try ConfigFixture(["server.yaml": unknown(500), "encryption.yaml": unknown(101)]).issues()
    #expect(issues.count == 202)
    #expect(issues[100].description == "encryption.yaml: config_invalid: and 1 more", "\(issues[100])")
    #expect(issues[201].description == "server.yaml: config_invalid: and 400 more", "\(issues[201])")
    #expect(issues[101...200].map(\.line) == Array(1...100))
  }

  @Test("so are those of a file that another one names")
  func boundedBelow() throws {
    let rules = "rules:\n" + (0..<120).map { "  - unknown\($0): 1\n" }.joined()
    let fixture = try ConfigFixture([
      "providers.yaml": "providers: {s: {type: sandbox, script: s.yaml}, t: {type: none}}\n", "s.yaml": rules,
    ])
    let issues = fixture.issues()
    #expect(issues.filter { $0.line > 0 }.count == 100, "\(issues.count)")
    let rest = issues.filter { $0.line == 0 }.map(\.description)
    #expect(rest.first == "providers.yaml: config_invalid: and 1 more", "\(rest)")
    #expect(rest.count == 2 && rest[1].hasPrefix("s.yaml: config_invalid: and "), "\(rest)")
  }
}
