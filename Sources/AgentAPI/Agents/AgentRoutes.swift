import AgentCore
import AgentRuntime
import Hummingbird

/// The verbs on agents.
struct AgentRoutes: Sendable {
  private static let statusKey = "GET /api/agents/status"

  let services: APIServices

  func list(_ call: APICall) async throws -> Response {
    .list(try await services.agents.reports().map(json))
  }

  func show(_ call: APICall) async throws -> Response {
    let report = try await services.agents.report(call.agentID())
    var members = json(report).objectValue ?? [:]
    if report.isConfigured { members["reach"] = services.configuration.reach(report.definition) }
    return .json(.object(members))
  }

  /// Everybody's status pages ask this all the time, so an answer holds for a moment.
  func status(_ call: APICall) async throws -> Response {
    if let bytes = services.answers.value(for: Self.statusKey) { return .json(encoded: bytes) }
    let reports = try await services.agents.reports()
    let bytes = AgentBody.status(reports, isRunning: services.agents.isRunning(reports)).encoded()
    services.answers.store(bytes, for: Self.statusKey)
    return .json(encoded: bytes)
  }

  func restart(_ call: APICall) async throws -> Response {
    try await changing { try await services.agents.restart(call.agentID(), by: call.caller.principal) }
  }

  func disable(_ call: APICall) async throws -> Response {
    try await changing { try await services.agents.setDisabled(true, call.agentID(), by: call.caller.principal) }
  }

  func enable(_ call: APICall) async throws -> Response {
    try await changing { try await services.agents.setDisabled(false, call.agentID(), by: call.caller.principal) }
  }

  /// Whoever changed an agent sees it at once.
  private func changing(_ change: () async throws -> AgentReport) async throws -> Response {
    defer { services.answers.remove(Self.statusKey) }
    return .json(json(try await change()))
  }

  private func json(_ report: AgentReport) -> JSONValue {
    services.configuration.masked(AgentBody.json(report, isEngineAlive: services.agents.isEngineAlive))
  }
}
