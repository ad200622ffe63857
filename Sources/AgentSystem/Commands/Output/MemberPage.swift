import AgentCore

/// One thing on a page: a name and a value a line, then blocks of text.
struct MemberPage: Sendable {
  private let paint: Paint
  private(set) var text = ""

  private static let nameColumns = 14

  init(_ paint: Paint) { self.paint = paint }

  /// Null and missing members are left out.
  mutating func add(_ name: String, _ value: JSONValue?) {
    guard let value, value != .null else { return }
    add(name, text: value.stringValue ?? value.text)
  }

  /// Empty text is left out.
  mutating func add(_ name: String, text value: String, _ colour: Paint.Colour? = nil) {
    guard !value.isEmpty else { return }
    let name = TerminalText.line(name)
    let padding = String(repeating: " ", count: max(1, Self.nameColumns - DisplayWidth.of(name)))
    text += paint(.dim, name) + padding + paint(colour, TerminalText.line(value)) + "\n"
  }

  /// A text of many lines below its name; nil and empty are left out.
  mutating func block(_ name: String, _ value: String?) {
    guard let value, !value.isEmpty else { return }
    text += "\n" + paint(.dim, name) + "\n" + TerminalText.block(value) + (value.hasSuffix("\n") ? "" : "\n")
  }

  /// Every member of an object, by name.
  static func members(of json: JSONValue, _ paint: Paint) -> String {
    var page = MemberPage(paint)
    for (name, value) in (json.objectValue ?? [:]).sorted(by: { $0.key < $1.key }) {
      if let text = value.stringValue, text.contains("\n") { continue }
      page.add(name.replacing("_", with: " "), value)
    }
    for (name, value) in (json.objectValue ?? [:]).sorted(by: { $0.key < $1.key }) {
      if let text = value.stringValue, text.contains("\n") { page.block(name, text) }
    }
    return page.text
  }
}
