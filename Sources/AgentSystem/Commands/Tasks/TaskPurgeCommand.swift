import AgentCore
import ArgumentParser

struct TaskPurgeCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "purge", abstract: "Delete a finished task with its steps, events and files.")

  @OptionGroup var task: TaskArgument
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let answer = try await session.api.call(APIRequest(.delete, task.path, query: [("purge", "true")]))
    if try session.showJSON(answer.json) { return .done }
    try session.console.showLine("\(task.id) deleted")
    return .done
  }
}
