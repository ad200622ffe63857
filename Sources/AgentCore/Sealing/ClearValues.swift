/// What a task holds sealed, opened for its worker alone: never stored, printed or sent but by the reference that a tool
/// call makes to it. Every way to text shows nothing of it.
package struct ClearValues: Sendable {
  /// The task's sensitive input members, by path (`api_key`, `login.password`: names joined by dots, indexes as numbers).
  private let input: [String: JSONValue]
  /// Arguments of open steps as they were given, by step: what a repeated call sends.
  private let arguments: [Int: JSONValue]
  /// The same of tool calls that a model asked for and that no step has begun, by the model call's step and the call's id.
  private let calls: [Int: [String: JSONValue]]
  /// Every sealed value of the task that is text, wherever it stands: what the filter looks for.
  private let texts: [Secret]

  package init(
    input: [String: JSONValue] = [:], arguments: [Int: JSONValue] = [:], calls: [Int: [String: JSONValue]] = [:],
    texts: [Secret] = []
  ) {
    (self.input, self.arguments, self.calls, self.texts) = (input, arguments, calls, texts)
  }

  package static let none = ClearValues()

  package var isEmpty: Bool { input.isEmpty && arguments.isEmpty && calls.isEmpty && texts.isEmpty }

  /// The paths that a reference may name, sorted.
  package var paths: [String] { input.keys.sorted() }

  /// The value behind `{{input.PATH}}`; nil where the input has no sealed member there.
  package func reveal(path: String) -> JSONValue? { input[path] }

  /// The arguments of a step that was begun with sensitive ones.
  package func revealArguments(ofStep step: Int) -> JSONValue? { arguments[step] }

  /// The arguments of a call that the model asked for in that step, where some of them are sealed.
  package func revealArguments(ofCall id: String, askedForInStep step: Int) -> JSONValue? { calls[step]?[id] }

  package func revealTexts() -> [Secret] { texts }
}

extension ClearValues: CustomStringConvertible, CustomReflectable {
  package var description: String { SealedMember.placeholder }
  package var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
