/// A model's wish to use a tool.
package struct ToolCall: Sendable, Hashable {
  /// Unique within one reply; links the call to its result.
  package var id: String
  /// Dotted, as in `file.read`.
  package var name: String
  /// An object; where the model's text was no JSON object, that text as it came: no tool takes it
  /// (`tool_arguments_invalid`).
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

/// A picture that goes with a prompt.
package struct ChatImage: Sendable, Hashable {
  /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
  package var mediaType: String
  /// Of the bytes; stands for them in digests and in the journal.
  package var digest: String
  package var bytes: [UInt8]
  package init(mediaType: String, digest: String, bytes: [UInt8]) {
    (self.mediaType, self.digest, self.bytes) = (mediaType, digest, bytes)
  }

  /// What is set aside for one: more than any provider counts.
  package static let reservedTokens: Int64 = 5000
}

/// A reply exactly as its provider sent it: thinking blocks with their signatures, refusals and members that this build
/// does not know are all in `message`, which goes back so to the same provider and model alone; what the provider said
/// around it, as its stop reason, is in `envelope`. Left out are the counts, which `ModelUsage` has, and `logprobs`.
package struct ReplyOrigin: Sendable, Hashable {
  package var provider: ProviderID
  /// The model as it was asked for, not as the provider names it in its answer.
  package var model: String
  /// In the provider's own shape: OpenAI's assistant message, Anthropic's `{"role":"assistant","content":[…]}`.
  package var message: JSONValue
  /// `{"id":"msg_1","stop_reason":"end_turn",…}`: never sent back. Of a stream the last value of each member.
  package var envelope: [String: JSONValue]
  /// Of the bytes of `message`, those that do not go out: long arguments of its calls that gave way to a marker.
  package var elidedBytes = 0
  package init(
    provider: ProviderID, model: String, message: JSONValue, envelope: [String: JSONValue] = [:]
  ) {
    (self.provider, self.model, self.message, self.envelope) = (provider, model, message, envelope)
  }

  /// As it is journaled.
  package var json: JSONValue {
    var members: [String: JSONValue] = [
      "provider": .string(provider.name), "model": .string(model), "message": message,
    ]
    if !envelope.isEmpty { members["envelope"] = .object(envelope) }
    return .object(members)
  }
  package init?(json: JSONValue) {
    guard let provider = json["provider"]?.stringValue, let model = json["model"]?.stringValue,
      let message = json["message"]
    else { return nil }
    self.init(
      provider: ProviderID(provider), model: model, message: message, envelope: json["envelope"]?.objectValue ?? [:])
  }
}

/// One message of the conversation with a model, in no provider's dialect.
package enum ChatMessage: Sendable, Hashable {
  case system(String)
  case user(String, images: [ChatImage] = [])
  /// `origin` is nil for what no remote provider said (the sandbox, rows of an older build).
  case assistant(text: String, calls: [ToolCall], origin: ReplyOrigin? = nil)
  /// What a tool call came to; `isError` when the text is the error's.
  case toolResult(callID: String, name: String, text: String, isError: Bool)
}

extension ChatMessage {
  /// `{"role":"user","text":"…"}`: what a conversation's digest is taken over.
  package var json: JSONValue {
    switch self {
    case .system(let text): return ["role": "system", "text": .string(text)]
    case .user(let text, let images):
      var members: [String: JSONValue] = ["role": "user", "text": .string(text)]
      if !images.isEmpty {
        members["images"] = .array(
          images.map { ["media_type": .string($0.mediaType), "digest": .string($0.digest)] })
      }
      return .object(members)
    case .assistant(let text, let calls, let origin):
      var members: [String: JSONValue] = [
        "role": "assistant", "text": .string(text), "calls": .array(calls.map(\.json)),
      ]
      if let origin { members["origin"] = origin.json }
      return .object(members)
    case .toolResult(let callID, let name, let text, let isError):
      return [
        "role": "tool", "call_id": .string(callID), "name": .string(name), "text": .string(text),
        "is_error": .bool(isError),
      ]
    }
  }
}
