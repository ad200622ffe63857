import AgentCore

/// A task's limits against what it has used: asked before each step, settled after.
package enum Budget {
  /// Room for what a provider adds around our messages (roles, tool schemas' framing).
  static let framingTokens: Int64 = 1024

  /// The most that a call can use: UTF-8 bytes of the request / 2 + 1,024 + the output limit, which is always sent.
  package static func reservation(for request: ModelRequest) -> Int64 {
    inputTokens(for: request) + Int64(request.maxOutputTokens)
  }

  /// The most that a request itself can take of a model's context.
  package static func inputTokens(for request: ModelRequest) -> Int64 {
    Int64(requestBytes(request) / 2) + framingTokens + imageTokens(request)
  }

  /// Set aside for the request's pictures, whose bytes are no text.
  static func imageTokens(_ request: ModelRequest) -> Int64 {
    request.messages.reduce(0) { sum, message in
      if case .user(_, let images) = message { sum + Int64(images.count) * ChatImage.reservedTokens } else { sum }
    }
  }

  static func requestBytes(_ request: ModelRequest) -> Int {
    let messages = request.messages.reduce(0) { sum, message in
      switch message {
      case .system(let text), .user(let text, _): sum + text.utf8.count
      case .assistant(let text, let calls, let origin):
        // What goes back is the one or the other: thinking stands in the origin alone.
        sum
          + max(
            text.utf8.count + calls.reduce(0) { $0 + $1.json.encoded().count },
            origin.map { $0.message.encoded().count - $0.elidedBytes } ?? 0)
      case .toolResult(_, let name, let text, _): sum + name.utf8.count + text.utf8.count
      }
    }
    let members = request.extraBody.isEmpty ? 0 : JSONValue.object(request.extraBody).encoded().count
    return request.tools.reduce(messages + members + (request.outputSchema?.encoded().count ?? 0)) {
      $0 + $1.name.utf8.count + $1.description.utf8.count + $1.parameters.encoded().count
    }
  }

  /// The limit that one more try would pass, if any. `reservation` nil: no model call. A limit that is reached is never
  /// retried. `unrecorded`: tokens of a try whose end is not yet in the journal.
  static func refusal(
    of progress: TaskProgress, limits: TaskLimits, isNewStep: Bool, reservation: Int64?, unrecorded: Int64
  ) -> Failure? {
    if isNewStep, let steps = limits.steps, progress.steps >= steps {
      return Failure(code: "step_limit", detail: "the task has used its \(steps) steps")
    }
    guard let reservation else { return nil }
    if let calls = limits.modelCalls, progress.modelCalls >= calls {
      return Failure(code: "model_call_limit", detail: "the task has used its \(calls) model calls")
    }
    let used = progress.tokensUsed + unrecorded
    if let tokens = limits.tokens, used + reservation > tokens {
      return Failure(
        code: "token_limit",
        detail: "the next model call may use \(reservation) tokens; \(used) of \(tokens) are used")
    }
    return nil
  }
}
