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

extension ChatMessage {
  /// `{"role":"user","text":"…"}`: what a conversation's digest is taken over.
  package var json: JSONValue {
    switch self {
    case .system(let text): ["role": "system", "text": .string(text)]
    case .user(let text): ["role": "user", "text": .string(text)]
    case .assistant(let text, let calls):
      ["role": "assistant", "text": .string(text), "calls": .array(calls.map(\.json))]
    case .toolResult(let callID, let name, let text, let isError):
      [
        "role": "tool", "call_id": .string(callID), "name": .string(name), "text": .string(text),
        "is_error": .bool(isError),
      ]
    }
  }
}
