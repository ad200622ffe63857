import AgentCore
import ArgumentParser

/// The one argument that most verbs about tasks take.
struct TaskArgument: ParsableArguments {
  @Argument(help: ArgumentHelp("The task, as task-17 or 17.", valueName: "task"))
  var id: TaskID

  /// `/api/tasks/task-17`
  var path: String { "/api/tasks/\(id)" }
}

struct TaskShowCommand: ClientCommand {
  static let configuration = CommandConfiguration(commandName: "show", abstract: "Show a task.")

  @OptionGroup var task: TaskArgument
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let json = try await session.api.call(APIRequest(.get, task.path)).json
    if try !session.showJSON(json) { try session.console.show(TaskReport.page(json, paint: session.console.paint)) }
    return .done
  }
}
