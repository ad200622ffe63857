import AgentCore
import ArgumentParser

struct TaskCancelCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Cancel a task.",
    discussion: "A running task first comes to a stop; see task show for when it has.")

  @OptionGroup var task: TaskArgument
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let answer = try await session.api.call(APIRequest(.delete, task.path))
    if try session.showJSON(answer.json) { return .done }
    // 202: a running task winds down.
    try session.console.showLine("\(task.id) " + (answer.status == 202 ? "is being cancelled" : "cancelled"))
    return .done
  }
}
