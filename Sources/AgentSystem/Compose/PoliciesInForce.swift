import AgentConfig
import AgentCore

/// Who may do what, and what is sealed, as a reload changes it: the door, the engine and the store hold these.
struct PoliciesInForce: Sendable {
  /// What a caller over loopback without credentials may do.
  let local: RoleRights
  /// What the tools of agents may do.
  let agent: RoleRights
  /// Whose values are sealed.
  let sensitive: SensitivePolicy

  init(_ configuration: LoadedConfiguration) {
    local = RoleRights(configuration.permissions.local)
    agent = RoleRights(configuration.permissions.agent)
    sensitive = SensitivePolicy(configuration.encryption.sensitiveFields)
  }

  func take(_ permissions: PermissionSettings) {
    local.permissions = permissions.local
    agent.permissions = permissions.agent
  }

  /// True when the list is another one: a longer one needs a pass over rows of before, a shorter one opens none, and is
  /// to be remembered, since what is written under it is not sealed as before.
  func take(_ fields: SensitiveFields) -> Bool {
    let before = sensitive.fields
    sensitive.fields = fields
    return before.canonical != fields.canonical
  }
}
