import AgentCore
import ArgumentParser

struct TaskEventsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "events", abstract: "List a task's events.",
    discussion: "With --json each event is one line: {\"data\":{…},\"event\":NAME,\"id\":NUMBER}.")

  @OptionGroup var task: TaskArgument
  @Flag(help: "Go on until the task is over.")
  var follow = false
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let follower = EventFollower(
      client: session.api, clock: session.clock, random: session.random, path: task.path + "/events",
      extent: follow ? .untilEnd : .kept)
    var story = TaskStory()
    try await follower.follow(isKnownToAnswer: false) { (event) throws(ClientError) in
      if try session.showJSON(event.line) { return }
      if event.name == "delta" || event.isEnd { return }
      try session.console.showLine(Self.line(event, &story))
    }
    return .done
  }

  /// `    12  23:30:53.120  step.started    [1] model sandbox`
  private static func line(_ event: TaskEvent, _ story: inout TaskStory) -> String {
    let number = event.id.map(String.init) ?? "-"
    let padding = String(repeating: " ", count: max(0, 6 - number.count))
    let name = TerminalText.line(event.name)
    let gap = String(repeating: " ", count: max(1, 16 - DisplayWidth.of(name)))
    let sentence = story.line(for: event)?.text ?? event.step.flatMap { story.openTitle(of: $0) } ?? ""
    return "\(padding)\(number)  \(TaskLogsCommand.clock(event))  \(name)\(gap)\(sentence)"
  }
}
