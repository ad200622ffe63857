import AgentCore

/// A conversation as the sandbox sees it: what was asked last, and what its tool calls since then came to.
struct SandboxConversation: Sendable {
  enum Outcome: Sendable, Hashable {
    case text(String)
    case failed(String)
  }

  struct ToolUse: Sendable {
    var call: ToolCall
    /// Nil as long as no result stands in the conversation.
    var outcome: Outcome?
  }

  /// The text of the user since the last finished answer.
  private(set) var prompt = ""
  /// Every text of the user, for scripts.
  private(set) var userTexts: [String] = []
  /// The tool calls since the prompt, in order.
  private(set) var uses: [ToolUse] = []
  /// How many replies the model gave since the prompt.
  private(set) var modelCalls = 0
  /// The tool whose result is the newest message.
  private(set) var lastTool: String?

  init(_ messages: [ChatMessage]) {
    var isAnswered = true
    for message in messages {
      lastTool = nil
      switch message {
      case .system: break
      case .user(let text, _):
        userTexts.append(text)
        if isAnswered {
          (prompt, uses, modelCalls, isAnswered) = (text, [], 0, false)
        } else {
          prompt += "\n\n" + text
        }
      case .assistant(_, let calls, _):
        modelCalls += 1
        if calls.isEmpty { isAnswered = true }
        uses += calls.map { ToolUse(call: $0, outcome: nil) }
      case .toolResult(let callID, let name, let text, let isError):
        lastTool = name
        guard let index = uses.lastIndex(where: { $0.call.id == callID && $0.outcome == nil }) else { break }
        uses[index].outcome = isError ? .failed(text) : .text(text)
      }
    }
  }
}
