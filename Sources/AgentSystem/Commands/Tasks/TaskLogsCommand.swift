import AgentCore
import ArgumentParser

struct TaskLogsCommand: ClientCommand {
  static let configuration = CommandConfiguration(commandName: "logs", abstract: "Tell a task's story so far.")

  @OptionGroup var task: TaskArgument
  @Flag(help: "Go on until the task is over.")
  var follow = false
  @OptionGroup var client: ClientOptions

  /// Of a model's or a tool's words; the whole is at the step.
  private static let maximumWordLines = 12
  private static let maximumWordColumns = 400

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let follower = EventFollower(
      client: session.api, clock: session.clock, random: session.random, path: task.path + "/events",
      extent: follow ? .untilEnd : .kept)
    var story = TaskStory()
    try await follower.follow(isKnownToAnswer: false) { (event) throws(ClientError) in
      if try session.showJSON(event.line) { return }
      guard let line = story.line(for: event) else { return }
      let paint = session.console.paint
      try session.console.showLine(paint(.dim, Self.clock(event)) + "  " + paint(line.colour, line.text))
      try session.console.show(Self.words(event))
    }
    return .done
  }

  /// `2026-11-24 23:30:53.120`, or as many spaces.
  static func clock(_ event: TaskEvent) -> String {
    guard let at = event.at else { return String(repeating: " ", count: 23) }
    return String(at.text.dropLast()).replacing("T", with: " ")
  }

  /// What a model said in a step that ended, indented.
  static func words(_ event: TaskEvent) -> String {
    // The task's own output only repeats its last reply.
    guard event.json["kind"] == "model_call", let text = event.json["output"]?["text"]?.stringValue, !text.isEmpty
    else { return "" }
    let indent = String(repeating: " ", count: 27)
    let lines = TerminalText.block(text).split(separator: "\n", omittingEmptySubsequences: false)
    var shown = lines.prefix(maximumWordLines).map { indent + DisplayWidth.fitted(String($0), to: maximumWordColumns) }
    if lines.count > maximumWordLines { shown.append(indent + "… \(lines.count - maximumWordLines) more lines") }
    return shown.joined(separator: "\n") + "\n"
  }
}
