import AgentCore
import ArgumentParser

struct TaskResumeCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Let a task go on that waits because the data was restored.")

  @OptionGroup var task: TaskArgument
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let json = try await session.api.call(APIRequest(.post, task.path + ":resume")).json
    return try session.showStatus(of: task.id, json)
  }
}
