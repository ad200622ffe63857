import AgentCore

/// One call of a model as a step of the task, as its next try sends it.
struct ModelStep: Sendable {
  var number: Int
  var provider: any ModelProvider
  var request: ModelRequest
  var shape: ConversationShape
  /// Those that go with the prompt.
  var images: [TaskImage]

  /// What is set aside for that try.
  var reservation: Int64 { request.reservedTokens }

  /// What its row says of it: the call's parameters, what the engine itself decided, and a digest of the conversation,
  /// which the earlier steps hold.
  func input(_ digester: any Digester) -> JSONValue {
    var members = shape.members
    members["model"] = JSONValue(request.model ?? provider.traits.model)
    members["temperature"] = request.temperature.map(JSONValue.double) ?? .null
    members["max_output_tokens"] = JSONValue(request.maxOutputTokens)
    members["turn"] = JSONValue(request.turn)
    members["tools"] = .array(request.tools.map { .string($0.name) })
    members["messages"] = JSONValue(request.messages.count)
    members["messages_digest"] = .string(digester.digest(.array(request.messages.map(\.json))))
    if !images.isEmpty { members["images"] = .array(images.map(\.json)) }
    return .object(members)
  }
}
