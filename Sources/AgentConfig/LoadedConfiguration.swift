import AgentCore

/// What the configuration folder says, checked and typed.
package struct LoadedConfiguration: Sendable {
  package var server: ServerSettings
  /// In the order of the file; the built-in ones where there is no file.
  package var agents: [AgentDefinition]
  package var providers: ProviderSettings
  package var permissions = PermissionSettings()
  package var encryption = EncryptionSettings()
  /// Worth a log line each; none stops the start.
  package var warnings: [ConfigIssue]
  /// For whoever asks for a check; no log line.
  package var notes: [ConfigIssue] = []
  /// Where the role `local` is written, for what is wrong with it.
  var localPlace: ConfigIssue?
  /// The one of them that holds only while the default is the files' own.
  var defaultWarning: ConfigIssue?
  /// Every key with its value and its source.
  package var values: [ConfigValue] = []

  package init(
    server: ServerSettings = ServerSettings(), agents: [AgentDefinition] = BuiltInAgents.all,
    providers: ProviderSettings = ProviderSettings(), warnings: [ConfigIssue] = []
  ) {
    (self.server, self.agents, self.providers, self.warnings) = (server, agents, providers, warnings)
  }

  /// The warnings as they are while that provider is the default, which a switch over the API may have made it.
  package func warnings(whileDefault id: ProviderID) -> [ConfigIssue] {
    guard id != providers.defaultID else { return warnings }
    let others = warnings.filter { $0 != defaultWarning }
    guard providers.lacksKey(id) else { return others }
    let message = "'\(id)', switched to over the API, needs a key and has none: its calls fail until it has one"
    return others + [ConfigIssue(file: "the default provider", code: .noKey, message: message)]
  }
}
