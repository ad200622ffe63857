import AgentConfig
import AgentCore
import AgentTestKit
import Testing

@Suite("Providers over HTTP in providers.yaml")
struct RemoteProviderSettingsTests {
  private static func remote(_ loaded: LoadedConfiguration, _ index: Int = 0) throws -> RemoteProviderSettings {
    guard case .remote(let remote) = loaded.providers.providers[index].kind else {
      throw ConfigError(issues: [])
    }
    return remote
  }

  private static func one(_ members: String, _ environment: [String: String] = [:]) throws -> RemoteProviderSettings {
    try remote(ConfigFixture(["providers.yaml": "providers: {p: {\(members)}}"]).load(environment))
  }

  @Test("every key is read into its setting")
  func whole() throws {
    let fixture = try ConfigFixture([
      "providers.yaml": """
      providers:
        p:
          type: openai
          base_url: "https://User:${PW}@Models.Example:8443/v1//"
          api_key: "${KEY}"
          model: big
          max_concurrent: 2
          requests_per_minute: 60
          tokens_per_minute: "90000"
          timeouts: {connect: 1s, first_byte: 2m, idle: 1500ms, total: 3}
          retries: 0
          max_response: 1MiB
          headers: {X-Team: "${TEAM}", api-key: k}
          query: {api-version: 2024-10-21}
          ca_file: ca.pem
          proxy: "http://u:p@proxy:3128"
          body: {reasoning_effort: high, temperature: null, seed: 7}
          max_tokens_name: max_tokens
          context_tokens: 8192
      """, "ca.pem": "-----BEGIN CERTIFICATE-----\n",
    ])
    let read = try Self.remote(fixture.load(["PW": "secret", "KEY": "sk-1", "TEAM": "a b"]))
    var expected = RemoteProviderSettings(
      dialect: .openai, baseURL: "https://User:secret@Models.Example:8443/v1", model: "big", needsKey: false,
      maximumTokensName: "max_tokens")
    expected.apiKey = Secret("sk-1")
    (expected.maxConcurrent, expected.requestsPerMinute, expected.tokensPerMinute) = (2, 60, 90_000)
    (expected.timeouts.connect, expected.timeouts.firstByte) = (.seconds(1), .seconds(120))
    (expected.timeouts.idle, expected.timeouts.total) = (.milliseconds(1500), .seconds(3))
    (expected.retries, expected.maximumResponseBytes, expected.contextTokens) = (0, 1 << 20, 8192)
    expected.headers = ["X-Team": Secret("a b"), "api-key": Secret("k")]
    expected.query = ["api-version": Secret("2024-10-21")]
    expected.certificateAuthorityFile = fixture.folder.appending("ca.pem")
    expected.proxy = Secret("http://u:p@proxy:3128")
    expected.body = ["reasoning_effort": "high", "temperature": nil, "seed": 7]
    #expect(read == expected)
  }

  @Test("the type alone gives its own service with a dated model, which wants a key")
  func services() throws {
    let openai = try Self.one("type: openai")
    #expect(openai.baseURL == "https://api.openai.com/v1" && openai.maximumTokensName == "max_completion_tokens")
    #expect(openai.needsKey && openai.apiKey == nil && !openai.model.isEmpty)
    #expect(openai.timeouts == RemoteProviderSettings.Timeouts() && openai.retries == 3)
    #expect(openai.maximumResponseBytes == 16 << 20)
    let anthropic = try Self.one("type: anthropic")
    #expect(anthropic.baseURL == "https://api.anthropic.com" && anthropic.maximumTokensName == "max_tokens")
    #expect(anthropic.needsKey && !anthropic.model.isEmpty && anthropic.dialect == .anthropic)
  }

  @Test(
    "a key is needed by api.openai.com, and by all that speak Anthropic's messages",
    arguments: [
      ("openai", "https://api.openai.com/v1", true, "max_completion_tokens"),
      ("openai", "https://API.OpenAI.com:443/v1", true, "max_completion_tokens"),
      ("openai", "http://127.0.0.1:11434/v1", false, "max_tokens"),
      ("openai", "https://api.mistral.ai/v1", false, "max_tokens"),
      ("openai", "https://api.openai.com.evil.example/v1", false, "max_tokens"),
      ("anthropic", "http://localhost:4000", true, "max_tokens"),
      ("anthropic", "http://me:pass@localhost:4000", false, "max_tokens"),
      ("anthropic", "https://api.anthropic.com", true, "max_tokens"),
      ("openai", "http://[::1]:8080", false, "max_tokens"),
    ])
  func needs(_ type: String, _ url: String, _ isNeeded: Bool, _ name: String) throws {
    let read = try Self.one("type: \(type), base_url: '\(url)', model: m")
    #expect(read.needsKey == isNeeded && read.maximumTokensName == name && read.baseURL == url)
  }

  @Test(
    "no key is needed where a header says who asks",
    arguments: [
      ("anthropic", "X-Api-Key", false), ("anthropic", "authorization", false), ("anthropic", "X-Team", true),
      ("openai", "Authorization", false),
    ])
  func headersForKeys(_ type: String, _ header: String, _ isNeeded: Bool) throws {
    let read = try Self.one("type: \(type), headers: {\(header): hush}")
    #expect(read.needsKey == isNeeded && read.apiKey == nil)
  }

  @Test("a header of white space alone says nothing of who asks")
  func blankHeader() throws {
    #expect(try Self.one("type: anthropic, headers: {x-api-key: '  '}").needsKey)
  }

  @Test("the output limit of Anthropic's messages has one name")
  func maximumTokensName() throws {
    for name in ["max_tokens", "max_completion_tokens", "temperature", "thinking"] {
      let issues = try ConfigFixture([
        "providers.yaml": "providers: {p: {type: anthropic, max_tokens_name: \(name)}}"
      ]).issues()
      let words = "'providers.p.max_tokens_name' is no key of a provider of type 'anthropic'"
      #expect(issues.map(\.message) == [words], "\(issues)")
    }
  }

  @Test("the provider's cache of prompts is used by Anthropic's messages, unless told otherwise")
  func promptCache() throws {
    #expect(try Self.one("type: anthropic").cachesPrompts)
    #expect(try Self.one("type: anthropic, prompt_cache: true").cachesPrompts)
    #expect(try !Self.one("type: anthropic, prompt_cache: false").cachesPrompts)
    #expect(try !Self.one("type: openai").cachesPrompts)
  }

  @Test("the first with a key is the default, else the sandbox, else whoever needs none")
  func defaults() throws {
    func chosen(_ text: String) throws -> String {
      let loaded = try ConfigFixture(["providers.yaml": text]).load(["K": "k"])
      #expect(loaded.providers.namedDefault == nil)
      return loaded.providers.defaultID.name
    }
    #expect(
      try chosen("providers: {s: {type: sandbox}, a: {type: openai}, b: {type: anthropic, api_key: '${K}'}}") == "b")
    #expect(try chosen("providers: {a: {type: openai}, s: {type: sandbox}}") == "s")
    #expect(try chosen("providers: {a: {type: openai}, l: {type: openai, base_url: 'http://l', model: m}}") == "l")
    #expect(try chosen("providers: {a: {type: openai}}") == "a")
    let named = try ConfigFixture([
      "providers.yaml": "default: a\nproviders: {a: {type: openai}, s: {type: sandbox}}"
    ]).load()
    #expect(named.providers.defaultID == "a" && named.providers.namedDefault == "a")
  }

  @Test("a key's file is read without its line break, from the folder or from anywhere, and anew each time")
  func keyFile() throws {
    let fixture = try ConfigFixture([
      "providers.yaml": "providers: {p: {type: openai, api_key_file: key}}", "key": "sk-one\n",
    ])
    #expect(try Self.remote(fixture.load()).apiKey == Secret("sk-one"))
    #expect(try Self.remote(fixture.load()).apiKeyFile == fixture.folder.appending("key"))
    try fixture.write("key", Array("sk-two".utf8))
    #expect(try Self.remote(fixture.load()).apiKey == Secret("sk-two"))
    for text in ["\u{FEFF}sk-two\r\n", " \tsk-two \n\n", "\u{A0}sk-two\u{2003}\n"] {
      try fixture.write("key", Array(text.utf8))
      #expect(try Self.remote(fixture.load()).apiKey == Secret("sk-two"), "\(text.debugDescription)")
    }
    let elsewhere = try ConfigFixture([
      "providers.yaml": "providers: {p: {type: openai, api_key_file: '\(fixture.folder.appending("key"))'}}"
    ])
    #expect(try Self.remote(elsewhere.load()).apiKey == Secret("sk-two"))
  }

  @Test(
    "a key's file that is none is refused at its place, and nothing of it is told",
    arguments: [
      ([], "is empty"), (Array("\n".utf8), "is empty"), (Array("hush-1\nhush-2".utf8), "control character"),
      (Array("  \n".utf8), "white space alone"), ([0xEF, 0xBB, 0xBF], "white space alone"),
      (Array("hush\u{200B}1\n".utf8), "a character that no key has"), (Array("hush 1".utf8), "that no key has"),
      ([0xFF], "not UTF-8"), ([UInt8](repeating: 0x61, count: 16 * 1024 + 1), "is larger than"),
    ])
  func badKeyFile(_ bytes: [UInt8], _ message: String) throws {
    let fixture = try ConfigFixture(["providers.yaml": "providers:\n  p: {type: openai, api_key_file: key}\n"])
    #expect(fixture.places() == ["providers.yaml:2:35 config_invalid"])
    try fixture.write("key", bytes)
    let issues = fixture.issues()
    #expect(fixture.places() == ["providers.yaml:2:35 config_invalid"])
    #expect(issues[0].message.contains(message) && !issues[0].message.contains("hush"), "\(issues)")
  }

  static let refusals = [
    Refusal("model: m, base_url: 'ftp://x'", "begin with http:// or https://"),
    Refusal("model: m, base_url: 'http://'", "neither a name nor an address"),
    Refusal("model: m, base_url: 'http://127.1/v1'", "neither a name nor an address"),
    Refusal("model: m, base_url: 'http://x:0'", "port"),
    Refusal("model: m, base_url: 'http://x:99999'", "port"),
    Refusal("model: m, base_url: 'http://x/v1?key=hush'", "neither query nor fragment"),
    Refusal("model: m, base_url: \"http://hush\\n@x\"", "percent-encoded"),
    Refusal("base_url: 'http://x'", "'providers.p.model' must be given"),
    Refusal("api_key: \"hush\\nhush\"", "control character"),
    Refusal("api_key: \"hush\\x7f\"", "control character"),
    Refusal("api_key: ''", "'providers.p.api_key' is empty"),
    Refusal("api_key: '  '", "'providers.p.api_key' is empty: it holds white space alone"),
    Refusal("api_key: 'hush\u{200B}hush'", "'providers.p.api_key' holds a character that no key has"),
    Refusal("headers: {X-A: 'hush\u{200B}'}", "'X-A' holds a character that no header carries"),
    Refusal("headers: {X-A: 'hush\u{E9}'}", "'X-A' holds a character that no header carries"),
    Refusal("headers: {X-A: \"hush\\0\"}", "a value holds NUL"),
    Refusal("api_key: [hush]", "must be text, not a list"),
    Refusal("api_key: hush, api_key_file: key", "both 'api_key' and 'api_key_file'"),
    Refusal("api_key: &a hush", "anchors and aliases"),
    Refusal("api_key: !!str hush", "tags"),
    Refusal("api_kee: hush", "did you mean 'api_key'?"),
    Refusal("baseurl: x", "did you mean 'base_url'?"),
    Refusal("connect: 5s", "did you mean 'providers.*.timeouts.connect'?"),
    Refusal("timeouts: {conect: 5s}", "did you mean 'connect'?"),
    Refusal("timeouts: {connect: 0}", "must be between 10ms and 1h"),
    Refusal("timeouts: {total: 25h}", "must be between"),
    Refusal("timeouts: 5s", "must be a mapping, not text"),
    Refusal("retries: 11", "must be between 0 and 10"),
    Refusal("max_concurrent: 0", "must be between 1 and"),
    Refusal("requests_per_minute: 1.5", "must be a whole number"),
    Refusal("max_response: 2GiB", "must be between 4KiB and 1GiB"),
    Refusal("context_tokens: 10", "must be between 1000 and"),
    Refusal("headers: {'a b': hush}", "'a b' is no header's name"),
    Refusal("headers: {Content-Length: '5'}", "is set by the service itself"),
    Refusal("headers: {X-A: hush, x-a: hush}", "stands twice, in other letters"),
    Refusal("headers: {X-A: \"hush\\r\\nX-B: c\"}", "control character"),
    Refusal("headers: {X-A: [hush]}", "must be text, not a list"),
    Refusal("headers: [X-A]", "must be a mapping from names to texts"),
    Refusal("query: {a: {b: hush}}", "must be text, not a mapping"),
    Refusal("proxy: 'socks5://hush@x'", "begin with http:// or https://"),
    Refusal("ca_file: providers.yaml", "providers.yaml holds no certificate in PEM"),
    Refusal("ca_file: none.pem", "cannot be opened: No such file"),
    Refusal("body: {stream: false}", "'stream' is set by the service itself"),
    Refusal("body: {max_completion_tokens: null}", "'max_completion_tokens' is set by the service itself"),
    Refusal(
      "max_tokens_name: max_new_tokens, body: {max_new_tokens: null}", "'max_new_tokens' is set by the service itself"),
    Refusal("max_tokens_name: messages", "'messages' carries something else"),
    Refusal("max_tokens_name: temperature", "'temperature' carries something else"),
    Refusal("max_tokens_name: response_format", "'response_format' carries something else"),
    Refusal("max_tokens_name: tool_choice", "'tool_choice' carries something else"),
    Refusal("max_tokens_name: stop", "'stop' carries something else"),
    Refusal("max_tokens_name: stream_options", "'stream_options' carries something else"),
    Refusal("prompt_cache: true", "'providers.p.prompt_cache' is no key of a provider of type 'openai'"),
    Refusal("prompt_cache: maybe", "true, false"),
    Refusal("body: {a: yes}", "'yes' is a boolean to some readers"),
    Refusal("max_tokens_name: 'a b'", "no member's name"),
    Refusal("api_key: '${NO_KEY}'", "variable NO_KEY is not set"),
  ]

  @Test("each mistake is refused by its words, and no secret is in them", arguments: refusals)
  func refused(_ refusal: Refusal) throws {
    let issues = try ConfigFixture(["providers.yaml": "providers:\n  p: {type: openai, \(refusal.text)}\n"]).issues()
    let issue = try #require(issues.first)
    #expect(issues.count == 1, "\(issues)")
    #expect(issue.line == 2 && issue.message.contains(refusal.message), "\(issue)")
    #expect(!issues.contains { $0.message.contains("hush") }, "\(issues)")
  }
}

extension Refusal {
  fileprivate init(_ text: String, _ message: String) { self.init(text, "", message) }
}
