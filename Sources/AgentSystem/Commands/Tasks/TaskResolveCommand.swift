import AgentCore
import ArgumentParser

struct TaskResolveCommand: ClientCommand {
  enum Action: String, CaseIterable, ExpressibleByArgument, Sendable {
    case finished, retry, fail
  }

  static let configuration = CommandConfiguration(
    commandName: "resolve", abstract: "Settle a step in doubt.",
    discussion: """
      A step is in doubt when its effect may have happened and its answer was lost. Look first, then say: finished (it \
      happened), retry (it did not: run it again) or fail.
      """)

  @OptionGroup var task: TaskArgument
  @Argument(help: "The step's number.")
  var step: Int
  @Option(help: "finished, retry or fail.")
  var action: Action
  @Option(help: ArgumentHelp("With finished: what the step answered.", valueName: "text"))
  var output: String?
  @OptionGroup var client: ClientOptions

  func validate() throws {
    if step < 1 { throw ValidationError("Steps are numbered from 1.") }
    if output != nil, action != .finished { throw ValidationError("--output goes with --action finished only.") }
  }

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    var body: [String: JSONValue] = ["action": .string(action.rawValue)]
    if let output { body["output"] = .string(output) }
    let request = APIRequest(.post, task.path + "/steps/\(step):resolve", body: .object(body))
    let json = try await session.api.call(request).json
    return try session.showStatus(of: task.id, json)
  }
}
