/// Colours, where they are wanted.
struct Paint: Sendable {
  enum Colour: String, Sendable {
    case red = "31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"
    case bold = "1"
    case dim = "2"
  }

  let isEnabled: Bool

  /// On a terminal, unless `NO_COLOR` is set to something (no-color.org).
  init(isTerminal: Bool, environment: [String: String]) {
    isEnabled = isTerminal && (environment["NO_COLOR"] ?? "").isEmpty
  }

  /// `text` must be safe already.
  func callAsFunction(_ colour: Colour?, _ text: String) -> String {
    guard isEnabled, let colour, !text.isEmpty else { return text }
    return "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
  }

  /// The colour of a task's, step's or agent's status.
  static func colour(ofStatus status: String) -> Colour? {
    switch status {
    case "completed", "finished": .green
    case "failed", "error", "in_doubt": .red
    case "running", "started": .cyan
    case "waiting": .yellow
    case "cancelled", "disabled": .dim
    default: nil
    }
  }
}
