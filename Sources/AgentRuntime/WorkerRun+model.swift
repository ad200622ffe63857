import AgentCore

extension WorkerRun {
  /// One step of the kind `model_call`, with its tries; true when the task has left `running`.
  mutating func callModel(number: Int, attempt firstAttempt: Int, turn: Int) async throws(Worker.ClaimEnded) -> Bool {
    let (request, elided) = modelRequest(turn: turn)
    let reservation = Budget.reservation(for: request)
    let provider: any ModelProvider
    do throws(ProviderError) {
      provider = try parts.providers.provider(named: worker.claimed.definition.provider)
    } catch {
      return try await end(number, refusedBy: Failure(code: error.code.rawValue, detail: error.detail), settling: nil)
    }
    var attempt = firstAttempt
    var settling: ModelUsage?
    // Bounded by the tries that the retry policy grants.
    while true {
      if let failure = refusal(of: number, reservation: reservation, settling: settling) {
        return try await end(number, refusedBy: failure, settling: settling)
      }
      let start = modelStart(
        number: number, attempt: attempt, provider: provider.id, request: request, elided: elided,
        reservation: reservation, settling: settling)
      try await commit([.stepStarted(start)])
      if let reason = worker.interrupt.hardReason { return try await cutModel(reason, number: number, usage: .none) }
      let result = await complete(request, provider: provider, step: number, attempt: attempt)
      parts.faults.reached(FaultPoint(.modelCall, .afterEffect))
      switch result.value {
      case .success(let reply):
        return try await take(reply, step: number, reservation: reservation)
      case .failure(let error):
        let usage = cutUsage(error, request: request, reservation: reservation)
        if case .interrupt(let reason) = result.cut { return try await cutModel(reason, number: number, usage: usage) }
        let problem = result.cut == nil ? error : ProviderError(.timeout, "no answer in time", wasSent: error.wasSent)
        if let isOver = try await follow(problem, number: number, usage: usage) { return isOver }
        (settling, attempt) = (usage, attempt + 1)
      }
    }
  }

  /// What comes of a failed try; nil when it is time for the next one.
  private mutating func follow(
    _ problem: ProviderError, number: Int, usage: ModelUsage
  ) async throws(Worker.ClaimEnded) -> Bool? {
    let failure = Failure(code: problem.code.rawValue, detail: problem.detail)
    let end = StepEnd(number: number, outcome: .failed(failure, output: nil), usage: usage)
    switch parts.retries.sequel(of: problem, tries: progress.tries, random: parts.random) {
    case .never:
      note(end)
      return try await leave(failedBy: failure, retryAfter: nil)
    case .nextAttempt(let pause):
      note(end)
      return try await leave(failedBy: failure, retryAfter: pause)
    case .nextTry(let pause) where pause > RetryPolicy.longestWaitInPlace:
      let wait = TaskWait(reason: .providerLimit, step: number)
      return try await self.end(with: .waiting(wait, settling: usage, lasting: pause))
    case .nextTry(let pause):
      parts.faults.reached(FaultPoint(.retry, .afterEffect))
      // A boundary as good as any: who is asked to stop does not begin another try.
      let reason = await sleep(pause) ?? worker.interrupt.reason
      if let reason { return try await cutModel(reason, number: number, usage: usage) }
      return nil
    }
  }

  /// With the number of tool outputs that gave way to fit the agent's context.
  private func modelRequest(turn: Int) -> (ModelRequest, elided: Int) {
    let definition = worker.claimed.definition
    var request = ModelRequest(
      model: definition.model, messages: [],
      tools: definition.tools.compactMap { parts.tools.tool(named: $0)?.descriptor },
      temperature: definition.temperature, maxOutputTokens: definition.maxOutputTokens, task: worker.task.id,
      agent: definition.id, turn: turn)
    let conversation = AgentLoop.conversation(
      for: request, task: worker.task, definition: definition, history: progress.history)
    request.messages = conversation.messages
    return (request, conversation.elidedOutputs)
  }

  /// The step's input is the call's parameters and a digest of the conversation, which the earlier steps hold.
  private func modelStart(
    number: Int, attempt: Int, provider: ProviderID, request: ModelRequest, elided: Int, reservation: Int64,
    settling: ModelUsage?
  ) -> StepStart {
    let conversation = parts.digester.digest(.array(request.messages.map(\.json)))
    let input: JSONValue = [
      "model": JSONValue(request.model), "temperature": request.temperature.map(JSONValue.double) ?? .null,
      "max_output_tokens": JSONValue(request.maxOutputTokens), "turn": JSONValue(request.turn),
      "tools": .array(request.tools.map { .string($0.name) }), "messages": JSONValue(request.messages.count),
      "messages_digest": .string(conversation), "elided_outputs": JSONValue(elided),
    ]
    return StepStart(
      number: number, kind: .modelCall, name: provider.name, effect: .pure, attempt: attempt,
      input: progress.history[number] == nil ? input : nil, inputHash: parts.digester.digest(input),
      reservedTokens: reservation, settling: settling)
  }

  private func complete(
    _ request: ModelRequest, provider: any ModelProvider, step: Int, attempt: Int
  ) async -> EffectResult<Result<ModelReply, ProviderError>> {
    let events = parts.events
    return await withInterrupt(worker.interrupt, limit: parts.timeouts.modelCall, clock: parts.clock) {
      do throws(ProviderError) {
        let reply = try await provider.complete(request) { text in
          events.publish(ModelDelta(task: request.task, step: step, attempt: attempt, text: text))
        }
        return .success(reply)
      } catch {
        return .failure(error)
      }
    }
  }

  /// A reply that ends the conversation early is a failed step; every other is the step's result.
  private mutating func take(
    _ reply: ModelReply, step number: Int, reservation: Int64
  ) async throws(Worker.ClaimEnded) -> Bool {
    if reply.usage.totalTokens > reservation {
      parts.log.record(
        .warning, "worker", "estimate_exceeded: the provider counts more tokens than were set aside",
        [
          "task": "\(worker.task.id)", "step": "\(number)", "reserved": "\(reservation)",
          "used": "\(reply.usage.totalTokens)",
        ])
    }
    let output: JSONValue = [
      "text": .string(reply.text), "tool_calls": .array(reply.calls.map(\.json)),
      "finish": .string(reply.finish.rawValue), "model": .string(reply.model),
    ]
    let problem: Failure? =
      switch reply.finish {
      // Tool calls too: the last one may be half a call.
      case .length: Failure(code: "truncated", detail: "the reply was cut at the output limit")
      case .refusal: Failure(code: "refused", detail: "the model refused to answer")
      case .stop, .toolCalls: nil
      }
    if let problem {
      note(StepEnd(number: number, outcome: .failed(problem, output: output), usage: reply.usage))
      return try await leave(failedBy: problem, retryAfter: nil)
    }
    note(
      StepEnd(
        number: number, outcome: .finished(output: output, resultHash: parts.digester.digest(output)),
        usage: reply.usage))
    return false
  }

  /// Nothing sent and an error status settle at 0, what was sent and cut at the reservation.
  private func cutUsage(_ error: ProviderError, request: ModelRequest, reservation: Int64) -> ModelUsage {
    guard error.wasSent, error.status == nil else { return .none }
    let output = Int64(request.maxOutputTokens)
    return ModelUsage(inputTokens: max(0, reservation - output), outputTokens: output, isEstimated: true)
  }

  private mutating func cutModel(
    _ reason: InterruptReason, number: Int, usage: ModelUsage
  ) async throws(Worker.ClaimEnded) -> Bool {
    // A model call repeats nothing outside, so for a requeue the step stays open and is tried again.
    if reason.isRequeue { return try await leave(cutBy: reason, step: nil, usage: usage) }
    let end = StepEnd(number: number, outcome: .failed(Worker.cutFailure(reason), output: nil), usage: usage)
    return try await leave(cutBy: reason, step: end)
  }

  /// The task ends before the next try of its step, which an earlier life or an earlier try may have left open.
  private mutating func end(
    _ number: Int, refusedBy failure: Failure, settling usage: ModelUsage?
  ) async throws(Worker.ClaimEnded) -> Bool {
    if progress.history[number]?.status == .started {
      note(StepEnd(number: number, outcome: .failed(failure, output: nil), usage: usage))
    }
    return try await end(with: .failed(failure))
  }

  /// The pause after a failed try. Nil after it; the reason when a hard interrupt ended it.
  mutating func sleep(_ pause: Duration) async -> InterruptReason? {
    isAfterTry = true
    let clock = parts.clock
    let result = await withInterrupt(worker.interrupt, limit: pause, clock: clock) {
      // Ends by cancellation only: at the interrupt, or when the pause (the effect's own limit) is over.
      try? await clock.sleep(for: pause * 2)
    }
    if case .interrupt(let reason) = result.cut { return reason }
    return nil
  }
}

extension ModelUsage {
  /// Of a call that did not reach the provider, or that it refused.
  fileprivate static let none = ModelUsage(inputTokens: 0, outputTokens: 0)
}
