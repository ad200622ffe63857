import AgentCore

/// Who asks, and what they may do.
package struct Caller: Sendable, Hashable {
  package var principal: Principal
  package var permissions: PermissionSet

  package init(principal: Principal, permissions: PermissionSet) {
    (self.principal, self.permissions) = (principal, permissions)
  }
}
