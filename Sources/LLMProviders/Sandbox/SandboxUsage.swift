import AgentCore

/// The sandbox's own way to count tokens: a quarter of a message's bytes, rounded up. It is no estimate of another
/// provider's count but the rule by which this one works.
enum SandboxUsage {
  static func count(_ messages: [ChatMessage], reply: ChatMessage) -> ModelUsage {
    ModelUsage(inputTokens: messages.reduce(0) { $0 + tokens(of: $1) }, outputTokens: tokens(of: reply))
  }

  private static func tokens(of message: ChatMessage) -> Int64 { (Int64(byteCount(of: message)) + 3) / 4 }

  private static func byteCount(of message: ChatMessage) -> Int {
    switch message {
    case .system(let text), .user(let text, _), .toolResult(_, _, let text, _): text.utf8.count
    case .assistant(let text, let calls, _):
      calls.reduce(text.utf8.count) { $0 + $1.name.utf8.count + $1.arguments.encoded().count }
    }
  }
}
