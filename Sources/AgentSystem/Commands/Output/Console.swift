import AgentCore
import Synchronization

/// Where a verb's output goes, and what is known of the place.
struct Console: Sendable {
  /// Takes bytes; false when they could not be written.
  typealias Sink = @Sendable ([UInt8]) -> Bool

  /// Standard output is a terminal: live lines and cutting to its width make sense.
  let isTerminal: Bool
  /// Standard input is a terminal too: a question can be asked.
  let isInputTerminal: Bool
  /// The terminal's width; lines are cut to it only when `isTerminal`.
  let columns: Int
  let paint: Paint
  private let write: Sink
  private let writeError: Sink

  /// A terminal that says it has no width.
  static let defaultColumns = 80

  init(
    isTerminal: Bool, isInputTerminal: Bool, columns: Int = Console.defaultColumns, environment: [String: String],
    write: @escaping Sink, writeError: @escaping Sink
  ) {
    (self.isTerminal, self.isInputTerminal, self.columns) = (isTerminal, isInputTerminal, max(20, columns))
    (self.write, self.writeError) = (write, writeError)
    paint = Paint(isTerminal: isTerminal, environment: environment)
  }

  /// Text that is safe to show. Throws `outputClosed`.
  func show(_ text: String) throws(ClientError) { try show(bytes: Array(text.utf8)) }

  func showLine(_ text: String) throws(ClientError) { try show(text + "\n") }

  /// A file's bytes as they are. Throws `outputClosed`.
  func show(bytes: [UInt8]) throws(ClientError) {
    if bytes.isEmpty { return }
    guard write(bytes) else { throw .outputClosed }
  }

  /// The server's JSON as one line.
  func showJSON(_ value: JSONValue) throws(ClientError) { try showLine(TerminalText.json(value.text)) }

  /// A line on standard error; one that cannot be written has no other place to go.
  func warn(_ text: String) { _ = writeError(Array((text + "\n").utf8)) }

  /// How wide a line may be; nil: any width.
  var lineLimit: Int? { isTerminal ? columns : nil }
}
