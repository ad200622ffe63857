import AgentCore
import HTTPTypes

/// All routes, and which permission each needs. The first pattern that fits a path is its only one, so the special
/// stand before the general.
struct RouteTable: Sendable {
  enum Match: Sendable {
    case route(Route, parameters: [String: String])
    /// The path exists; these are its methods.
    case otherMethod(allowed: [HTTPRequest.Method])
    case nothing
  }

  let routes: [Route]
  /// Who made a task; nil: there is none.
  let ownerOfTask: @Sendable (TaskID) async throws -> Principal?

  init(_ routes: [Route], ownerOfTask: @escaping @Sendable (TaskID) async throws -> Principal? = { _ in nil }) {
    let names = routes.map { "\($0.method.rawValue) \($0.pattern)" }
    precondition(Set(names).count == names.count, "a route stands twice in the table")
    (self.routes, self.ownerOfTask) = (routes, ownerOfTask)
  }

  init(services: APIServices) {
    let (tasks, steps) = (TaskRoutes(services: services), StepRoutes(services: services))
    let (files, events) = (FileRoutes(services: services), EventRoutes(services: services))
    let (agents, system) = (AgentRoutes(services: services), SystemRoutes(services: services))
    let providers = ProviderRoutes(services: services)
    let health = HealthRoutes(board: services.health)
    let configuration = ConfigurationRoutes(services: services)
    let keys = KeyRoutes(services: services)
    self.init([
      Route(.get, "/health", .open, health.overall),
      Route(.get, "/livez", .open, health.alive),
      Route(.get, "/readyz", .open, health.ready),
      Route(.get, "/health/db", .open, health.database),
      Route(.get, "/health/redis", .open, health.cache),
      Route(.get, "/health/cache", .open, health.cache),

      Route(.get, "/api/tasks", .needs(.taskRead, own: .taskReadOwn), query: TaskListQuery.names, tasks.list),
      Route(.post, "/api/tasks", .needs(.taskCreate), query: ["wait"], body: .large, tasks.create),
      Route(.post, "/api/tasks:batch", .needs(.taskCreate), body: .large, tasks.createBatch),
      Route(.post, "/api/tasks/{id}:resume", .needs(.taskResolve), tasks.resume),
      Route(.get, "/api/tasks/{id}", .needs(.taskRead, own: .taskReadOwn), query: ["wait"], tasks.show),
      // With `?purge=true` the route asks for `task:purge` as well.
      Route(.delete, "/api/tasks/{id}", .needs(.taskCancel, own: .taskCreate), query: ["purge"], tasks.cancel),
      Route(.post, "/api/tasks/{id}/retry", .needs(.taskRetry, own: .taskCreate), query: ["from"], tasks.retry),
      Route(.get, "/api/tasks/{id}/steps", .needs(.taskRead, own: .taskReadOwn), steps.list),
      Route(
        .post, "/api/tasks/{id}/steps/{n}:resolve", .needs(.taskResolve), body: .small, steps.resolve),
      Route(.get, "/api/tasks/{id}/steps/{n}", .needs(.taskRead, own: .taskReadOwn), steps.show),
      Route(.get, "/api/tasks/{id}/files", .needs(.taskRead, own: .taskReadOwn), files.list),
      Route(.get, "/api/tasks/{id}/files.tar", .needs(.taskRead, own: .taskReadOwn), isStream: true, files.archive),
      Route(.get, "/api/tasks/{id}/files/{path...}", .needs(.taskRead, own: .taskReadOwn), files.read),
      Route(
        .get, "/api/tasks/{id}/events", .needs(.taskRead, own: .taskReadOwn), query: ["after"], isStream: true,
        events.ofTask),
      Route(.get, "/api/events", .needs(.taskRead), query: ["after"], isStream: true, events.ofAll),

      Route(.get, "/api/agents", .needs(.agentRead), agents.list),
      Route(.get, "/api/agents/status", .needs(.agentStatus), agents.status),
      Route(.get, "/api/agents/{id}", .needs(.agentRead), agents.show),
      Route(.post, "/api/agents/{id}/restart", .needs(.agentManage), agents.restart),
      Route(.post, "/api/agents/{id}/disable", .needs(.agentManage), agents.disable),
      Route(.post, "/api/agents/{id}/enable", .needs(.agentManage), agents.enable),

      Route(.get, "/api/providers", .needs(.providerRead), providers.list),
      Route(.post, "/api/providers/default", .needs(.providerManage), query: ["provider"], providers.switchDefault),
      Route(.post, "/api/providers/{name}/test", .needs(.providerTest), providers.test),
      Route(.get, "/api/config", .needs(.configRead), configuration.show),
      Route(.post, "/api/config/check", .needs(.configRead), configuration.check),
      Route(.post, "/api/config/reload", .needs(.agentManage), configuration.reload),

      Route(.get, "/api/keys", .administrator, keys.show),
      Route(.post, "/api/keys:rotate", .administrator, keys.rotate),
      Route(.post, "/api/keys:rotate-master", .administrator, body: .small, keys.rotateMaster),
      Route(.post, "/api/keys/recovery:new", .administrator, keys.newRecoveryCode),
      Route(.post, "/api/keys/recovery:confirm", .administrator, body: .small, keys.confirm),

      Route(.post, "/api/system/clear-cache", .needs(.systemClearCache), system.clearCache),
      Route(
        .post, "/api/maintenance/cleanup", .needs(.maintenanceRun), query: ["days", "dry_run"], system.cleanUp),
    ]) { try await services.reader.task($0)?.owner }
  }

  /// The route for a request; HEAD is answered by the GET route of a path, unless that is a stream.
  func match(_ method: HTTPRequest.Method, _ components: [String]) -> Match {
    for route in routes {
      guard let parameters = route.pattern.match(components) else { continue }
      let family = routes.filter { $0.pattern == route.pattern }
      let sought: HTTPRequest.Method = method == .head ? .get : method
      if let found = family.first(where: { $0.method == sought }), method != .head || !found.isStream {
        return .route(found, parameters: parameters)
      }
      let hasHead = family.contains { $0.method == .get && !$0.isStream }
      return .otherMethod(allowed: family.map(\.method) + (hasHead ? [.head] : []))
    }
    return .nothing
  }

  /// Whether a path is open to all, whoever asks and whatever `Host` it names. `/metrics` has no route yet, and says
  /// so to a scraper that calls us by a pod's address.
  static func isOpen(_ path: Substring) -> Bool {
    path == "/health" || path.hasPrefix("/health/") || ["/livez", "/readyz", "/metrics"].contains(path)
  }
}
