import AgentCore
import AgentRuntime
import Hummingbird
import LLMProviders

/// The verbs on providers.
struct ProviderRoutes: Sendable {
  let services: APIServices

  func list(_ call: APICall) async throws -> Response {
    .list(services.providers.reports().map(ProviderBody.json))
  }

  /// One small real call: 200 whether it went well or not, for the test itself was done.
  func test(_ call: APICall) async throws -> Response {
    let id = ProviderID(call.parameters["name"] ?? "")
    do throws(ProviderError) {
      return .json(ProviderBody.json(try await services.providers.test(id)))
    } catch {
      throw APIError("not_found", "there is no provider \(id); there are: \(names)")
    }
  }

  /// Switches the default, durably, from the next model call on; answers with the provider.
  func switchDefault(_ call: APICall) async throws -> Response {
    guard let name = try call.query.text("provider"), !name.isEmpty else {
      throw QueryReader.refused("provider", "is required: the name of the provider that is to be the default")
    }
    do throws(ProviderSwitchError) {
      let report = try await services.providers.setDefault(ProviderID(name), by: call.caller.principal)
      return .json(ProviderBody.json(report))
    } catch {
      throw refusal(of: error)
    }
  }

  private func refusal(of error: ProviderSwitchError) -> any Error {
    switch error {
    case .unknown(let id):
      APIError(
        "provider_unknown",
        fields: [ServiceError.Field("/provider", "there is no provider '\(id)'; there are: \(names)")])
    case .noKey(let id):
      APIError("no_key", "provider \(id) needs a key and has none: set its `api_key` or `api_key_file`, then reload")
    case .store(let error): error
    }
  }

  private var names: String { services.providers.reports().map(\.id.name).joined(separator: ", ") }
}
