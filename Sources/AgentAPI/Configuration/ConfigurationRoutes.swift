import AgentCore
import AgentRuntime
import Hummingbird

/// The verbs on the configuration.
struct ConfigurationRoutes: Sendable {
  let services: APIServices

  /// `{"data":[{"file","key","value","source",…}],…}`; no secret is in it.
  func show(_ call: APICall) async throws -> Response { .json(await services.configuration.show()) }

  /// `{"ok":false,"issues":[…],"warnings":[…]}`: 200 either way, it is an answer.
  func check(_ call: APICall) async throws -> Response { .json(await services.configuration.check()) }

  func reload(_ call: APICall) async throws -> Response {
    // Agents and providers both change by it.
    try call.require(.providerManage)
    let answer = try await services.configuration.reload(call.caller.principal)
    // Whoever changed an agent sees it at once.
    _ = services.answers.removeAll()
    return .json(answer)
  }
}
