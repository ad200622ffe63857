import AgentCore
import Synchronization

/// Shows a task's events in one of three manners. Reader and question share it.
final class FollowView: Sendable {
  private enum Manner: Sendable {
    case json
    case lines(TaskStory)
    case live(LiveScreen)
  }
  private let manner: Mutex<Manner>
  private let console: Console

  /// People typed the prompt themselves, and the summary below tells the end.
  private static let untold: Set<String> = ["task.submitted", "task.completed", "task.failed", "task.cancelled"]

  init(console: Console, isJSON: Bool) {
    self.console = console
    let manner: Manner =
      isJSON
      ? .json
      : console.isTerminal
        ? .live(LiveScreen(paint: console.paint, columns: console.columns)) : .lines(TaskStory())
    self.manner = Mutex(manner)
  }

  func show(_ event: TaskEvent) throws(ClientError) {
    let text = manner.withLock { manner -> String in
      switch manner {
      case .json: return TerminalText.json(event.line.text) + "\n"
      case .lines(var story):
        guard !Self.untold.contains(event.name) else { return "" }
        defer { manner = .lines(story) }
        return story.line(for: event).map { $0.text + "\n" } ?? ""
      case .live(var screen):
        guard !Self.untold.contains(event.name) else { return "" }
        defer { manner = .live(screen) }
        return screen.text(for: event)
      }
    }
    try console.show(text)
  }

  /// Leaves the cursor at the beginning of an empty line.
  func pause() throws(ClientError) {
    let text = manner.withLock { manner -> String in
      guard case .live(var screen) = manner else { return "" }
      defer { manner = .live(screen) }
      return screen.clear()
    }
    try console.show(text)
  }

  /// The task as it ended: its output, files and error; the last line in JSON.
  func finish(_ task: JSONValue) throws(ClientError) {
    try pause()
    let lastReply = manner.withLock { manner -> String in
      if case .live(let screen) = manner { screen.lastReply } else { "" }
    }
    if case .json = manner.withLock({ $0 }) {
      try console.showJSON(task)
    } else {
      try console.show(TaskReport.ending(task, paint: console.paint, shownReply: lastReply))
    }
  }
}
