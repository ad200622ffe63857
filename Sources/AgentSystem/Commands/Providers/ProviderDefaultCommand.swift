import AgentCore
import ArgumentParser

struct ProviderDefaultCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "default", abstract: "Let agents that name no provider ask this one, from their next model call on.")

  @OptionGroup var provider: ProviderArgument
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let request = APIRequest(
      .post, "/api/providers/default", query: [(name: "provider", value: provider.name)])
    let json = try await session.api.call(request).json
    if try session.showJSON(json) { return .done }
    try session.console.showLine("\(TerminalText.line(provider.name)) is the default")
    return .done
  }
}
