import AgentCore

/// One call of a model as a step of the task: the same for all of its tries.
struct ModelStep: Sendable {
  var number: Int
  var provider: any ModelProvider
  var request: ModelRequest
  /// Tool outputs that gave way to a marker.
  var elided: Int

  /// What is set aside for each try.
  var reservation: Int64 { request.reservedTokens }

  /// What its row says of it: the call's parameters, and a digest of the conversation, which the earlier steps hold.
  func input(_ digester: any Digester) -> JSONValue {
    [
      "model": JSONValue(request.model), "temperature": request.temperature.map(JSONValue.double) ?? .null,
      "max_output_tokens": JSONValue(request.maxOutputTokens), "turn": JSONValue(request.turn),
      "tools": .array(request.tools.map { .string($0.name) }), "messages": JSONValue(request.messages.count),
      "messages_digest": .string(digester.digest(.array(request.messages.map(\.json)))),
      "elided_outputs": JSONValue(elided),
    ]
  }
}
