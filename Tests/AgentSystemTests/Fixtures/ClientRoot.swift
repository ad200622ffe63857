import ArgumentParser

@testable import AgentSystem

/// All client verbs under one root, as the program has them.
struct ClientRoot: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "agent-system",
    subcommands: [
      RunCommand.self, TaskCommand.self, AgentCommand.self, CleanupCommand.self, VersionCommand.self,
    ])
}
