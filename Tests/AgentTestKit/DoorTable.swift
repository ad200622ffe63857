import AgentCore

/// Every route with who may call it, written down a second time: a test holds the API's own table to it, another asks the
/// running binary as each kind of caller.
package enum DoorTable {
  package enum Access: Sendable, Hashable {
    /// Everybody.
    case open
    /// Whoever has the permission, or for tasks of their own the other one.
    case needs(Permission, own: Permission? = nil)
    /// Root, the service's user and its group, on the unix socket alone.
    case administrator
  }

  package struct Line: Sendable, Hashable, CustomStringConvertible {
    package var method: String
    /// As the API writes it: `/api/tasks/{id}`.
    package var path: String
    package var access: Access

    init(_ method: String, _ path: String, _ access: Access) {
      (self.method, self.path, self.access) = (method, path, access)
    }

    package init(method: String, path: String, access: Access) { self.init(method, path, access) }

    package var description: String { "\(method) \(path)" }

    /// With values that name nothing.
    package var target: String {
      let named = path.contains("/agents/") ? "nobody" : "999"
      return path.replacing("{id}", with: named).replacing("{n}", with: "1").replacing("{name}", with: "nobody")
        .replacing("{path...}", with: "a/b.txt")
    }
  }

  package static let lines: [Line] = [
    Line("GET", "/health", .open), Line("GET", "/livez", .open), Line("GET", "/readyz", .open),
    Line("GET", "/health/db", .open), Line("GET", "/health/redis", .open), Line("GET", "/health/cache", .open),

    Line("GET", "/api/tasks", .needs(.taskRead, own: .taskReadOwn)),
    Line("POST", "/api/tasks", .needs(.taskCreate)),
    Line("POST", "/api/tasks:batch", .needs(.taskCreate)),
    Line("POST", "/api/tasks/{id}:resume", .needs(.taskResolve)),
    Line("GET", "/api/tasks/{id}", .needs(.taskRead, own: .taskReadOwn)),
    Line("DELETE", "/api/tasks/{id}", .needs(.taskCancel, own: .taskCreate)),
    Line("POST", "/api/tasks/{id}/retry", .needs(.taskRetry, own: .taskCreate)),
    Line("GET", "/api/tasks/{id}/steps", .needs(.taskRead, own: .taskReadOwn)),
    Line("POST", "/api/tasks/{id}/steps/{n}:resolve", .needs(.taskResolve)),
    Line("GET", "/api/tasks/{id}/steps/{n}", .needs(.taskRead, own: .taskReadOwn)),
    Line("GET", "/api/tasks/{id}/files", .needs(.taskRead, own: .taskReadOwn)),
    Line("GET", "/api/tasks/{id}/files.tar", .needs(.taskRead, own: .taskReadOwn)),
    Line("GET", "/api/tasks/{id}/files/{path...}", .needs(.taskRead, own: .taskReadOwn)),
    Line("GET", "/api/tasks/{id}/events", .needs(.taskRead, own: .taskReadOwn)),
    Line("GET", "/api/events", .needs(.taskRead)),

    Line("GET", "/api/agents", .needs(.agentRead)),
    Line("GET", "/api/agents/status", .needs(.agentStatus)),
    Line("GET", "/api/agents/{id}", .needs(.agentRead)),
    Line("POST", "/api/agents/{id}/restart", .needs(.agentManage)),
    Line("POST", "/api/agents/{id}/disable", .needs(.agentManage)),
    Line("POST", "/api/agents/{id}/enable", .needs(.agentManage)),

    Line("GET", "/api/providers", .needs(.providerRead)),
    Line("POST", "/api/providers/default", .needs(.providerManage)),
    Line("POST", "/api/providers/{name}/test", .needs(.providerTest)),
    Line("GET", "/api/config", .needs(.configRead)),
    Line("POST", "/api/config/check", .needs(.configRead)),
    Line("POST", "/api/config/reload", .needs(.agentManage)),

    Line("GET", "/api/keys", .administrator),
    Line("POST", "/api/keys:rotate", .administrator),
    Line("POST", "/api/keys:rotate-master", .administrator),
    Line("POST", "/api/keys/recovery:new", .administrator),
    Line("POST", "/api/keys/recovery:confirm", .administrator),

    Line("POST", "/api/system/clear-cache", .needs(.systemClearCache)),
    Line("POST", "/api/maintenance/cleanup", .needs(.maintenanceRun)),
  ]
}
