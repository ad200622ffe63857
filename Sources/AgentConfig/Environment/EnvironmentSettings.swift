import AgentCore

/// What the environment says besides `${VAR}` in files: it stands above the files and below the flags. An empty variable
/// counts as unset: a unit or a container that only passes one on leaves it empty.
struct EnvironmentSettings {
  /// The keys for the entries of `providers.yaml` of these names.
  private(set) var providerKeys: [String: EnvironmentKey] = [:]
  private(set) var logLevel: ServerSettings.LogLevel?
  /// The data folder that `DATABASE_URL` names.
  private(set) var dataFolder: String?
  private(set) var warnings: [ConfigIssue] = []

  /// Every variable that the service itself reads, for the reference page.
  static let variables: [(name: String, meaning: String)] = [
    ("OPENAI_API_KEY", "the key of the provider called openai, where providers.yaml sets none"),
    ("ANTHROPIC_API_KEY", "the key of the provider called anthropic, where providers.yaml sets none"),
    ("OPENAI_API_KEY_FILE, ANTHROPIC_API_KEY_FILE", "a file that holds that key, read anew by a reload"),
    ("LOG_LEVEL", "log.level of server.yaml"),
    (
      "DATABASE_URL",
      "unset, or sqlite:///DIR/agent.db, which is data of server.yaml; a database server is refused: the database is "
        + "embedded"
    ),
    ("REDIS_URL", "ignored with a warning: the caches are in the process"),
    (
      "AGENT_SYSTEM_MASTER_KEY", "the master key in base64, where neither systemd nor keys.master_file gives one"
    ),
    ("JWT_SECRET, JWT_SECRET_FILE", "at least 32 bytes; nothing reads it yet"),
    (ForeignVariables.names.joined(separator: ", "), "ignored with a warning: TLS is the configuration's alone"),
  ]

  private static let providers = ["openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"]
  /// HS256's own key length (RFC 7518, section 3.2).
  private static let leastJWTBytes = 32

  /// Reads them all; each bad one leaves an issue whose file is the variable's name. No value of a secret, and no URL, is
  /// in any.
  static func read(_ environment: [String: String], issues: inout [ConfigIssue]) -> EnvironmentSettings {
    var settings = EnvironmentSettings()
    for (name, variable) in providers {
      settings.providerKeys[name] = EnvironmentKey.read(variable, .providerKey, environment, issues: &issues)
    }
    if let text = environment["LOG_LEVEL"], !text.isEmpty { settings.logLevel = level(text, &issues) }
    if let text = environment["DATABASE_URL"], !text.isEmpty { settings.dataFolder = database(text, &issues) }
    if let text = environment["REDIS_URL"], !text.isEmpty {
      settings.warnings.append(
        ConfigIssue(
          file: "REDIS_URL", code: .ignored,
          message: "is set and ignored: the caches are in the process, there is no Redis"))
    }
    settings.warnings += ForeignVariables.warnings(environment)
    if let key = EnvironmentKey.read("JWT_SECRET", .text, environment, issues: &issues) {
      settings.checkJWT(key, &issues)
    }
    return settings
  }

  private static func level(_ text: String, _ issues: inout [ConfigIssue]) -> ServerSettings.LogLevel? {
    if let level = ServerSettings.LogLevel(rawValue: text.lowercased()) { return level }
    let words = ServerSettings.LogLevel.allCases.map(\.rawValue)
    let hint = NearestName.of(text, among: words).map { "; did you mean '\($0)'?" } ?? ""
    var log = IssueLog(file: "LOG_LEVEL")
    log.add(.invalid, "is '\(text)'; it must be one of \(words.joined(separator: ", "))\(hint)")
    issues += log.issues
    return nil
  }

  /// `sqlite:///var/lib/agent-system/agent.db`, or the folder alone.
  private static func database(_ text: String, _ issues: inout [ConfigIssue]) -> String? {
    func refused(_ message: String) -> String? {
      issues.append(ConfigIssue(file: "DATABASE_URL", code: .databaseURLUnsupported, message: message))
      return nil
    }
    guard !text.hasPrefix("sqlite:") || !text.hasSuffix(":memory:") else {
      return refused(
        "names a database in memory, and work must outlast the process: sqlite:///var/lib/agent-system/agent.db")
    }
    guard text.hasPrefix("sqlite:///") else {
      return refused(
        "names a database server, and this appliance embeds its database (SQLite, in its data folder): unset "
          + "DATABASE_URL, or write sqlite:///PATH; nothing is read from that server")
    }
    guard !text.contains("?"), !text.contains("#") else {
      return refused(
        "has a query or a fragment ('?' or '#'), and only a path is read: sqlite:///var/lib/agent-system/agent.db")
    }
    var path = "/" + text.dropFirst("sqlite://".count).drop { $0 == "/" }
    let parts = path.split(separator: "/")
    guard let last = parts.last, !parts.contains(".."), !SecretText.hasControlCharacter(path) else {
      return refused("must name an absolute path without '..': sqlite:///var/lib/agent-system/agent.db")
    }
    guard parts != ["agent.db"] else {
      return refused(
        "names a file directly in '/', and the data has a folder of its own: sqlite:///var/lib/agent-system/agent.db")
    }
    if last == "agent.db" {
      path = "/" + parts.dropLast().joined(separator: "/")
    } else if last.hasSuffix(".db") || last.hasSuffix(".sqlite") || last.hasSuffix(".sqlite3") {
      return refused("names another file than agent.db, which the database is always called: sqlite:///DIR/agent.db")
    }
    return path
  }

  private mutating func checkJWT(_ key: EnvironmentKey, _ issues: inout [ConfigIssue]) {
    let count = key.secret.reveal().utf8.count
    guard count >= Self.leastJWTBytes else {
      issues.append(
        ConfigIssue(
          file: key.variable, code: .jwtSecretWeak,
          message:
            "has \(count) bytes, and \(Self.leastJWTBytes) are the least: `openssl rand -base64 48` makes a good one"))
      return
    }
    warnings.append(
      ConfigIssue(
        file: key.variable, code: .ignored, message: "is set, and nothing reads it yet: there are no accounts"))
  }

  /// Lays the environment over what the files say.
  func lay(over configuration: inout LoadedConfiguration) {
    if let logLevel {
      configuration.server.log.level = logLevel
      configuration.values.set(
        ConfigValue(
          file: "server.yaml", key: "log.level", value: .string(logLevel.rawValue), source: .environment("LOG_LEVEL"),
          isReloadable: true))
    }
    if let dataFolder {
      configuration.server.data = dataFolder
      configuration.values.set(
        ConfigValue(
          file: "server.yaml", key: "data", value: .string(dataFolder), source: .environment("DATABASE_URL")))
    }
    configuration.warnings += warnings
  }
}
