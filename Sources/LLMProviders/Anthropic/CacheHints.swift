import AgentCore

/// Marks for Anthropic's cache of prompts (https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching), so that
/// what a request begins with like the one before is read from there.
///
/// One stands at the end of what all calls of an agent have alike. Where a conversation can grow, two more stand at the
/// ends of the user's last two messages: the earlier of them is where the call before wrote its own, however many
/// results came since.
enum CacheHints {
  /// More are refused.
  static let maximumCount = 4

  private static let hint: JSONValue = ["type": "ephemeral"]

  /// A `cache_control` that configuration has laid over the request is the whole choice.
  static func add(to members: inout [String: JSONValue]) {
    guard members["cache_control"] == nil else { return }
    var messages = members["messages"]?.arrayValue ?? []
    // A provider's own blocks go back as they came, with marks that they may have.
    var room = maximumCount - messages.reduce(0) { $0 + marks(in: $1) }
    if room > 0, markPrefix(of: &members) { room -= 1 }
    guard members["tools"] != nil else { return }
    for index in messages.indices.reversed().filter({ messages[$0]["role"] == "user" }).prefix(2) where room > 0 {
      if markEnd(of: &messages[index]) { room -= 1 }
    }
    members["messages"] = .array(messages)
  }

  private static func marks(in message: JSONValue) -> Int {
    (message["content"]?.arrayValue ?? []).count { $0["cache_control"] != nil }
  }

  /// The instructions stand behind the tools.
  private static func markPrefix(of members: inout [String: JSONValue]) -> Bool {
    if let text = members["system"]?.stringValue {
      members["system"] = [["type": "text", "text": .string(text), "cache_control": hint]]
      return true
    }
    guard var tools = members["tools"]?.arrayValue, case .object(var tool)? = tools.popLast() else { return false }
    tool["cache_control"] = hint
    members["tools"] = .array(tools + [.object(tool)])
    return true
  }

  /// A user's blocks are results, pictures and texts that are not blank: all of them take a mark.
  private static func markEnd(of message: inout JSONValue) -> Bool {
    guard case .object(var members) = message, var blocks = members["content"]?.arrayValue,
      case .object(var block)? = blocks.popLast()
    else { return false }
    block["cache_control"] = hint
    members["content"] = .array(blocks + [.object(block)])
    message = .object(members)
    return true
  }
}
