import AgentCore

/// What the configuration folder says, checked and typed.
package struct LoadedConfiguration: Sendable {
  package var server: ServerSettings
  /// In the order of the file; the built-in ones where there is no file.
  package var agents: [AgentDefinition]
  package var providers: ProviderSettings
  /// Worth a log line each; none stops the start.
  package var warnings: [ConfigIssue]
  /// Every key with its value and its source.
  package var values: [ConfigValue] = []

  package init(
    server: ServerSettings = ServerSettings(), agents: [AgentDefinition] = BuiltInAgents.all,
    providers: ProviderSettings = ProviderSettings(), warnings: [ConfigIssue] = []
  ) {
    (self.server, self.agents, self.providers, self.warnings) = (server, agents, providers, warnings)
  }
}
