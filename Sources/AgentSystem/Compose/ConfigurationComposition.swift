import AgentAPI
import AgentConfig
import AgentCore
import AgentObservability
import AgentRuntime
import Logging

/// Joins the configuration to what it decides, and to the routes that ask about it.
struct ConfigurationComposition {
  let settings: ServiceSettings
  let parts: EngineParts
  let agents: AgentDirectory
  let engine: Dispatcher
  let log: LogFile
  let policies: PoliciesInForce
  let unit: UnitLink

  /// `onSensitiveFieldsChanged`: rows of before may hold values in clear that are to be sealed by now.
  func inForce(
    replaceProviders: @escaping @Sendable (ProviderSettings) async -> ProviderID,
    onSensitiveFieldsChanged: @escaping @Sendable () async -> Void = {}
  ) -> ConfigurationInForce {
    let policies = policies
    let (agents, engine, log, store, journalLog) = (agents, engine, log, parts.store, parts.log)
    return ConfigurationInForce(
      settings.configuration, source: settings.source,
      hands: ConfigurationInForce.Hands(
        replaceProviders: replaceProviders,
        replaceAgents: { definitions in
          agents.replace(definitions)
          await GoneAgents.forget(in: store, configured: agents, log: journalLog)
          engine.wake()
        },
        updateAgent: { agents.update($0) }, setLogLevel: { log.level = $0.loggerLevel },
        setPermissions: { policies.take($0) },
        setSensitiveFields: { if policies.take($0) { await onSensitiveFieldsChanged() } },
        state: { await Self.state(store, $0) }),
      log: parts.log)
  }

  func board(_ inForce: ConfigurationInForce) -> ConfigurationBoard {
    let (providers, tools, rights) = (parts.providers, parts.tools, policies.agent)
    let (roots, sensitive) = (settings.configuration.server.workspaceRoots, policies.sensitive)
    return ConfigurationBoard(
      show: { await inForce.show() }, check: { await inForce.check() },
      reload: { (principal) throws(ServiceError) in try await reload(inForce, by: principal) },
      reach: { Self.reach(of: $0, providers, tools, rights.permissions, roots) },
      masked: { $0.masked(sensitive.fields) })
  }

  /// Reloads, and lets the service manager know of it.
  func reload(_ inForce: ConfigurationInForce, by principal: Principal) async throws(ServiceError) -> JSONValue {
    try await unit.reloading { () async throws(ServiceError) in try await inForce.reload(by: principal) }
  }

  /// What the API has changed: a default provider that still holds, and agents that are disabled. A store that does not
  /// answer leaves them out: what it holds is shown again once it does.
  private static func state(_ store: any TaskStore, _ configuration: LoadedConfiguration) async -> [ConfigValue] {
    var values: [ConfigValue] = []
    let providers = configuration.providers
    // See above for what an error means.
    let stored = (try? await (store as? any SettingStore)?.settings()) ?? []
    for setting in stored where setting.name == "default_provider" {
      guard providers.providers.contains(where: { $0.id.name == setting.value }),
        setting.fileValue == providers.namedDefault?.name
      else { continue }
      values.append(
        ConfigValue(
          file: "providers.yaml", key: "default", value: .string(setting.value), source: .state, isReloadable: true))
    }
    // See above for what an error means.
    for agent in (try? await store.agentStates()) ?? [] where agent.isDisabled {
      values.append(
        ConfigValue(
          file: "agents.yaml", key: "agents.\(agent.agent).disabled", value: true, source: .state, isReloadable: true))
    }
    return values
  }

  /// `{"provider","model","tools":[{"name","effects"}],"hosts","roots"}`; a tool that the role `agent` does not allow has
  /// `missing_permissions` too.
  private static func reach(
    of agent: AgentDefinition, _ providers: any ProviderRegistry, _ tools: any ToolSource, _ rights: PermissionSet,
    _ roots: [String]
  ) -> JSONValue {
    // An unknown provider shows as null: its tasks fail with the error.
    let provider = try? providers.provider(named: agent.provider)
    return [
      "provider": JSONValue(provider?.id.name), "model": JSONValue(agent.model ?? provider?.traits.model),
      "tools": .array(
        agent.tools.map { name in
          let effects = tools.tool(named: name)?.effects ?? []
          let missing = ToolRights.missing(for: name, in: rights)
          var members: [String: JSONValue] = [
            "name": .string(name), "effects": .array(effects.map { .string($0.rawValue) }),
          ]
          if !missing.isEmpty { members["missing_permissions"] = .array(missing.map { .string($0.rawValue) }) }
          return .object(members)
        }),
      "hosts": .array(agent.allowHosts.map(JSONValue.string)), "roots": .array(roots.map(JSONValue.string)),
    ]
  }
}

extension ServerSettings.LogLevel {
  /// The logging library's word for it.
  var loggerLevel: Logger.Level { Logger.Level(rawValue: rawValue) ?? .info }
}
