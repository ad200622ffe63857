/// What a caller, or an agent, may do: `resource:action`, as in the roles of permissions.yaml. All that the product knows
/// stand here, those of features that this build lacks too: a file that names them loads.
package enum Permission: String, Sendable, CaseIterable {
  case taskCreate = "task:create"
  /// Every task; `taskReadOwn` the caller's.
  case taskRead = "task:read"
  case taskReadOwn = "task:read_own"
  case taskCancel = "task:cancel"
  case taskRetry = "task:retry"
  case taskResolve = "task:resolve"
  case taskPurge = "task:purge"
  /// To run tasks, as agents of this process do.
  case taskExecute = "task:execute"
  case agentStatus = "agent:status"
  case agentRead = "agent:read"
  case agentManage = "agent:manage"
  case providerRead = "provider:read"
  case providerTest = "provider:test"
  case providerManage = "provider:manage"
  case systemClearCache = "system:clear_cache"
  case maintenanceRun = "maintenance:run"
  case backupCreate = "backup:create"
  case backupRead = "backup:read"
  case userManage = "user:manage"
  case tokenManage = "token:manage"
  case tokenManageOwn = "token:manage_own"
  case auditRead = "audit:read"
  case usageRead = "usage:read"
  case metricsRead = "metrics:read"
  case configRead = "config:read"
  case modelUse = "llm:use"
  /// The three that tools need.
  case fileRead = "file:read"
  case fileWrite = "file:write"
  case httpRequest = "http:request"

  /// `task` of `task:read`.
  package var resource: Substring { rawValue.prefix { $0 != ":" } }
  /// `read` of `task:read`.
  package var action: Substring { rawValue.drop { $0 != ":" }.dropFirst() }
}

/// All permissions, or some.
package enum PermissionSet: Sendable, Hashable {
  /// Those of later versions too.
  case everything
  case some(Set<Permission>)

  package func contains(_ permission: Permission) -> Bool {
    switch self {
    case .everything: true
    case .some(let permissions): permissions.contains(permission)
    }
  }

  /// Whether it allows nothing that `other` does not.
  package func isWithin(_ other: PermissionSet) -> Bool {
    switch (self, other) {
    case (_, .everything): true
    case (.everything, _): false
    case (.some(let own), .some(let others)): own.isSubset(of: others)
    }
  }

  /// What one line of a role grants: a permission, or a pattern with `*` for any resource or action. Nil: nothing of ours.
  package init?(pattern: String) {
    let parts = pattern.split(separator: ":", omittingEmptySubsequences: false)
    if pattern == "*" || pattern == "*:*" {
      self = .everything
      return
    }
    guard parts.count == 2 else { return nil }
    let fitting = Permission.allCases.filter {
      (parts[0] == "*" || parts[0] == $0.resource) && (parts[1] == "*" || parts[1] == $0.action)
    }
    guard !fitting.isEmpty else { return nil }
    self = .some(Set(fitting))
  }

  package func union(_ other: PermissionSet) -> PermissionSet {
    switch (self, other) {
    case (.some(let own), .some(let others)): .some(own.union(others))
    default: .everything
    }
  }
}
