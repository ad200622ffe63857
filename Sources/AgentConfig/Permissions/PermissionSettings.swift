import AgentCore

/// `permissions.yaml`: what each role may do. Until there are accounts, two of them count: `local`, the caller over
/// loopback without credentials, and `agent`, what the tools of all agents may do.
package struct PermissionSettings: Sendable, Hashable {
  package struct Role: Sendable, Hashable {
    package var name: String
    /// As the file gives them: `task:read`, `task:*`, `*`.
    package var grants: [String]
    package var permissions: PermissionSet

    /// A grant that nothing fits grants nothing.
    init(_ name: String, _ grants: [String]) {
      (self.name, self.grants) = (name, grants)
      permissions = grants.compactMap { PermissionSet(pattern: $0) }.reduce(.some([])) { $0.union($1) }
    }
  }

  /// The built-in ones first, then those that only the file has, in its order.
  package var roles = BuiltInRoles.all
  package init() {}

  /// What a request over loopback without credentials may do.
  package var local: PermissionSet { permissions(of: BuiltInRoles.local) }
  /// What the tools of agents may do.
  package var agent: PermissionSet { permissions(of: BuiltInRoles.agent) }

  /// Nothing for a role that nobody named.
  package func permissions(of role: String) -> PermissionSet {
    roles.first { $0.name == role }?.permissions ?? .some([])
  }

  /// Gives `local` everything, as `agent-system sandbox` does.
  package mutating func openLocal() { set(Role(BuiltInRoles.local, ["*"])) }

  mutating func set(_ role: Role) {
    if let index = roles.firstIndex(where: { $0.name == role.name }) {
      roles[index] = role
    } else {
      roles.append(role)
    }
  }

  /// Whether a caller without credentials may do more than the status of agents: everybody on this machine then may.
  var isLocalOpen: Bool { !local.isWithin(.some([.agentStatus])) }

  /// What `config show` says of the roles that nobody has yet.
  static let waitingNote = "waits for accounts: nobody has this role yet"

  /// As `config show` lists a role.
  static func value(_ role: Role, _ source: ConfigValue.Source) -> ConfigValue {
    var value = ConfigValue(
      file: "permissions.yaml", key: "roles.\(role.name)", value: .array(role.grants.map(JSONValue.string)),
      source: source, isReloadable: true)
    if !BuiltInRoles.counting.contains(role.name) { value.note = waitingNote }
    return value
  }
}

/// The roles that hold where no file says otherwise. The first three are the operations manual's.
enum BuiltInRoles {
  static let agent = "agent"
  static let local = "local"
  /// Those that decide something in this build.
  static let counting: Set<String> = [agent, local]

  static let all: [PermissionSettings.Role] = [
    .init("admin", ["*"]),
    .init("user", ["task:create", "task:read", "task:read_own"]),
    .init(agent, ["task:execute", "file:read", "file:write"]),
    .init(
      "operator",
      [
        "task:read", "task:cancel", "task:retry", "task:resolve", "task:purge", "agent:*", "provider:*",
        "system:clear_cache", "maintenance:run", "backup:*", "usage:read", "metrics:read", "config:read",
      ]),
    .init("gateway", ["llm:use"]),
    .init("monitor", ["agent:status", "metrics:read"]),
    .init(local, ["agent:status"]),
  ]
}
