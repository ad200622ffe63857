import AgentCore

/// What a test looks for in a request, wherever the format has it.
extension WireFormat {
  /// Without the hints of what a cache should keep: these move on with each call.
  func messages(in body: JSONValue) -> [JSONValue] {
    (body["messages"]?.arrayValue ?? []).map(Self.withoutHints)
  }

  private static func withoutHints(_ value: JSONValue) -> JSONValue {
    switch value {
    case .object(let members):
      .object(members.filter { $0.key != "cache_control" }.mapValues(withoutHints))
    case .array(let items): .array(items.map(withoutHints))
    default: value
    }
  }

  /// What the model is told before the prompt.
  func instructions(in body: JSONValue) -> String {
    switch self {
    case .openai: body["messages"]?.arrayValue?.first { $0["role"] == "system" }?["content"]?.stringValue ?? ""
    case .anthropic:
      body["system"]?.stringValue
        ?? (body["system"]?.arrayValue ?? []).compactMap { $0["text"]?.stringValue }.joined()
    }
  }

  /// Of the newest message.
  func lastText(in body: JSONValue) -> String {
    let content = messages(in: body).last?["content"]
    return content?.stringValue ?? (content?.arrayValue ?? []).compactMap { $0["text"]?.stringValue }.joined()
  }

  /// The schema that the answer is asked to keep to; nil where none is.
  func schema(in body: JSONValue) -> JSONValue? {
    switch self {
    case .openai: body["response_format"]?["json_schema"]?["schema"]
    case .anthropic: body["output_config"]?["format"]?["schema"]
    }
  }

  /// The model may call a tool.
  func offersTools(in body: JSONValue) -> Bool {
    guard body["tools"]?.arrayValue?.isEmpty == false else { return false }
    let choice = body["tool_choice"]
    return choice != "none" && choice?["type"] != "none"
  }

  /// Media type and base64 of each picture, in order.
  func pictures(in body: JSONValue) -> [String] {
    let parts = messages(in: body).flatMap { $0["content"]?.arrayValue ?? [] }
    switch self {
    case .openai:
      return parts.filter { $0["type"] == "image_url" }.compactMap { $0["image_url"]?["url"]?.stringValue }
    case .anthropic:
      return parts.filter { $0["type"] == "image" }.compactMap { $0["source"] }.map { source in
        "data:\(source["media_type"]?.stringValue ?? "");base64,\(source["data"]?.stringValue ?? "")"
      }
    }
  }
}
