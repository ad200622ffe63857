import AgentCore

/// What a terminal shows while a task runs: a line for each step that ended, one live line for the step in hand, and
/// the model's words as they come. A value: it turns events into the text to write.
struct LiveScreen: Sendable {
  private enum Below: Sendable {
    /// The cursor stands at the beginning of an empty line.
    case nothing
    /// On the live line, which can be written over.
    case liveLine
    /// Behind the model's words.
    case words(endsLine: Bool)
  }

  private let paint: Paint
  private let columns: Int
  private var story = TaskStory()
  private var below = Below.nothing
  /// What was shown of the reply in hand; told at the end, so that no reply is shown twice.
  private var words = ""
  private var shownReply = ""
  private var heldReturn = false

  /// A reply longer than this is not compared with the output: it is then shown again, in whole.
  private static let maximumComparedBytes = 4 * 1024 * 1024

  init(paint: Paint, columns: Int) { (self.paint, self.columns) = (paint, columns) }

  /// The last reply of the model, if it was shown to its end.
  var lastReply: String { shownReply }

  mutating func text(for event: TaskEvent) -> String {
    if event.name == "delta" { return delta(event.json) }
    if event.name == "step.started" {
      _ = story.line(for: event)
      (words, heldReturn) = ("", false)
      guard let step = event.step, let title = story.openTitle(of: step) else { return "" }
      let result = clear() + paint(.dim, DisplayWidth.fitted(title + " …", to: columns - 1))
      below = .liveLine
      return result
    }
    guard let line = story.line(for: event) else { return "" }
    if event.name == "step.finished", event.json["kind"] == "model_call" { shownReply = words }
    return clear() + paint(line.colour, DisplayWidth.fitted(line.text, to: columns)) + "\n"
  }

  /// Leaves the cursor at the beginning of an empty line, for a question or the end.
  mutating func clear() -> String {
    defer { below = .nothing }
    switch below {
    case .nothing: return ""
    case .liveLine: return "\r\u{1B}[K"
    case .words(let endsLine): return endsLine ? "" : "\n"
    }
  }

  private mutating func delta(_ json: JSONValue) -> String {
    guard var piece = json["text"]?.stringValue, !piece.isEmpty else { return "" }
    // A line break may be cut in two between pieces.
    if heldReturn { piece = "\r" + piece }
    heldReturn = piece.unicodeScalars.last?.value == 0x0D
    if heldReturn { piece.unicodeScalars.removeLast() }
    if words.utf8.count < Self.maximumComparedBytes { words += piece }
    let shown = TerminalText.block(piece)
    guard let last = shown.unicodeScalars.last else { return "" }
    var result = ""
    if case .words = below {} else { result = clear() }
    below = .words(endsLine: last.value == 0x0A)
    result += shown
    return result
  }
}
