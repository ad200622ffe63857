import AgentConfig
import ArgumentParser
import Glibc

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

  /// The commands that read their configuration only once they listen for signals.
  private static let services = [ServeCommand.configuration.commandName, SandboxCommand.configuration.commandName]

  /// On the thread that starts the process, before there are others.
  @MainActor static func main() async {
    // A hangup means a reload, and nothing has been read yet. Of the other commands it is the end.
    if let verb = CommandLine.arguments.dropFirst().first, services.contains(verb) { signal(SIGHUP, SIG_IGN) }
    await ForeignVariables.$removed.withValue(ForeignVariables.takenOver()) { await runAsTyped() }
  }
}
