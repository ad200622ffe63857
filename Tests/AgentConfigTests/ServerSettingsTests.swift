import AgentConfig
import Testing

@Suite("server.yaml")
struct ServerSettingsTests {
  @Test("every key is read into its setting")
  func whole() throws {
    let server = try ConfigFixture([
      "server.yaml": """
      listen: ["127.0.0.1:0", "[::1]:8081", LOCALHOST:9]
      socket: /tmp/x.sock
      data: /srv/data
      log: {folder: /srv/log, level: debug, format: json, max_size: 64KiB, keep: 0}
      allowed_hosts: [Agents.example, 10.0.0.1, "[fd00::1]"]
      workspace_roots: [/srv/a, /srv/b]
      workers: 8
      queue: {max_pending: 10}
      """
    ]).load().server
    var expected = ServerSettings()
    expected.listen = [
      .init(host: "127.0.0.1", port: 0), .init(host: "::1", port: 8081), .init(host: "localhost", port: 9),
    ]
    (expected.socket, expected.data, expected.workers, expected.maximumPending) = ("/tmp/x.sock", "/srv/data", 8, 10)
    (expected.log.folder, expected.log.level, expected.log.format) = ("/srv/log", .debug, .json)
    (expected.log.maximumBytes, expected.log.keep) = (65_536, 0)
    expected.allowedHosts = ["agents.example", "10.0.0.1", "[fd00::1]"]
    expected.workspaceRoots = ["/srv/a", "/srv/b"]
    #expect(server == expected)
  }

  @Test("the declared defaults are the defaults")
  func declaredDefaults() throws {
    var text = ""
    for key in ServerSettings.keys where !key.path.contains(".") {
      guard case .defaults(let value) = key.need else { continue }
      let members = ServerSettings.keys.filter { $0.path.hasPrefix(key.path + ".") }
      text += "\(key.path): \(members.isEmpty ? value : "")\n"
      for member in members {
        if case .defaults(let value) = member.need { text += "  \(member.name): \(value)\n" }
        if member.need == .nullable { text += "  \(member.name): null\n" }
      }
    }
    #expect(try ConfigFixture(["server.yaml": text]).load().server == ServerSettings())
    #expect(text.split(separator: "\n").count == 16)
  }

  static let refusals = [
    Refusal("wrokers: 1\n", "1:1 config_invalid", "unknown key 'wrokers'; did you mean 'workers'?"),
    Refusal("Workers: 1\n", "1:1 config_invalid", "did you mean 'workers'?"),
    Refusal("level: info\n", "1:1 config_invalid", "unknown key 'level'; did you mean 'log.level'?"),
    Refusal("log: {maxSize: 1MB}\n", "1:7 config_invalid", "unknown key 'log.maxSize'; did you mean 'max_size'?"),
    Refusal("zzzzzzz: 1\n", "1:1 config_invalid", "unknown key 'zzzzzzz'"),
    Refusal("workers: 0\n", "1:10 config_invalid", "'workers' is 0; it must be between 1 and 4096"),
    Refusal("workers: 5000\n", "1:10 config_invalid", "must be between 1 and 4096"),
    Refusal("workers: -1\n", "1:10 config_invalid", "must be between 1 and 4096"),
    Refusal("workers: many\n", "1:10 config_invalid", "'workers' must be a whole number, not text"),
    Refusal("workers: 5.0\n", "1:10 config_invalid", "must be a whole number, written without a point or exponent"),
    Refusal("workers: 1e3\n", "1:10 config_invalid", "must be a whole number, written without a point or exponent"),
    Refusal("workers: 0x10\n", "1:10 config_invalid", "'0x10' is a number to some readers"),
    Refusal("workers: 1_0\n", "1:10 config_invalid", "'1_0' is a number to some readers"),
    Refusal("workers: 99999999999999999999\n", "1:10 config_invalid", "does not fit 64 bits"),
    Refusal("workers: true\n", "1:10 config_invalid", "not a boolean"),
    Refusal("workers: [1]\n", "1:10 config_invalid", "not a list"),
    Refusal("workers: {a: 1}\n", "1:10 config_invalid", "not a mapping"),
    Refusal("workers:\n", "1:1 config_invalid", "'workers' has no value"),
    Refusal("workers: null\n", "1:1 config_invalid", "'workers' has no value"),
    Refusal("log:\n", "1:1 config_invalid", "'log' has no value"),
    Refusal("queue: {max_pending: 0}\n", "1:22 config_invalid", "'queue.max_pending' is 0"),
    Refusal("socket: api.sock\n", "1:9 config_invalid", "absolute path"),
    Refusal("socket: /\(String(repeating: "a", count: 107))\n", "1:9 config_invalid", "107 is the most"),
    Refusal("data: /a/../b\n", "1:7 config_invalid", "without '..'"),
    Refusal("workers: 'many'\n", "1:10 config_invalid", "'workers' must be a whole number, not text"),
    Refusal("workers: 1:30\n", "1:10 config_invalid", "'1:30' is a number to some readers"),
    Refusal("workers: '1:30'\n", "1:10 config_invalid", "must be a whole number, not text"),
    Refusal("workers: +5\n", "1:10 config_invalid", "must be a whole number"),
    Refusal("data: 5\n", "1:7 config_invalid", "absolute path"),
    Refusal("data: Null\n", "1:7 config_invalid", "must be text, not null"),
    Refusal("data: ${DATA}\n", "1:7 config_variable_unset", "variable DATA is not set"),
    Refusal("workers: ${N}\n", "1:10 config_variable_unset", "${N:-default}"),
    Refusal("workspace_roots: [/a, '${B}']\n", "1:23 config_variable_unset", "B"),
    Refusal("workspace_roots: [/a, b]\n", "1:23 config_invalid", "absolute path"),
    Refusal("workspace_roots: [/a, /a]\n", "1:23 config_invalid", "'/a' stands twice"),
    Refusal("workspace_roots: /a\n", "1:18 config_invalid", "must be a list, not text"),
    Refusal("allowed_hosts: ['a:80']\n", "1:17 config_invalid", "without port"),
    Refusal(
      "log: {level: warn}\n", "1:14 config_invalid",
      "must be one of trace, debug, info, notice, warning, error, critical; did you mean"),
    Refusal("log: {format: xml}\n", "1:15 config_invalid", "must be one of text, json"),
    Refusal("log: {max_size: 50mb}\n", "1:17 config_invalid", "it must be a size"),
    Refusal("log: {max_size: 1KB}\n", "1:17 config_invalid", "it must be between 4KiB and"),
    Refusal("log: {keep: 1001}\n", "1:13 config_invalid", "between 0 and 1000"),
    Refusal("listen: []\n", "1:1 config_invalid", "empty list"),
    Refusal("listen: 8080\n", "1:9 config_invalid", "is no address"),
    Refusal("listen: ':8080'\n", "1:9 config_invalid", "is no address"),
    Refusal("listen: 127.0.0.1\n", "1:9 config_invalid", "is no address"),
    Refusal("listen: 127.0.0.1:65536\n", "1:9 config_invalid", "is no address"),
    Refusal("listen: ::1:80\n", "1:9 config_invalid", "is no address"),
    Refusal(
      "listen:\n  - 127.0.0.1:1\n  - 0.0.0.0:8080\n", "3:5 plaintext_refused",
      "'0.0.0.0:8080' is not a loopback address"),
    Refusal("listen: '[::]:8080'\n", "1:9 plaintext_refused", "TLS"),
    Refusal("listen: example.org:8080\n", "1:9 plaintext_refused", "TLS"),
    Refusal("listen: 192.168.0.1:8080\n", "1:9 plaintext_refused", "TLS"),
  ]

  @Test("each mistake is refused at its place", arguments: refusals)
  func refused(_ refusal: Refusal) throws {
    let issues = try ConfigFixture(["server.yaml": refusal.text]).issues()
    let issue = try #require(issues.first)
    #expect(issues.count == 1)
    #expect("\(issue.file):\(issue.line):\(issue.column) \(issue.code.rawValue)" == "server.yaml:" + refusal.place)
    #expect(issue.message.contains(refusal.message), "\(issue.message)")
  }

  static let lacking = [
    "tls: {self_signed: true}", "allow_plaintext: false", "trusted_proxies: []", "metrics_open: false",
    "cors: {origins: []}", "tracing: {otlp: null}", "alerts: {webhook: null}",
    "memory: {budget: 512MiB}",
  ]

  @Test("a key that this build lacks is never silently accepted", arguments: lacking)
  func notSupported(_ line: String) throws {
    let issues = try ConfigFixture(["server.yaml": "workers: 3\n\(line)\n"]).issues()
    let issue = try #require(issues.first)
    #expect(issues.count == 1)
    #expect(issue.code == .notSupported)
    #expect([issue.line, issue.column] == [2, 1])
    #expect(issue.message.contains("'\(line.prefix { $0 != ":" })'"))
  }
}

@Suite("Listen addresses")
struct ListenAddressTests {
  @Test(
    "are read and written alike",
    arguments: [
      ("127.0.0.1:8080", "127.0.0.1", 8080, true), ("127.9.9.9:0", "127.9.9.9", 0, true), ("[::1]:1", "::1", 1, true),
      ("localhost:65535", "localhost", 65_535, true), ("0.0.0.0:1", "0.0.0.0", 1, false), ("[::]:1", "::", 1, false),
      ("a-b.example:2", "a-b.example", 2, false), ("[::ffff:127.0.0.1]:3", "::ffff:127.0.0.1", 3, false),
      ("localhost.evil.example:1", "localhost.evil.example", 1, false),
    ])
  func read(_ text: String, _ host: String, _ port: Int, _ isLoopback: Bool) throws {
    let address = try #require(ListenAddress(text))
    #expect(address == ListenAddress(host: host, port: port))
    #expect(address.isLoopback == isLoopback)
    #expect(address.description == text)
  }

  @Test(
    "that are none are refused",
    arguments: [
      "", ":", "8080", "localhost", "localhost:", "localhost:x", "localhost:-1", "localhost:+1", "localhost:65536",
      "localhost:000001", "::1:80", "[::1]", "[127.0.0.1]:1", "[::1:1", "127.1:1", "256.0.0.1:1", "127.0.0.01:1",
      "a b:1",
      "-a:1", "a-:1", "a..b:1", "http://localhost:1", "localhost :1", "ｌocalhost:1", "127.0.0.1:１",
    ])
  func refused(_ text: String) { #expect(ListenAddress(text) == nil) }

  @Test("a flag is read as the file's key is")
  func flag() throws {
    #expect(try ListenAddress.parse("[::1]:0", flag: "--listen") == ListenAddress(host: "::1", port: 0))
    let wide = #expect(throws: ConfigError.self) { try ListenAddress.parse("0.0.0.0:1", flag: "--listen") }
    #expect(wide?.issues.map(\.code) == [.plaintextRefused])
    let bad = #expect(throws: ConfigError.self) { try ListenAddress.parse("nonsense", flag: "--listen") }
    #expect(bad?.issues.map(\.file) == ["--listen"])
  }
}
