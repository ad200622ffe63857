import AgentConfig
import AgentCore
import AgentRuntime

/// The configuration that the process runs on: shows it, holds the files against it, and puts new ones in force.
actor ConfigurationInForce {
  /// What a reload changes, each in one go.
  struct Hands: Sendable {
    /// Gives the default that is then in force.
    var replaceProviders: @Sendable (ProviderSettings) async -> ProviderID
    var replaceAgents: @Sendable ([AgentDefinition]) async -> Void
    var updateAgent: @Sendable (AgentDefinition) -> Void
    var setLogLevel: @Sendable (ServerSettings.LogLevel) -> Void
    var setPermissions: @Sendable (PermissionSettings) -> Void
    var setSensitiveFields: @Sendable (SensitiveFields) async -> Void
    /// What the API has changed, as values of the keys that it stands above.
    var state: @Sendable (LoadedConfiguration) async -> [ConfigValue]
  }

  private let source: ConfigurationSource
  private let hands: Hands
  private let log: any ServiceLog
  private var current: LoadedConfiguration
  private var isReloading = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(_ current: LoadedConfiguration, source: ConfigurationSource, hands: Hands, log: any ServiceLog) {
    (self.current, self.source, self.hands, self.log) = (current, source, hands, log)
  }

  /// `{"data":[…],"folder":…,"read_by":"service"}`. Where the files say something else than what is in force, a value has
  /// `pending`; where they cannot be taken at all, `issues` says why.
  func show() async -> JSONValue {
    let state = await hands.state(current)
    var (pending, issues): (LoadedConfiguration?, [ConfigIssue]) = (nil, [])
    do throws(ConfigError) { pending = try source.load() } catch { issues = error.issues }
    let rows = ConfigPage.rows(current.values, state: state, pending: pending?.values)
    return ConfigPage.json(rows, folder: source.folder, readBy: "service", issues: issues)
  }

  /// Puts one agent's newest definition in force, as its own restart does; one that is gone from the files keeps its
  /// last. Throws `config_invalid`, and `reload_needed` where the agent wants what only a reload takes; nothing changed
  /// then.
  func renew(_ id: AgentID) async throws(ServiceError) {
    await begin()
    defer { end() }
    let files: LoadedConfiguration
    do throws(ConfigError) { files = try source.load() } catch {
      throw ServiceError("config_invalid", error.description)
    }
    guard let newest = files.agents.first(where: { $0.id == id }) else { return }
    if let provider = newest.provider, !current.providers.providers.contains(where: { $0.id == provider }) {
      throw ServiceError(
        "reload_needed",
        "agent \(id) now names the provider '\(provider)', which is in the files and not in force yet: reload first, "
          + "then restart the agent")
    }
    hands.updateAgent(newest)
    current.take(newest, from: files)
  }

  /// Loads the files and puts nothing in force.
  func check() -> JSONValue { ConfigPage.check(source, by: "service") }

  /// Puts everything in force that needs no restart, or nothing. Throws `reload_refused` with a field for each issue.
  func reload(by principal: Principal) async throws(ServiceError) -> JSONValue {
    await begin()
    defer { end() }
    let loaded: LoadedConfiguration
    do throws(ConfigError) { loaded = try source.load() } catch {
      for issue in error.issues {
        log.record(.warning, "config", "reload_refused: \(issue.description)", ["principal": "\(principal)"])
      }
      throw ServiceError(
        "reload_refused", "the configuration cannot be taken; nothing was changed",
        fields: error.issues.map { .init($0.place, "\($0.code.rawValue): \($0.message)") })
    }
    let change = ConfigurationChange(from: current, to: loaded)
    // Before the agents, so that none is offered a tool, and no value stored, by rights and lists that are gone.
    hands.setPermissions(loaded.permissions)
    await hands.setSensitiveFields(loaded.encryption.sensitiveFields)
    let defaultID = await hands.replaceProviders(loaded.providers)
    await hands.replaceAgents(loaded.agents)
    hands.setLogLevel(loaded.server.log.level)
    current = change.merged
    tell(change, loaded.warnings(whileDefault: defaultID), principal)
    return change.json
  }

  private func tell(_ change: ConfigurationChange, _ warnings: [ConfigIssue], _ principal: Principal) {
    // The variables are those of the start, and what they say was said then.
    for warning in warnings where warning.code != .ignored {
      log.record(.warning, "config", warning.description, [:])
    }
    log.record(
      .info, "config", change.sentence,
      [
        "changed": change.applied.joined(separator: ", "), "needs_restart": change.held.joined(separator: ", "),
        "principal": "\(principal)",
      ])
  }

  /// One reload at a time: what is read last is what is in force at the end.
  private func begin() async {
    guard isReloading else {
      isReloading = true
      return
    }
    await withCheckedContinuation { waiting.append($0) }
  }

  private func end() {
    if waiting.isEmpty { isReloading = false } else { waiting.removeFirst().resume() }
  }
}

/// Where a process's configuration comes from, each time it is asked.
struct ConfigurationSource: Sendable {
  /// As an absolute path; nil: there are no files.
  var folder: String?
  /// Files, then the environment of the start, then the flags.
  var load: @Sendable () throws(ConfigError) -> LoadedConfiguration
}

extension ConfigIssue {
  /// `/etc/agent-system/server.yaml:3:1`
  var place: String { line > 0 ? "\(file):\(line):\(column)" : file }

  var json: JSONValue {
    [
      "file": .string(file), "line": line > 0 ? JSONValue(line) : .null, "column": line > 0 ? JSONValue(column) : .null,
      "code": .string(code.rawValue), "message": .string(message),
    ]
  }
}
