/// A model's wish to use a tool.
package struct ToolCall: Sendable, Hashable {
  /// Unique within one reply; links the call to its result.
  package var id: String
  /// Dotted, as in `file.read`.
  package var name: String
  package var arguments: JSONValue
  package init(id: String, name: String, arguments: JSONValue) {
    (self.id, self.name, self.arguments) = (id, name, arguments)
  }

  package var json: JSONValue { ["id": .string(id), "name": .string(name), "arguments": arguments] }
  package init?(json: JSONValue) {
    guard let id = json["id"]?.stringValue, let name = json["name"]?.stringValue else { return nil }
    self.init(id: id, name: name, arguments: json["arguments"] ?? .object([:]))
  }
}

/// One message of the conversation with a model, in no provider's dialect.
package enum ChatMessage: Sendable, Hashable {
  case system(String)
  case user(String)
  case assistant(text: String, calls: [ToolCall])
  /// What a tool call came to; `isError` when the text is the error's.
  case toolResult(callID: String, name: String, text: String, isError: Bool)
}
