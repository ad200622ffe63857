import AgentCore

/// What comes of a reply, or of a try without one.
extension WorkerRun {
  /// A reply that ends the conversation early is a failed step; every other is the step's result.
  mutating func take(_ reply: ModelReply, of step: ModelStep) async throws(Worker.ClaimEnded) -> Bool {
    if reply.usage.totalTokens > step.reservation {
      parts.log.record(
        .warning, "worker", "estimate_exceeded: the provider counts more tokens than were set aside",
        [
          "task": "\(worker.task.id)", "step": "\(step.number)", "reserved": "\(step.reservation)",
          "used": "\(reply.usage.totalTokens)",
        ])
    }
    sealing.keepUp(with: &progress)
    let output = sealing.output(of: reply.output, step: step.number)
    var reply = reply
    // What is judged is what the journal shows.
    reply.text = output["text"]?.stringValue ?? reply.text
    if let problem = ending(of: reply, step) {
      note(StepEnd(number: step.number, outcome: .failed(problem, output: output), usage: reply.usage))
      return try await leave(failedBy: problem, retryAfter: nil)
    }
    note(
      StepEnd(
        number: step.number, outcome: .finished(output: output, resultHash: parts.digester.digest(output)),
        usage: reply.usage))
    return false
  }

  /// Why the task ends with that reply as failed; nil: it goes on, or is done.
  private func ending(of reply: ModelReply, _ step: ModelStep) -> Failure? {
    switch reply.finish {
    // Tool calls too: the last one may be half a call.
    case .length: return Failure(code: "truncated", detail: "the reply was cut at the output limit")
    case .refusal: return Failure(code: "refused", detail: "the model refused to answer")
    case .stop, .toolCalls: break
    }
    guard step.shape.repair != nil, let schema else { return nil }
    let problems: [String]
    switch FinalAnswer(reply.text, by: schema) {
    case .fits where reply.calls.isEmpty: return nil
    case .fits: problems = ["it calls tools that it was not offered"]
    case .misfit(let sentences): problems = sentences
    }
    return Failure(
      code: "output_schema_mismatch",
      detail: "the answer does not fit output_schema, asked twice: \(problems.joined(separator: "; "))")
  }

  /// What a failed try used: as its provider told, where it did. Else nothing sent and an error status settle at 0, what
  /// was sent and cut at the reservation.
  func settled(_ error: ProviderError, _ step: ModelStep) -> ModelUsage {
    if let told = error.usage { return told }
    guard error.wasSent, error.status == nil else { return .none }
    let output = Int64(step.request.maxOutputTokens)
    return ModelUsage(inputTokens: max(0, step.reservation - output), outputTokens: output, isEstimated: true)
  }
}

extension ModelReply {
  /// How it stands in the journal: whole, so that it can go back as it came.
  fileprivate var output: JSONValue {
    var members: [String: JSONValue] = [
      "text": .string(text), "tool_calls": .array(calls.map(\.json)), "finish": .string(finish.rawValue),
      "model": .string(model),
    ]
    if let origin { members["origin"] = origin.json }
    return .object(members)
  }
}
