import AgentCore
import AgentRuntime

/// What the routes ask about the configuration in force. The files and their meaning are the program's; the API carries
/// the answers.
package struct ConfigurationBoard: Sendable {
  /// Every key with value and source, and what the files would change.
  package var show: @Sendable () async -> JSONValue
  /// Whether the files as they are now would be taken.
  package var check: @Sendable () async -> JSONValue
  /// Puts the files in force, as far as that goes without a restart. Throws `reload_refused`, and then nothing changed.
  package var reload: @Sendable (Principal) async throws(ServiceError) -> JSONValue
  /// What an agent may reach: provider, model, tools with their effects, hosts, folders.
  package var reach: @Sendable (AgentDefinition) -> JSONValue
  /// A definition as it may be shown: without the values that `sensitive_fields` names.
  package var masked: @Sendable (JSONValue) -> JSONValue

  package init(
    show: @escaping @Sendable () async -> JSONValue, check: @escaping @Sendable () async -> JSONValue,
    reload: @escaping @Sendable (Principal) async throws(ServiceError) -> JSONValue,
    reach: @escaping @Sendable (AgentDefinition) -> JSONValue,
    masked: @escaping @Sendable (JSONValue) -> JSONValue = { $0 }
  ) {
    (self.show, self.check, self.reload, self.reach, self.masked) = (show, check, reload, reach, masked)
  }

  /// Of a service without configuration, as tests of other routes have it.
  package static let none = ConfigurationBoard(
    show: { ["data": []] }, check: { ["ok": true] }, reload: { _ in [:] }, reach: { _ in .null })
}
