import AgentCore
import ArgumentParser

/// Where a retry takes up the conversation: `start` or `step-7`.
struct RetryPoint: ExpressibleByArgument, Sendable, Equatable {
  var text: String

  init?(argument: String) {
    if argument != "start" {
      guard argument.hasPrefix("step-"), let number = Int(argument.dropFirst(5)), number >= 1,
        argument == "step-\(number)"
      else { return nil }
    }
    text = argument
  }
}

struct TaskRetryCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry", abstract: "Run a failed or cancelled task again.",
    discussion: "Without --from it goes on after its last finished step.")

  @OptionGroup var task: TaskArgument
  @Option(
    help: ArgumentHelp("Begin the conversation anew, or keep what came before that step.", valueName: "start|step-N"))
  var from: RetryPoint?
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let query = from.map { [(name: "from", value: $0.text)] } ?? []
    let json = try await session.api.call(APIRequest(.post, task.path + "/retry", query: query)).json
    return try session.showStatus(of: task.id, json)
  }
}

extension ClientSession {
  /// `task-17 pending`, after a verb that moved the task.
  func showStatus(of id: TaskID, _ json: JSONValue) throws(ClientError) -> ProcessExit {
    if try showJSON(json) { return .done }
    let status = json["status"]?.stringValue ?? ""
    try console.showLine("\(id) " + console.paint(Paint.colour(ofStatus: status), TerminalText.line(status)))
    return .done
  }
}
