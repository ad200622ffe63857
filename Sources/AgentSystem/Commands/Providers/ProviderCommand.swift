import AgentCore
import ArgumentParser

/// `agent-system provider …`
struct ProviderCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "provider", abstract: "Look at providers, test them, choose the default.",
    subcommands: [ProviderListCommand.self, ProviderTestCommand.self, ProviderDefaultCommand.self])
}

/// The one argument that verbs about one provider take.
struct ProviderArgument: ParsableArguments {
  @Argument(help: "The provider's name.")
  var name: String

  func validate() throws {
    if name.isEmpty { throw ValidationError("The provider's name is missing.") }
  }
}
