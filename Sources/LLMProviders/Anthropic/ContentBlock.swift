import AgentCore

/// One block of the content of a reply in Anthropic's dialect, as it grows.
struct ContentBlock: Sendable {
  private var content: GrowingMessage
  private var input = GrowingBytes()

  init(members: [String: JSONValue]) { content = GrowingMessage(members) }

  /// Text, thoughts and signatures grow; a citation joins the list of them.
  mutating func extend(by delta: [String: JSONValue]) {
    for (name, value) in delta where name != "type" {
      switch (name, value) {
      case ("partial_json", .string(let piece)): input.append(piece)
      case ("citation", _): content.take(["citations": .array([value])])
      default: content.take([name: value])
      }
    }
  }

  /// What it came to. An input that is no JSON stays the text that it is.
  func whole(_ budget: AnswerBudget) -> WholeBlock {
    var members = budget.whole(content.members)
    let given = members["input"].flatMap { $0.isNull ? Optional.none : $0 }
    guard input.count > 0 else { return WholeBlock(members, arguments: given?.stringValue ?? given?.text ?? "") }
    let text = input.text
    // `try?`: half a text is kept as such.
    members["input"] = (try? JSONValue(arguments: text)) ?? .string(text)
    return WholeBlock(members, arguments: text)
  }
}

/// A block when nothing more comes.
struct WholeBlock: Sendable {
  private let members: [String: JSONValue]
  private let arguments: String

  init(_ members: [String: JSONValue], arguments: String) { (self.members, self.arguments) = (members, arguments) }

  private var type: String { members["type"]?.stringValue ?? "" }

  var message: JSONValue { .object(members) }

  var text: String { type == "text" ? members["text"]?.stringValue ?? "" : "" }

  var thinkingBytes: Int { members["thinking"]?.stringValue?.utf8.count ?? 0 }

  var call: AssembledReply.Call? {
    guard type == "tool_use" else { return nil }
    return AssembledReply.Call(
      id: members["id"]?.stringValue ?? "", name: members["name"]?.stringValue ?? "", arguments: arguments)
  }
}
