import AgentCore

/// A model call in the shape of OpenAI's chat completions: https://platform.openai.com/docs/api-reference/chat/create.
struct OpenAIRequest {
  private let request: ModelRequest
  private let source: ReplySource
  private let names: ToolNames

  init(_ request: ModelRequest, _ source: ReplySource, _ names: ToolNames) {
    (self.request, self.source, self.names) = (request, source, names)
  }

  var members: [String: JSONValue] {
    var members: [String: JSONValue] = [
      "model": .string(source.model), "messages": .array(messages), "stream": true,
      "stream_options": ["include_usage": true],
    ]
    if let temperature = request.temperature { members["temperature"] = .double(temperature) }
    if !request.tools.isEmpty { members["tools"] = .array(request.tools.map(tool)) }
    if let schema = request.outputSchema { members["response_format"] = Self.format(schema) }
    return members
  }

  private func tool(_ tool: ToolDescriptor) -> JSONValue {
    [
      "type": "function",
      "function": [
        "name": .string(names.wire(tool.name)), "description": .string(tool.description), "parameters": tool.parameters,
      ],
    ]
  }

  /// `strict` is refused with an error for a schema that does not meet its rules.
  private static func format(_ schema: JSONValue) -> JSONValue {
    var format: [String: JSONValue] = ["name": "output", "schema": schema]
    if StrictSchema.meets(schema) { format["strict"] = true }
    return ["type": "json_schema", "json_schema": .object(format)]
  }

  private var messages: [JSONValue] {
    var ids = CallIDs()
    return request.messages.compactMap { message in
      switch message {
      case .system(let text): return text.isEmpty ? Optional.none : ["role": "system", "content": .string(text)]
      case .user(let text, let images): return Self.user(text, images)
      case .assistant(let text, let calls, let origin):
        let own = source.ownMessage(origin)
        let wireIDs = ids.begin(calls, isOwn: own != nil)
        return own.map { self.own($0, calls, wireIDs) } ?? foreign(text, calls, wireIDs)
      case .toolResult(let callID, _, let text, _):
        return ["role": "tool", "tool_call_id": .string(ids.result(of: callID)), "content": .string(text)]
      }
    }
  }

  private static func user(_ text: String, _ images: [ChatImage]) -> JSONValue {
    guard !images.isEmpty else { return ["role": "user", "content": .string(text)] }
    var parts: [JSONValue] = text.isEmpty ? [] : [["type": "text", "text": .string(text)]]
    parts += images.map { image in
      let url = "data:\(image.mediaType);base64,\(image.base64)"
      return ["type": "image_url", "image_url": ["url": .string(url)]]
    }
    return ["role": "user", "content": .array(parts)]
  }

  /// As it came, but for the ids that the calls got here, for names that no API takes, and for arguments that are other
  /// ones by now: they were no object, or a long text gave way.
  private func own(_ message: JSONValue, _ calls: [ToolCall], _ ids: [String]) -> JSONValue {
    guard case .object(var members) = message else { return message }
    members["role"] = "assistant"
    if let sent = members["tool_calls"]?.arrayValue, !sent.isEmpty {
      members["tool_calls"] = .array(
        zip(sent, zip(calls, ids)).map { call, ours in
          guard case .object(var call) = call, case .object(var function)? = call["function"] else { return call }
          call["id"] = .string(ours.1)
          let arguments = ours.0.mendedArguments.text
          // `try?`: what is no JSON is another text too. By their texts: the journal may have read `1.0` as `1`.
          let said = function["arguments"]?.stringValue.flatMap { try? JSONValue(parsing: $0) }
          if said?.text != arguments { function["arguments"] = .string(arguments) }
          function["name"] = names.mended(function["name"])
          call["function"] = .object(function)
          return .object(call)
        })
    }
    return .object(members)
  }

  /// What another pair said, or nobody over a wire: text and calls.
  private func foreign(_ text: String, _ calls: [ToolCall], _ ids: [String]) -> JSONValue? {
    if calls.isEmpty { return text.isEmpty ? Optional.none : ["role": "assistant", "content": .string(text)] }
    let sent: [JSONValue] = zip(calls, ids).map { call, id in
      let function: JSONValue = [
        "name": .string(names.wire(call.name)), "arguments": .string(call.mendedArguments.text),
      ]
      return ["id": .string(id), "type": "function", "function": function]
    }
    return [
      "role": "assistant", "content": text.isEmpty ? .null : .string(text), "tool_calls": .array(sent),
    ]
  }
}
