import ArgumentParser

/// `agent-system task …`
struct TaskCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "task", abstract: "Look at tasks and act on them.",
    subcommands: [
      TaskListCommand.self, TaskShowCommand.self, TaskStepsCommand.self, TaskEventsCommand.self, TaskLogsCommand.self,
      TaskFilesCommand.self, TaskCancelCommand.self, TaskRetryCommand.self, TaskResolveCommand.self,
      TaskResumeCommand.self, TaskPurgeCommand.self,
    ])
}
