import AgentCore

/// A model call in the shape of Anthropic's messages: https://docs.anthropic.com/en/api/messages.
struct AnthropicRequest {
  private let request: ModelRequest
  private let source: ReplySource
  private let names: ToolNames

  init(_ request: ModelRequest, _ source: ReplySource, _ names: ToolNames) {
    (self.request, self.source, self.names) = (request, source, names)
  }

  var members: [String: JSONValue] {
    let messages = messages
    var members: [String: JSONValue] = [
      "model": .string(source.model), "messages": .array(messages), "stream": true,
    ]
    let system = request.messages.compactMap { message in
      if case .system(let text) = message, !text.isBlank { text } else { nil }
    }
    if !system.isEmpty { members["system"] = .string(system.joined(separator: "\n\n")) }
    if let temperature = request.temperature { members["temperature"] = .double(temperature) }
    let tools = request.tools.isEmpty ? toolsCalled(in: messages) : request.tools.map(tool)
    if !tools.isEmpty { members["tools"] = .array(tools) }
    return members
  }

  /// What depends on members that configuration laid over ours.
  static func finish(
    _ members: inout [String: JSONValue], _ request: ModelRequest, _ source: ReplySource, cachesPrompts: Bool
  ) {
    if request.tools.isEmpty, members["tools"] != nil { members["tool_choice"] = ["type": "none"] }
    // A turn that began without thinking here must end so: its first block would have to be a thought of this model.
    if turnHoldsForeignReplies(request.messages, source) { members["thinking"] = nil }
    if let schema = request.outputSchema { ask(for: schema, in: &members, request) }
    if cachesPrompts { CacheHints.add(to: &members) }
  }

  private static func ask(for schema: JSONValue, in members: inout [String: JSONValue], _ request: ModelRequest) {
    if let sent = AnthropicSchema.sendable(schema) {
      var output = members["output_config"]?.objectValue ?? [:]
      output["format"] = ["type": "json_schema", "schema": sent]
      members["output_config"] = .object(output)
    } else if !request.messages.contains(where: { $0.tells(schema) }) {
      let system = members["system"]?.stringValue.map { $0 + "\n\n" } ?? ""
      members["system"] = .string(system + OutputInstruction.text(schema))
    }
  }

  /// Since the last message of the user.
  private static func turnHoldsForeignReplies(_ messages: [ChatMessage], _ source: ReplySource) -> Bool {
    for message in messages.reversed() {
      switch message {
      case .user: return false
      case .assistant(_, _, let origin): if source.ownMessage(origin) == nil { return true }
      case .system, .toolResult: continue
      }
    }
    return false
  }

  /// A conversation that holds calls is refused where no tools are defined: those that it names, for a request that
  /// offers none.
  private func toolsCalled(in messages: [JSONValue]) -> [JSONValue] {
    let blocks = messages.flatMap { $0["content"]?.arrayValue ?? [] }.filter { $0["type"] == "tool_use" }
    var seen: Set<String> = []
    return blocks.compactMap { $0["name"]?.stringValue }.filter { seen.insert($0).inserted }.map {
      ["name": .string($0), "description": "not to be called any more", "input_schema": ["type": "object"]]
    }
  }

  private func tool(_ tool: ToolDescriptor) -> JSONValue {
    [
      "name": .string(names.wire(tool.name)), "description": .string(tool.description), "input_schema": tool.parameters,
    ]
  }

  /// Roles take turns: what follows in one role is one message, and the results of a turn come before any text.
  private var messages: [JSONValue] {
    var ids = CallIDs()
    var turns: [(role: String, blocks: [JSONValue])] = []
    for message in request.messages {
      let role: String
      let blocks: [JSONValue]
      switch message {
      case .system: continue
      case .user(let text, let images): (role, blocks) = ("user", Self.user(text, images))
      case .assistant(let text, let calls, let origin):
        let own = source.ownMessage(origin)
        let wireIDs = ids.begin(calls, isOwn: own != nil)
        (role, blocks) = ("assistant", own.map { self.own($0, calls, wireIDs) } ?? foreign(text, calls, wireIDs))
      case .toolResult(let callID, _, let text, let isError):
        (role, blocks) = ("user", [Self.result(ids.result(of: callID), text, isError)])
      }
      guard !blocks.isEmpty else { continue }
      if turns.last?.role == role { turns[turns.count - 1].blocks += blocks } else { turns.append((role, blocks)) }
    }
    return turns.map { ["role": .string($0.role), "content": .array($0.blocks)] }
  }

  private static func user(_ text: String, _ images: [ChatImage]) -> [JSONValue] {
    let pictures: [JSONValue] = images.map { image in
      let source: JSONValue = [
        "type": "base64", "media_type": .string(image.mediaType), "data": .string(image.base64),
      ]
      return ["type": "image", "source": source]
    }
    return pictures + Self.text(text)
  }

  private static func result(_ id: String, _ text: String, _ isError: Bool) -> JSONValue {
    var block: [String: JSONValue] = ["type": "tool_result", "tool_use_id": .string(id)]
    if !text.isBlank { block["content"] = .string(text) }
    if isError { block["is_error"] = true }
    return .object(block)
  }

  /// A text without a character to be seen is refused.
  private static func text(_ text: String) -> [JSONValue] {
    text.isBlank ? [] : [["type": "text", "text": .string(text)]]
  }

  /// As it came: thoughts with their signatures, in their places. The inputs of its calls are what they are by now: they
  /// may have been no object, and a long text may have given way. A name that no API takes is mended.
  private func own(_ message: JSONValue, _ calls: [ToolCall], _ ids: [String]) -> [JSONValue] {
    var rest = zip(calls, ids).makeIterator()
    return (message["content"]?.arrayValue ?? []).compactMap { block in
      guard case .object(var members) = block else { return nil }
      switch members["type"]?.stringValue {
      case "text": return members["text"]?.stringValue?.isBlank ?? true ? Optional.none : block
      case "tool_use":
        guard let (call, id) = rest.next() else { return nil }
        members["id"] = .string(id)
        members["name"] = names.mended(members["name"])
        members["input"] = call.mendedArguments
        return .object(members)
      default: return block
      }
    }
  }

  private func foreign(_ text: String, _ calls: [ToolCall], _ ids: [String]) -> [JSONValue] {
    Self.text(text)
      + zip(calls, ids).map { call, id in
        [
          "type": "tool_use", "id": .string(id), "name": .string(names.wire(call.name)), "input": call.mendedArguments,
        ]
      }
  }
}

extension ChatMessage {
  /// The engine has told the model of this schema itself.
  fileprivate func tells(_ schema: JSONValue) -> Bool {
    switch self {
    case .system(let text), .user(let text, _): text.contains(schema.text)
    case .assistant, .toolResult: false
    }
  }
}

extension String {
  fileprivate var isBlank: Bool { allSatisfy(\.isWhitespace) }
}
