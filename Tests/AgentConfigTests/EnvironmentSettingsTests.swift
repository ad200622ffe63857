import AgentConfig
import AgentCore
import AgentTestKit
import Foundation
import Testing

@Suite("The environment")
struct EnvironmentSettingsTests {
  private static func keys(_ loaded: LoadedConfiguration) -> [String: Secret] {
    var keys: [String: Secret] = [:]
    for provider in loaded.providers.providers {
      if case .remote(let remote) = provider.kind { keys[provider.id.name] = remote.apiKey }
    }
    return keys
  }

  private static func issues(_ environment: [String: String]) -> [ConfigIssue] {
    do throws(ConfigError) {
      _ = try ConfigFolder.builtIn(environment: environment)
      return []
    } catch {
      return error.issues
    }
  }

  @Test("without providers.yaml a key enables its shipped provider, which is then the default")
  func enables() throws {
    let none = try ConfigFolder.builtIn()
    #expect(none.providers.defaultID == "sandbox" && Self.keys(none).isEmpty)
    let openai = try ConfigFolder.builtIn(environment: ["OPENAI_API_KEY": "sk-1"])
    #expect(openai.providers.defaultID == "openai" && Self.keys(openai) == ["openai": Secret("sk-1")])
    let anthropic = try ConfigFolder.builtIn(environment: ["ANTHROPIC_API_KEY": "sk-2", "OPENAI_API_KEY": ""])
    #expect(anthropic.providers.defaultID == "anthropic" && Self.keys(anthropic) == ["anthropic": Secret("sk-2")])
    let both = try ConfigFolder.builtIn(environment: ["ANTHROPIC_API_KEY": "b", "OPENAI_API_KEY": "a"])
    #expect(both.providers.defaultID == "openai" && Self.keys(both).count == 2)
  }

  @Test("a key belongs to the entry of its name, where the file sets none, and to no other of its type")
  func belongs() throws {
    let fixture = try ConfigFixture([
      "providers.yaml": """
      providers:
        other: {type: openai}
        openai: {type: openai, api_key: "${OPENAI_API_KEY:-}"}
        anthropic: {type: anthropic, api_key: own}
      """
    ])
    let loaded = try fixture.load(["OPENAI_API_KEY": "sk-1", "ANTHROPIC_API_KEY": "sk-2"])
    #expect(Self.keys(loaded) == ["openai": Secret("sk-1"), "anthropic": Secret("own")])
    let file = fixture.folder.appending("k")
    try fixture.write("k", Array("sk-3\n".utf8))
    #expect(try Self.keys(fixture.load(["OPENAI_API_KEY_FILE": file]))["openai"] == Secret("sk-3"))
    let named = try ConfigFixture(["providers.yaml": "providers: {openai: {type: openai, api_key_file: '\(file)'}}"])
    #expect(try Self.keys(named.load(["OPENAI_API_KEY": "sk-1"]))["openai"] == Secret("sk-3"))
  }

  @Test("a variable of white space alone is unset, also where the file says ${VAR:-}; a key is stripped, and is ASCII")
  func blank() throws {
    for name in ["OPENAI_API_KEY", "OPENAI_API_KEY_FILE", "JWT_SECRET", "JWT_SECRET_FILE"] {
      let loaded = try ConfigFolder.builtIn(environment: [name: " \t "])
      #expect(Self.keys(loaded).isEmpty && loaded.providers.defaultID == "sandbox" && loaded.warnings.isEmpty)
    }
    let fixture = try ConfigFixture(["providers.yaml": "providers: {openai: {type: openai, api_key: '${K:-}'}}"])
    #expect(try Self.keys(fixture.load(["K": "  "])).isEmpty)
    #expect(try Self.keys(fixture.load(["K": "  ", "OPENAI_API_KEY": "sk-1"]))["openai"] == Secret("sk-1"))
    #expect(try Self.keys(fixture.load(["K": "\u{FEFF} sk-2 "]))["openai"] == Secret("sk-2"))
    #expect(
      Self.keys(try ConfigFolder.builtIn(environment: ["OPENAI_API_KEY": "\u{FEFF}\tsk-3 \n"])) == [
        "openai": Secret("sk-3")
      ])
    for key in ["hush\u{200B}x", "hu sh", "hush\u{E9}", "“hush”"] {
      let issues = Self.issues(["OPENAI_API_KEY": key])
      #expect(issues.map(\.file) == ["OPENAI_API_KEY"] && issues.map(\.code) == [.invalid], "\(issues)")
      #expect(issues.allSatisfy { $0.message.contains("no key has") && !$0.message.contains("hu") }, "\(issues)")
    }
  }

  @Test("what libcurl and OpenSSL would read is one warning each, which names no value")
  func foreign() throws {
    let environment = Dictionary(uniqueKeysWithValues: ForeignVariables.names.map { ($0, "/hush") })
    let loaded = try ConfigFolder.builtIn(environment: environment)
    #expect(loaded.warnings.map(\.file) == ForeignVariables.names)
    #expect(loaded.warnings.allSatisfy { $0.code == .ignored && !$0.message.contains("hush") })
    #expect(try ConfigFolder.builtIn(environment: ["SSLKEYLOGFILE": ""]).warnings.isEmpty)
  }

  @Test("the file form is read, and variable and file together are refused")
  func files() throws {
    let fixture = try ConfigFixture(["k": "sk-3\n"])
    let path = fixture.folder.appending("k")
    #expect(
      Self.keys(try ConfigFolder.builtIn(environment: ["ANTHROPIC_API_KEY_FILE": path])) == [
        "anthropic": Secret("sk-3")
      ])
    let both = Self.issues(["OPENAI_API_KEY": "hush", "OPENAI_API_KEY_FILE": path])
    #expect(both.map(\.code) == [.invalid] && both[0].file == "OPENAI_API_KEY")
    #expect(both[0].message.contains("OPENAI_API_KEY_FILE too") && !both[0].message.contains("hush"))
    let missing = Self.issues(["OPENAI_API_KEY_FILE": path + ".no"])
    #expect(missing.map(\.file) == ["OPENAI_API_KEY_FILE"])
    #expect(Self.issues(["OPENAI_API_KEY": "hush\nhush"]).map(\.code) == [.invalid])
  }

  @Test(
    "DATABASE_URL names the data folder's own database, or is refused with a sentence and without the URL",
    arguments: [
      ("sqlite:///srv/x/agent.db", "/srv/x"), ("sqlite:////srv/x/agent.db", "/srv/x"), ("sqlite:///srv/x", "/srv/x"),
      ("", "/var/lib/agent-system"), ("postgresql://user:hush@localhost:5432/agent", nil), ("postgres://hush@x", nil),
      ("mysql://hush@x/y", nil), ("sqlite://x.db", nil), ("sqlite:///srv/x/tasks.db", nil), ("sqlite:///", nil),
      ("sqlite:///a/../b", nil), ("/srv/x/agent.db", nil), ("sqlite:///srv/x/agent.db?mode=rwc&k=hush", nil),
      ("sqlite:///srv/x/agent.db#hush", nil), ("sqlite:///srv/x?", nil), ("sqlite:///agent.db", nil),
      ("sqlite:////agent.db", nil), ("sqlite:///:memory:", nil), ("sqlite://:memory:", nil), ("sqlite::memory:", nil),
    ])
  func database(_ url: String, _ folder: String?) throws {
    let issues = Self.issues(["DATABASE_URL": url])
    guard let folder else {
      #expect(issues.map(\.code) == [.databaseURLUnsupported] && issues.map(\.file) == ["DATABASE_URL"])
      #expect(issues.allSatisfy { !$0.message.contains("hush") })
      if url.contains("?") || url.contains("#") { #expect(issues[0].message.contains("'?' or '#'"), "\(issues)") }
      if url.hasSuffix("//agent.db") { #expect(issues[0].message.contains("directly in '/'"), "\(issues)") }
      if url.contains(":memory:") { #expect(issues[0].message.contains("in memory"), "\(issues)") }
      if url.hasPrefix("postgres") { #expect(issues[0].message.contains("embeds its database")) }
      return
    }
    #expect(issues.isEmpty)
    #expect(try ConfigFolder.builtIn(environment: ["DATABASE_URL": url]).server.data == folder)
  }

  @Test("REDIS_URL is one warning, a good JWT_SECRET another, a short one is refused")
  func others() throws {
    let redis = try ConfigFolder.builtIn(environment: ["REDIS_URL": "redis://:hush@cache:6379"])
    #expect(redis.warnings.map(\.file) == ["REDIS_URL"] && redis.warnings.map(\.code) == [.ignored])
    #expect(!redis.warnings[0].message.contains("hush"))
    let secret = String(repeating: "s", count: 32)
    let jwt = try ConfigFolder.builtIn(environment: ["JWT_SECRET": secret])
    #expect(jwt.warnings.map(\.file) == ["JWT_SECRET"] && !jwt.warnings[0].message.contains("sss"))
    #expect(Self.issues(["JWT_SECRET": String(secret.dropLast())]).map(\.code) == [.jwtSecretWeak])
    #expect(Self.issues(["JWT_SECRET": "your-secret-key"]).map(\.code) == [.jwtSecretWeak])
    #expect(Self.issues(["JWT_SECRET": ""]).isEmpty)
  }

  @Test("JWT_SECRET_FILE names a file that is held to the same, and stands alone")
  func secretFile() throws {
    let fixture = try ConfigFixture(["k": String(repeating: "s", count: 32) + "\n"])
    let path = fixture.folder.appending("k")
    let loaded = try ConfigFolder.builtIn(environment: ["JWT_SECRET_FILE": path])
    #expect(loaded.warnings.map(\.file) == ["JWT_SECRET_FILE"] && loaded.warnings.map(\.code) == [.ignored])
    #expect(!loaded.warnings[0].message.contains("sss"))
    let both = Self.issues(["JWT_SECRET_FILE": path, "JWT_SECRET": String(repeating: "t", count: 32)])
    #expect(both.map(\.code) == [.invalid] && both[0].message.contains("JWT_SECRET_FILE too"), "\(both)")
    try fixture.write("k", Array((String(repeating: "s", count: 31) + "\n").utf8))
    let weak = Self.issues(["JWT_SECRET_FILE": path])
    #expect(weak.map(\.code) == [.jwtSecretWeak] && weak.map(\.file) == ["JWT_SECRET_FILE"], "\(weak)")
    #expect(weak[0].message.contains("has 31 bytes") && !weak[0].message.contains("sss"), "\(weak)")
    #expect(Self.issues(["JWT_SECRET_FILE": path + ".no"]).map(\.file) == ["JWT_SECRET_FILE"])
  }

  @Test("LOG_LEVEL stands above the file, and an unknown one is refused with the nearest")
  func level() throws {
    let fixture = try ConfigFixture(["server.yaml": "log: {level: error}"])
    #expect(try fixture.load(["LOG_LEVEL": "DEBUG"]).server.log.level == .debug)
    #expect(try fixture.load(["LOG_LEVEL": ""]).server.log.level == .error)
    let issues = Self.issues(["LOG_LEVEL": "warn"])
    #expect(issues.map(\.file) == ["LOG_LEVEL"] && issues[0].message.contains("did you mean 'warning'?"))
  }

  @Test("all that is wrong with files and variables is told at once")
  func allAtOnce() throws {
    let fixture = try ConfigFixture(["server.yaml": "workers: 0\n"])
    let issues = fixture.issues(["DATABASE_URL": "postgresql://x", "JWT_SECRET": "short", "LOG_LEVEL": "loud"])
    #expect(issues.map(\.file) == ["server.yaml", "DATABASE_URL", "JWT_SECRET", "LOG_LEVEL"])
  }

  @Test("what is wrong with a file of variables and what is wrong with the folder is told at once")
  func fileAndFolder() throws {
    let fixture = try ConfigFixture([
      "env": "A=/a\nhush hush\n", "server.yaml": "workers: 0\ndata: ${A}\nsocket: ${B}\n",
    ])
    let path = fixture.folder.appending("env")
    let error = #expect(throws: ConfigError.self) {
      try ConfigFolder.load(fixture.folder.path, environmentFile: path)
    }
    let places = error?.issues.map(fixture.short).map { "\($0.file):\($0.line)" }
    #expect(places == ["env:2", "server.yaml:1", "server.yaml:3"], "\(error?.issues ?? [])")
    try fixture.write("env", Array("A=/a\nB=/b\n".utf8))
    try fixture.write("server.yaml", Array("data: ${A}\nsocket: ${B}\n".utf8))
    #expect(try ConfigFolder.load(fixture.folder.path, environmentFile: path).server.socket == "/b")
    try fixture.write("env", Array("A=/a\nbad\nB=/b\n".utf8))
    #expect(throws: ConfigError.self) { try ConfigFolder.load(fixture.folder.path, environmentFile: path) }
  }

  @Test("the shipped environment loads, and so does every line of it that a site would turn on")
  func shipped() throws {
    let text = try ShippedFiles.text("agent-system.env")
    let fixture = try ConfigFixture(["agent-system.env": text])
    let environment = try EnvironmentFile.read(fixture.folder.appending("agent-system.env"))
    // Nothing is set that would stand above the files.
    #expect(environment.isEmpty)
    for name in ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "DATABASE_URL", "REDIS_URL", "JWT_SECRET", "LOG_LEVEL"] {
      #expect(text.contains("\n#\(name)="), "\(name)")
    }
  }
}
