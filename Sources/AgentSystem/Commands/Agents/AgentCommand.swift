import ArgumentParser

/// `agent-system agent …`
struct AgentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "agent", abstract: "Look at agents and switch them.",
    subcommands: [
      AgentListCommand.self, AgentShowCommand.self, AgentRestartCommand.self, AgentDisableCommand.self,
      AgentEnableCommand.self,
    ])
}
