import AgentCore
import ArgumentParser

struct TaskStepsCommand: ClientCommand {
  static let configuration = CommandConfiguration(commandName: "steps", abstract: "List a task's steps.")

  @OptionGroup var task: TaskArgument
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let json = try await session.api.call(APIRequest(.get, task.path + "/steps")).json
    if try session.showJSON(json) { return .done }
    let table = Self.table(json)
    if !table.isEmpty { try session.console.show(table.text(session.console.paint, limit: session.console.lineLimit)) }
    return .done
  }

  static func table(_ page: JSONValue) -> TextTable {
    var table = TextTable(["STEP", "STATUS", "NAME", "EFFECT", "TRY", "TOOK", "WHAT"], numeric: [0, 4, 5])
    for step in page["data"]?.arrayValue ?? [] {
      let status = step["status"]?.stringValue ?? ""
      table.add([
        .init(step["step"]?.integerValue.map(String.init) ?? ""), .init(status, Paint.colour(ofStatus: status)),
        .init(TaskStory.name(step)), .init(step["effect"]?.stringValue ?? ""),
        .init(step["attempt"]?.integerValue.map(String.init) ?? ""),
        .init(TaskReport.workTime(step).map(Quantity.time) ?? ""), .init(what(step)),
      ])
    }
    return table
  }

  private static func what(_ step: JSONValue) -> String {
    if let error = Failure(json: step["error"]) { return "\(error.code): \(error.detail)" }
    if step["kind"] == "model_call" { return TaskReport.tokens(step["usage"]) ?? "" }
    return TaskStory.shortArguments(step["input"]?["arguments"] ?? .null)
  }
}
