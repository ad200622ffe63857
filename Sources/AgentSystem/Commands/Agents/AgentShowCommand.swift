import AgentCore
import ArgumentParser

/// The one argument that verbs about one agent take.
struct AgentArgument: ParsableArguments {
  @Argument(help: "The agent's name.")
  var name: String

  /// `/api/agents/coder`
  var path: String { "/api/agents/" + APIRequest.encoded(name) }

  func validate() throws {
    if name.isEmpty { throw ValidationError("The agent's name is missing.") }
  }
}

struct AgentShowCommand: ClientCommand {
  static let configuration = CommandConfiguration(commandName: "show", abstract: "Show an agent.")

  @OptionGroup var agent: AgentArgument
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let json = try await session.api.call(APIRequest(.get, agent.path)).json
    if try !session.showJSON(json) { try session.console.show(MemberPage.members(of: json, session.console.paint)) }
    return .done
  }
}
