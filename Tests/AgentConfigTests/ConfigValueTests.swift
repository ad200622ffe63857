import AgentConfig
import AgentCore
import Foundation
import Testing

@Suite("Values and where they come from")
struct ConfigValueTests {
  private static func value(_ loaded: LoadedConfiguration, _ key: String) throws -> ConfigValue {
    try #require(loaded.values.first { $0.key == key }, "\(key)")
  }

  @Test("every declared key is listed once, with its default where nobody says anything")
  func complete() throws {
    let loaded = try ConfigFolder.builtIn()
    let keys = loaded.values.map { "\($0.file) \($0.key)" }
    #expect(Set(keys).count == keys.count)
    for key in ServerSettings.keys where key.need != .notSupported && key.type != .section {
      #expect(try Self.value(loaded, key.path).source == .builtIn)
    }
    #expect(try Self.value(loaded, "workers").value == 64)
    #expect(try Self.value(loaded, "log.max_size").value == "50MB")
    #expect(try Self.value(loaded, "agents.coder.limits.steps").value == 50)
    #expect(try Self.value(loaded, "agents.coder.limits.wall_time").value == "15m")
    #expect(try Self.value(loaded, "providers.openai.base_url").value == "https://api.openai.com/v1")
    #expect(try Self.value(loaded, "providers.openai.api_key").value == .null)
    #expect(try Self.value(loaded, "providers.openai.timeouts.idle").value == "60s")
    #expect(try Self.value(loaded, "default").value == "sandbox")
    for key in ["headers", "query"] {
      #expect(try Self.value(loaded, "providers.anthropic.\(key)").value == .null)
      #expect(!keys.contains("providers.yaml providers.sandbox.\(key)"))
    }
    #expect(!keys.contains("providers.yaml providers.sandbox.base_url"))
    #expect(!keys.contains("providers.yaml providers.sandbox.timeouts.idle"))
    #expect(!keys.contains("providers.yaml providers.openai.script"))
  }

  @Test("the built-in agents and the shipped file list the same keys and values")
  func builtIn() throws {
    func shown(_ loaded: LoadedConfiguration) -> [String] {
      loaded.values.filter { $0.file == "agents.yaml" }.map { "\($0.key) = \($0.value.text)" }.sorted()
    }
    #expect(try shown(ConfigFolder.builtIn()) == shown(ConfigFixture(ShippedFiles.all()).load()))
  }

  @Test("a value names its file and line, the variables in it, or the variable that stands above the file")
  func sources() throws {
    let fixture = try ConfigFixture([
      "server.yaml": "workers: 3\ndata: ${D}/x\nlog:\n  level: error\n",
      "providers.yaml": "providers:\n  openai: {type: openai}\n  b: {type: openai, api_key_file: k}\n", "k": "sk",
    ])
    let loaded = try fixture.load(["D": "/d", "LOG_LEVEL": "debug", "OPENAI_API_KEY": "sk-1"])
    let file = fixture.folder.appending("server.yaml")
    #expect(try Self.value(loaded, "workers").source == .file(file, line: 1, variables: []))
    #expect(try Self.value(loaded, "data").source == .file(file, line: 2, variables: ["D"]))
    #expect(try Self.value(loaded, "data").value == "/d/x")
    #expect(try Self.value(loaded, "data").source.place == "\(file):2 (${D})")
    #expect(try Self.value(loaded, "log.level").source == .environment("LOG_LEVEL"))
    #expect(try Self.value(loaded, "providers.openai.api_key").source == .environment("OPENAI_API_KEY"))
    let key = fixture.folder.appending("k")
    #expect(try Self.value(loaded, "providers.b.api_key").source == .file(key, line: 0, variables: []))
  }

  @Test("a list and a body name the variables of all that is in them, each once")
  func sourcesOfMany() throws {
    let fixture = try ConfigFixture([
      "server.yaml": "allowed_hosts: ['${A}.test', b.test, '${B}.${A}']\n",
      "providers.yaml": """
      providers:
        p: {type: openai, body: {user: "${B}", deep: {list: [a, "x-${A}", "${B}"]}, n: 1}}
      """,
      "permissions.yaml": "roles: {monitor: ['${C}', 'usage:read']}\n",
    ])
    let loaded = try fixture.load(["A": "a", "B": "b", "C": "metrics:read"])
    let folder = fixture.folder
    #expect(
      try Self.value(loaded, "allowed_hosts").source
        == .file(folder.appending("server.yaml"), line: 1, variables: ["A", "B"]))
    #expect(
      try Self.value(loaded, "providers.p.body").source
        == .file(folder.appending("providers.yaml"), line: 2, variables: ["B", "A"]))
    #expect(
      try Self.value(loaded, "roles.monitor").source
        == .file(folder.appending("permissions.yaml"), line: 1, variables: ["C"]))
  }

  @Test("no secret is in any value: keys, headers, query, proxies, user-info of a URL")
  func secrets() throws {
    let fixture = try ConfigFixture([
      "providers.yaml": """
      providers:
        p: {type: openai, base_url: "https://hush:hush@x/v1", model: m, api_key: hush, headers: {X-A: hush},
            query: {q: hush}, proxy: "http://hush@p:1"}
      """
    ])
    let loaded = try fixture.load()
    #expect(!loaded.values.contains { $0.value.text.contains("hush") || "\($0)".contains("hush") })
    #expect(try Self.value(loaded, "providers.p.base_url").value == "https://[secret]@x/v1")
    for key in ["api_key", "headers.X-A", "query.q", "proxy"] {
      #expect(try Self.value(loaded, "providers.p.\(key)").value == "[secret]")
    }
    try fixture.write(
      "providers.yaml", Array("providers: {p: {type: openai, base_url: 'https://other@x/v1', model: m}}".utf8))
    let changed = try fixture.load()
    #expect(
      try !Self.value(changed, "providers.p.base_url").means(Self.value(loaded, "providers.p.base_url")))
  }

  @Test("what a variable puts into a body is hidden, at every depth, and told when it changes")
  func bodies() throws {
    let fixture = try ConfigFixture([
      "providers.yaml": """
      providers:
        p: {type: openai, body: {user: "${U}", n: 1, deep: {list: [a, "x-${U}"]}}, headers: {}}
      """,
      "agents.yaml": "agents: {a: {instructions: x, body: {k: '${U}', seed: 5}}}\n",
    ])
    let loaded = try fixture.load(["U": "hush"])
    #expect(!loaded.values.contains { $0.value.text.contains("hush") || "\($0)".contains("hush") })
    let shown: JSONValue = ["user": "[secret]", "n": 1, "deep": ["list": ["a", "[secret]"]]]
    #expect(try Self.value(loaded, "providers.p.body").value == shown)
    #expect(try Self.value(loaded, "agents.a.body").value == ["k": "[secret]", "seed": 5])
    #expect(try Self.value(loaded, "providers.p.headers").value == [:])
    let changed = try fixture.load(["U": "other"])
    #expect(try !Self.value(changed, "providers.p.body").means(Self.value(loaded, "providers.p.body")))
    #expect(try !Self.value(changed, "agents.a.body").means(Self.value(loaded, "agents.a.body")))
    #expect(try Self.value(fixture.load(["U": "hush"]), "agents.a.body").means(Self.value(loaded, "agents.a.body")))
    let doubtful = fixture.issues(["U": "0x1f00"])
    #expect(doubtful.isEmpty)
    try fixture.write("agents.yaml", Array("agents:\n  a:\n    instructions: x\n    body:\n      k: ${U}\n".utf8))
    let unquoted = fixture.issues(["U": "0x1f00"])
    #expect(unquoted.count == 1 && !"\(unquoted)".contains("0x1f00") && "\(unquoted)".contains("${U}"), "\(unquoted)")
  }

  @Test("another content of a file of instructions, or of a script, under the same name is another value")
  func contents() throws {
    let fixture = try ConfigFixture([
      "agents.yaml": "agents: {a: {instructions_file: a.md}}\n", "a.md": "one",
      "providers.yaml": "providers: {s: {type: sandbox, script: s.yaml}}\n", "s.yaml": "rules: []\n",
    ])
    let before = try fixture.load()
    for (name, text, key) in [
      ("a.md", "two", "agents.a.instructions_file"), ("s.yaml", "rules: []\nlog: x\n", "providers.s.script"),
    ] {
      #expect(try Self.value(fixture.load(), key).means(Self.value(before, key)))
      try fixture.write(name, Array(text.utf8))
      #expect(try !Self.value(fixture.load(), key).means(Self.value(before, key)), "\(key)")
    }
  }

  @Test("the reference page says what the features declare")
  func reference() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appendingPathComponent("docs/CONFIGURATION.md"), encoding: .utf8)
    #expect(page == ConfigReference.text, "agent-system config reference > docs/CONFIGURATION.md writes it anew")
    for key in ServerSettings.keys + ProviderSettings.keys + AgentSettings.keys {
      #expect(page.contains("`\(key.path.replacing("*", with: "NAME"))`"), "\(key.path)")
    }
  }
}
