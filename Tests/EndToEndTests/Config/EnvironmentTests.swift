import AgentCore
import AgentTestKit
import Foundation
import Testing

/// What the service makes of its environment, and of every line of the manual's own.
@Suite(.timeLimit(.minutes(2))) struct EnvironmentTests {
  /// The manual's lines, as printed.
  private static func manualLines() throws -> [String: String] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: folder.appendingPathComponent("Manual/manual.env"), encoding: .utf8)
    var lines: [String: String] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      guard let equals = line.firstIndex(of: "=") else { continue }
      lines[String(line[..<equals])] = String(line[line.index(after: equals)...])
    }
    return lines
  }

  @Test("the manual's environment has the lines that are tried here, and no other")
  func lines() throws {
    #expect(
      try Self.manualLines().keys.sorted() == [
        "ANTHROPIC_API_KEY", "DATABASE_URL", "JWT_SECRET", "LOG_LEVEL", "OPENAI_API_KEY", "REDIS_URL",
      ])
  }

  @Test("the shipped environment file has the manual's lines with its values, all of them turned off")
  func shipped() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: root.appendingPathComponent("etc/agent-system.env"), encoding: .utf8)
    for (name, value) in try Self.manualLines() {
      #expect(text.contains("\n#\(name)=\(value)\n"), "\(name)=\(value)")
    }
    #expect(!text.split(separator: "\n").contains { !$0.hasPrefix("#") })
  }

  @Test(
    "each of the manual's keys enables its provider, which is then the default; no key is ever shown",
    arguments: [("OPENAI_API_KEY", "openai"), ("ANTHROPIC_API_KEY", "anthropic")])
  func keys(_ variable: String, _ name: String) async throws {
    let value = try #require(try Self.manualLines()[variable])
    let service = try await ServiceProcess.serve(in: TemporaryFolder(), environment: [variable: value])
    let shown = try await service.shownConfiguration()
    #expect(shown["providers.\(name).api_key"]?["value"] == "[secret]", "\(shown)")
    #expect(shown["providers.\(name).api_key"]?["source"] == "environment")
    #expect(shown["providers.\(name).api_key"]?["from"]?.stringValue == variable)
    #expect(shown["default"]?["value"]?.stringValue == name && shown["default"]?["source"] == "default")
    #expect(try await !service.send("GET", "/api/config").text.contains(value))
    #expect(try await !service.verb(["config", "show"]).output.contains(value))
    #expect(try !service.logText.contains(value) && !service.logText.contains("no provider has a key"))
  }

  @Test("with neither key the service starts, says so, and the sandbox answers")
  func noKey() async throws {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(), environment: ["OPENAI_API_KEY": "", "ANTHROPIC_API_KEY": ""])
    #expect(try await service.logged("no provider has a key").count == 1)
    #expect(try await service.shownConfiguration()["default"]?["value"] == "sandbox")
    let id = try await service.create(["agent": "coder", "input": "List the files"])
    #expect(try await service.ended(id)["status"] == "completed")
  }

  @Test("the manual's DATABASE_URL is refused with what to do, and without its password", .shows(.foreignServices))
  func database() async throws {
    let url = try #require(try Self.manualLines()["DATABASE_URL"])
    let (run, hasData) = try await ServiceProcess.refusedStart(environment: ["DATABASE_URL": url])
    #expect(run.status == 78 && run.errors.contains("DATABASE_URL: database_url_unsupported") && !hasData, "\(run)")
    #expect(run.errors.contains("embeds its database (SQLite, in its data folder)"), "\(run)")
    #expect(run.errors.contains("unset DATABASE_URL, or write sqlite:///PATH"), "\(run)")
    #expect(!run.errors.contains("user:pass") && !run.errors.contains("5432"), "\(run)")
    let folder = try TemporaryFolder()
    let made = folder.appending("agent.db?mode=rwc")
    let (query, _) = try await ServiceProcess.refusedStart(environment: ["DATABASE_URL": "sqlite://\(made)"])
    #expect(query.status == 78 && query.errors.contains("'?' or '#'"), "\(query)")
    #expect(!FileManager.default.fileExists(atPath: made))
    let sandbox = try await ShellRun.run(
      ServiceProcess.binary.path, ["sandbox", "--listen", "127.0.0.1:0"], environment: ["DATABASE_URL": url])
    #expect(sandbox.status == 78 && sandbox.errors.contains("database_url_unsupported"), "\(sandbox)")
  }

  @Test("a DATABASE_URL of SQLite's names the data folder")
  func sqlite() async throws {
    let folder = try TemporaryFolder()
    let data = folder.appending("elsewhere")
    let config = folder.appending("config")
    try FileManager.default.createDirectory(atPath: config, withIntermediateDirectories: true)
    let service = try ServiceProcess(
      folder: folder, environment: ["DATABASE_URL": "sqlite://\(data)/agent.db"],
      arguments: [
        "serve", "--config", config, "--log-dir", folder.appending("log"), "--listen", "127.0.0.1:0", "--socket",
        folder.appending("api.sock"),
      ])
    _ = try await service.address()
    #expect(FileManager.default.fileExists(atPath: data + "/agent.db"))
    let shown = try await service.shownConfiguration()["data"]
    #expect(shown?["value"]?.stringValue == data && shown?["source"] == "environment", "\(shown ?? .null)")
  }

  @Test("the manual's REDIS_URL is one WARN line and nothing else", .shows(.foreignServices))
  func redis() async throws {
    let url = try #require(try Self.manualLines()["REDIS_URL"])
    let service = try await ServiceProcess.serve(in: TemporaryFolder(), environment: ["REDIS_URL": url])
    let lines = try await service.logged("REDIS_URL")
    #expect(lines.count == 1 && lines[0].contains(" WARNING ") && lines[0].contains("ignored"), "\(lines)")
    #expect(try !service.logText.contains("6379"))
    // The variables are those of the start: a reload has nothing new to say of them.
    service.signal(SIGHUP)
    try await service.logged("reloaded:")
    #expect(try await service.send("POST", "/api/config/reload").status == 200)
    #expect(try await service.logged("REDIS_URL").count == 1)
    #expect(try await service.send("GET", "/health/redis").status == 200)
  }

  @Test("the manual's JWT_SECRET is too short, and a long one is taken with a warning")
  func jwt() async throws {
    let secret = try #require(try Self.manualLines()["JWT_SECRET"])
    let (run, hasData) = try await ServiceProcess.refusedStart(environment: ["JWT_SECRET": secret])
    #expect(run.status == 78 && run.errors.contains("jwt_secret_weak") && !hasData, "\(run)")
    #expect(!run.errors.contains(secret))
    #expect(run.errors.contains("JWT_SECRET: jwt_secret_weak: has \(secret.utf8.count) bytes, and 32 are the least"))
    #expect(run.errors.contains("openssl rand -base64 48"), "\(run)")
    let long = String(repeating: "x9", count: 20)
    let service = try await ServiceProcess.serve(in: TemporaryFolder(), environment: ["JWT_SECRET": long])
    #expect(try await service.logged("JWT_SECRET").count == 1)
    #expect(try !service.logText.contains(long))
  }

  @Test("JWT_SECRET_FILE is held to the same as JWT_SECRET, is never shown, and stands alone")
  func secretFile() async throws {
    let folder = try TemporaryFolder("jwt")
    let path = folder.appending("jwt")
    func write(_ count: Int) throws {
      try Data((String(repeating: "q", count: count) + "\n").utf8).write(to: URL(fileURLWithPath: path))
    }
    try write(31)
    let (weak, hasData) = try await ServiceProcess.refusedStart(environment: ["JWT_SECRET_FILE": path])
    #expect(weak.status == 78 && !hasData, "\(weak)")
    #expect(weak.errors.contains("JWT_SECRET_FILE: jwt_secret_weak: has 31 bytes, and 32 are the least"), "\(weak)")
    #expect(!weak.errors.contains("qqq") && !weak.output.contains("qqq"))
    try write(32)
    let (both, _) = try await ServiceProcess.refusedStart(
      environment: ["JWT_SECRET_FILE": path, "JWT_SECRET": String(repeating: "r", count: 40)])
    #expect(both.status == 78 && both.errors.contains("JWT_SECRET: config_invalid"), "\(both)")
    #expect(!both.errors.contains("qqq") && !both.errors.contains("rrr"), "\(both)")
    let service = try await ServiceProcess.serve(in: TemporaryFolder(), environment: ["JWT_SECRET_FILE": path])
    let lines = try await service.logged("JWT_SECRET_FILE")
    #expect(lines.count == 1 && lines[0].contains(" WARNING "), "\(lines)")
    #expect(try !service.logText.contains("qqq") && !service.standardError.contains("qqq"))
  }

  @Test("a file of variables is checked as systemd would read it", arguments: [true, false])
  func environmentFile(isGood: Bool) async throws {
    let folder = try TemporaryFolder("envfile")
    let config = folder.appending("config")
    try FileManager.default.createDirectory(atPath: config, withIntermediateDirectories: true)
    let text = isGood ? "LOG_LEVEL=de\\\nbug\n" : "# c\nexport LOG_LEVEL=debug\n"
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder.appending("env")))
    let options = ["--config", config, "--env-file", folder.appending("env")]
    let check = try await ShellRun.run(ServiceProcess.binary.path, ["config", "check"] + options)
    #expect(check.status == (isGood ? 0 : 78), "\(check)")
    if isGood {
      let show = try await ShellRun.run(
        ServiceProcess.binary.path, ["config", "show", "log.level", "--json"] + options)
      #expect(try JSONValue(parsing: show.output)["data"]?.arrayValue?.first?["value"] == "debug", "\(show)")
    } else {
      #expect(check.output.contains("/env:2:1: config_invalid: begins with `export`"), "\(check)")
    }
  }

  @Test("a flag that the files' rules refuse is 78, and nothing is made")
  func flags() async throws {
    let long = "/" + String(repeating: "s", count: 199)
    for (flag, value, words) in [
      ("--socket", long, "--socket: config_invalid: has 200 bytes as an absolute path; 107 is the most"),
      ("--socket", "", "--socket: config_invalid: is no path"), ("--log-dir", "a\nb", "--log-dir: config_invalid"),
      ("--data", "/" + String(repeating: "d", count: 4096), "--data: config_invalid: has 4097 bytes"),
      ("--listen", "127.0.0.1:0", "--listen: config_invalid: '127.0.0.1:0' is given twice"),
    ] {
      let (run, hasData) = try await ServiceProcess.refusedStart(arguments: [flag, value])
      #expect(run.status == 78 && run.errors.contains(words) && !hasData, "\(flag): \(run)")
    }
    let sandbox = try await ShellRun.run(
      ServiceProcess.binary.path, ["sandbox", "--data", "", "--root", "", "--listen", ""])
    #expect(sandbox.status == 78, "\(sandbox)")
    for flag in ["--data", "--root", "--listen"] {
      #expect(sandbox.errors.contains("\(flag): config_invalid"), "\(sandbox)")
    }
  }

  @Test("LOG_LEVEL stands above the file; the manual's value is the default")
  func logLevel() async throws {
    #expect(try Self.manualLines()["LOG_LEVEL"] == "info")
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(), files: ["server.yaml": "log: {level: error}\n"], environment: ["LOG_LEVEL": "info"])
    #expect(try await !service.logged("the store is open").isEmpty)
    let shown = try await service.shownConfiguration()["log.level"]
    #expect(shown?["value"] == "info" && shown?["source"] == "environment" && shown?["from"] == "LOG_LEVEL")
    let (run, _) = try await ServiceProcess.refusedStart(environment: ["LOG_LEVEL": "loud"])
    #expect(run.status == 78 && run.errors.contains("LOG_LEVEL: config_invalid"), "\(run)")
  }

  @Test("flags stand above the environment, that above files, those above defaults")
  func order() async throws {
    let folder = try TemporaryFolder()
    let service = try await ServiceProcess.serve(
      in: folder, files: ["server.yaml": "data: /nowhere\nworkers: 7\n"],
      environment: ["DATABASE_URL": "sqlite:///elsewhere/agent.db"])
    let shown = try await service.shownConfiguration()
    #expect(shown["data"]?["value"]?.stringValue == service.data && shown["data"]?["source"] == "flag")
    #expect(shown["data"]?["from"] == "--data")
    #expect(shown["workers"]?["value"] == 7 && shown["workers"]?["source"] == "file")
    #expect(shown["workers"]?["from"]?.stringValue?.hasSuffix("/config/server.yaml:2") == true)
    #expect(shown["queue.max_pending"]?["source"] == "default")
  }

  @Test("a variable and its file form together, and unset variables of files, are 78", .shows(.configVariable))
  func refused() async throws {
    let (both, _) = try await ServiceProcess.refusedStart(
      environment: ["OPENAI_API_KEY": "hush", "OPENAI_API_KEY_FILE": "/etc/hostname"])
    #expect(both.status == 78 && both.errors.contains("OPENAI_API_KEY: config_invalid"), "\(both)")
    #expect(!both.errors.contains("hush"))
    for environment in [[:], ["MY_KEY": ""]] {
      let (run, hasData) = try await ServiceProcess.refusedStart(
        files: ["providers.yaml": "providers:\n  openai: {type: openai, api_key: '${MY_KEY}'}\n"],
        environment: environment)
      #expect(run.status == 78 && run.errors.contains("config_variable_unset"), "\(run)")
      #expect(run.errors.contains("providers.yaml:2:35") && run.errors.contains("MY_KEY") && !hasData, "\(run)")
    }
    let (misplaced, _) = try await ServiceProcess.refusedStart(
      files: ["providers.yaml": "default: '${MY_KEY}'\nproviders: {a: {type: sandbox}}\n"],
      environment: ["MY_KEY": "sk-hush"])
    #expect(misplaced.status == 78 && misplaced.errors.contains("names no provider of this file: '${MY_KEY}'"))
    #expect(!misplaced.errors.contains("hush") && !misplaced.output.contains("hush"), "\(misplaced)")
  }
}
