import AgentConfig
import AgentCore

/// A provider without any language model and without a network: it plans from the files and verbs that the prompt
/// names, calls the tools it is offered and writes extractive results. It keeps nothing between calls (the conversation
/// in the request is all it knows), so the same request always gets the same reply. With a script it is the
/// deterministic double for agent tests: a rule that fits answers instead.
package struct SandboxProvider: ModelProvider {
  /// What every reply names as its model, scripted ones too.
  package static let model = "sandbox-extractive"

  /// The name that configuration gives it.
  package let id: ProviderID
  private let clock: any WallClock
  private let script: ScriptedReplies?

  /// The clock serves scripted delays alone.
  package init(id: ProviderID, clock: any WallClock, script: SandboxScript? = nil) {
    (self.id, self.clock, self.script) = (id, clock, script.map(ScriptedReplies.init))
  }

  /// See `ModelProvider`. Usage is the provider's own rule: the bytes of each message divided by four, rounded up;
  /// it costs nothing, so `cost` is nil. Throws what a script's rule says, `.cancelled`, and `.providerRejected` when
  /// the script's log cannot be written.
  package func complete(
    _ request: ModelRequest, onDelta: @escaping @Sendable (String) -> Void
  ) async throws(ProviderError) -> ModelReply {
    try Self.checkCancellation()
    let conversation = SandboxConversation(request.messages)
    if let script, let scripted = try script.reply(to: request, conversation) {
      try await pause(for: scripted.delay)
      return try Self.reply(to: request, scripted.outcome, onDelta: onDelta)
    }
    let move = SandboxPlanner(request: request, conversation: conversation).nextMove()
    try Self.checkCancellation()
    switch move {
    case .calls(let calls):
      return try Self.reply(to: request, .answer(text: "", calls: calls, finish: nil, usage: nil), onDelta: onDelta)
    case .answer(let text):
      return try Self.reply(to: request, .answer(text: text, calls: [], finish: nil, usage: nil), onDelta: onDelta)
    }
  }

  private func pause(for delay: Duration) async throws(ProviderError) {
    guard delay > .zero else { return }
    do { try await clock.sleep(for: delay) } catch { throw Self.cancelled }
  }

  private static func reply(
    to request: ModelRequest, _ outcome: SandboxScript.Outcome, onDelta: @Sendable (String) -> Void
  ) throws(ProviderError) -> ModelReply {
    switch outcome {
    case .failure(let error): throw error
    case .answer(let text, let wishes, let finish, let usage):
      for piece in TextPieces(text) {
        try checkCancellation()
        onDelta(String(piece))
      }
      let calls = wishes.enumerated().map { index, wish in
        ToolCall(id: "call_\(request.turn)_\(index)", name: wish.name, arguments: wish.arguments)
      }
      return ModelReply(
        text: text, calls: calls, finish: finish ?? (calls.isEmpty ? .stop : .toolCalls),
        usage: usage ?? SandboxUsage.count(request.messages, reply: .assistant(text: text, calls: calls)),
        model: model)
    }
  }

  private static let cancelled = ProviderError(.cancelled, "the caller was cancelled")

  private static func checkCancellation() throws(ProviderError) {
    if Task.isCancelled { throw cancelled }
  }
}
