import ArgumentParser

/// The `agent-system` command.
@main
struct AgentSystemCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "agent-system",
    abstract: "Runs LLM agents on one machine, durably: a queue of tasks, a journal of every step.",
    version: ProductVersion.current,
    subcommands: [
      ServeCommand.self, SandboxCommand.self, RunCommand.self, TaskCommand.self, AgentCommand.self,
      ProviderCommand.self, KeyCommand.self, ConfigCommand.self, ReloadCommand.self, CleanupCommand.self,
      AcceptLossCommand.self, MigrateCommand.self,
      VersionCommand.self,
    ])
}
