/// What a caller may do: `resource:action`, as in the roles of permissions.yaml.
package enum Permission: String, Sendable, CaseIterable {
  case taskCreate = "task:create"
  case taskRead = "task:read"
  case taskCancel = "task:cancel"
  case taskRetry = "task:retry"
  case taskResolve = "task:resolve"
  case taskPurge = "task:purge"
  case agentStatus = "agent:status"
  case agentRead = "agent:read"
  case agentManage = "agent:manage"
  case providerRead = "provider:read"
  case providerTest = "provider:test"
  case providerManage = "provider:manage"
  case configRead = "config:read"
  case systemClearCache = "system:clear_cache"
  case maintenanceRun = "maintenance:run"
}

/// All permissions, or some.
package enum PermissionSet: Sendable, Hashable {
  case everything
  case some(Set<Permission>)

  package func contains(_ permission: Permission) -> Bool {
    switch self {
    case .everything: true
    case .some(let permissions): permissions.contains(permission)
    }
  }
}
