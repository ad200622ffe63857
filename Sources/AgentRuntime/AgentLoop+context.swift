import AgentCore

extension AgentLoop {
  /// The conversation as the model gets it.
  package struct Conversation: Sendable, Hashable {
    package var messages: [ChatMessage]
    /// Tool outputs that gave way to a marker.
    package var elidedOutputs: Int
  }

  /// The conversation so far, its oldest tool outputs elided until `request` (whose messages are taken to be none)
  /// fits the agent's `context_tokens`, by the estimate of `Budget.inputTokens`.
  ///
  /// Never elided: the instructions, the prompt, what the model said, and what came since it spoke last. Decided from
  /// the history alone, so a resumed task sends what was sent the first time. What does not fit even then is sent as
  /// it is: the estimate is rough on the safe side, and the provider knows its window.
  package static func conversation(
    for request: ModelRequest, task: AgentTask, definition: AgentDefinition, history: StepHistory
  ) -> Conversation {
    var request = request
    request.messages = messages(task: task, definition: definition, history: history)
    var conversation = Conversation(messages: request.messages, elidedOutputs: 0)
    var excess = Budget.requestBytes(request) - Budget.requestBytes(filling: definition.contextTokens)
    // The n-th tool result is the n-th answered call's.
    var answered = history.current.filter { $0.kind == .toolCall && [.finished, .failed].contains($0.status) }[...]
    let newestTurn = request.messages.lastIndex { if case .assistant = $0 { true } else { false } } ?? 0
    for (index, message) in request.messages[..<newestTurn].enumerated() where excess > 0 {
      guard case .toolResult(let call, let name, let text, let isError) = message, let step = answered.popFirst()
      else { continue }
      let marker = "[\(text.utf8.count) bytes of output of step \(step.number) elided]"
      let gain = text.utf8.count - marker.utf8.count
      guard gain > 0 else { continue }
      conversation.messages[index] = .toolResult(callID: call, name: name, text: marker, isError: isError)
      conversation.elidedOutputs += 1
      excess -= gain
    }
    return conversation
  }
}
