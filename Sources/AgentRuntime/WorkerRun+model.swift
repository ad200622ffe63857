import AgentCore

extension WorkerRun {
  /// One step of the kind `model_call`, with its tries; true when the task has left `running`.
  mutating func callModel(number: Int, attempt firstAttempt: Int, turn: Int) async throws -> Bool {
    let request = modelRequest(turn: turn)
    let reservation = Budget.reservation(for: request)
    let provider: any ModelProvider
    do throws(ProviderError) {
      provider = try parts.providers.provider(named: worker.claimed.definition.provider)
    } catch {
      return try await leave(failedBy: Failure(code: error.code.rawValue, detail: error.detail), isRetryable: false)
    }
    var attempt = firstAttempt
    var settling: ModelUsage?
    for tryNumber in 1...(1 + parts.retries.stepRetries) {
      if let failure = refusal(isModelCall: true, reservation: reservation) {
        closeOpenStep(number, failure)
        return try await end(with: .failed(failure))
      }
      let start = modelStart(
        number: number, attempt: attempt, provider: provider.id, request: request, reservation: reservation,
        settling: settling)
      try await commit([.stepStarted(start)])
      let result = await complete(request, provider: provider, step: number, attempt: attempt)
      parts.faults.reached(FaultPoint(.modelCall, .afterEffect))
      switch result.value {
      case .success(let reply):
        return try await take(reply, step: number)
      case .failure(let error):
        let usage = cutUsage(error, request: request, reservation: reservation)
        if case .interrupt(let reason) = result.cut { return try await cutModel(reason, number: number, usage: usage) }
        let problem = result.cut == nil ? error : ProviderError(.timeout, "no answer in time", wasSent: true)
        guard let pause = await pauseBeforeNextTry(problem, tryNumber: tryNumber) else {
          let failure = Failure(code: problem.code.rawValue, detail: problem.detail)
          note(StepEnd(number: number, outcome: .failed(failure, output: nil), usage: usage))
          return try await leave(failedBy: failure, isRetryable: problem.isRetryable)
        }
        if pause > RetryPolicy.longestWaitInPlace {
          return try await wait(TaskWait(reason: .providerLimit, until: parts.clock.now().adding(pause), step: number))
        }
        parts.faults.reached(FaultPoint(.retry, .afterEffect))
        if let reason = await sleep(pause) { return try await cutModel(reason, number: number, usage: usage) }
        (settling, attempt) = (usage, attempt + 1)
      }
    }
    preconditionFailure("the last try always returns")
  }

  private func modelRequest(turn: Int) -> ModelRequest {
    let definition = worker.claimed.definition
    return ModelRequest(
      model: definition.model,
      messages: AgentLoop.messages(task: worker.task, definition: definition, history: progress.history),
      tools: definition.tools.compactMap { parts.tools.tool(named: $0)?.descriptor },
      temperature: definition.temperature, maxOutputTokens: definition.maxOutputTokens, task: worker.task.id,
      agent: definition.id, turn: turn)
  }

  /// The step's input is the call's parameters and a digest of the conversation, which the earlier steps hold.
  private func modelStart(
    number: Int, attempt: Int, provider: ProviderID, request: ModelRequest, reservation: Int64,
    settling: ModelUsage?
  ) -> StepStart {
    let conversation = parts.digester.digest(.array(request.messages.map { .string("\($0)") }))
    let input: JSONValue = [
      "model": JSONValue(request.model), "temperature": request.temperature.map(JSONValue.double) ?? .null,
      "max_output_tokens": JSONValue(request.maxOutputTokens), "turn": JSONValue(request.turn),
      "tools": .array(request.tools.map { .string($0.name) }), "messages": JSONValue(request.messages.count),
      "messages_digest": .string(conversation),
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
  private mutating func take(_ reply: ModelReply, step number: Int) async throws -> Bool {
    let output: JSONValue = [
      "text": .string(reply.text), "tool_calls": .array(reply.calls.map(\.json)),
      "finish": .string(reply.finish.rawValue), "model": .string(reply.model),
    ]
    let problem: Failure? =
      switch reply.finish {
      case .length where reply.calls.isEmpty:
        Failure(code: "truncated", detail: "the reply was cut at the output limit")
      case .refusal: Failure(code: "refused", detail: "the model refused to answer")
      default: nil
      }
    if let problem {
      note(StepEnd(number: number, outcome: .failed(problem, output: output), usage: reply.usage))
      return try await leave(failedBy: problem, isRetryable: false)
    }
    note(
      StepEnd(
        number: number, outcome: .finished(output: output, resultHash: parts.digester.digest(output)),
        usage: reply.usage))
    return false
  }

  /// Nothing sent settles at 0, what was sent and cut at the reservation.
  private func cutUsage(_ error: ProviderError, request: ModelRequest, reservation: Int64) -> ModelUsage {
    guard error.wasSent, error.status == nil else { return ModelUsage(inputTokens: 0, outputTokens: 0) }
    let output = Int64(request.maxOutputTokens)
    return ModelUsage(inputTokens: max(0, reservation - output), outputTokens: output, isEstimated: true)
  }

  private mutating func cutModel(_ reason: InterruptReason, number: Int, usage: ModelUsage) async throws -> Bool {
    // A model call repeats nothing outside, so for a requeue the step stays open and is tried again.
    if reason.isRequeue { return try await leave(cutBy: reason, step: nil) }
    let end = StepEnd(number: number, outcome: .failed(Worker.cutFailure(reason), output: nil), usage: usage)
    return try await leave(cutBy: reason, step: end)
  }

  private mutating func closeOpenStep(_ number: Int, _ failure: Failure) {
    guard progress.history[number]?.status == .started else { return }
    note(StepEnd(number: number, outcome: .failed(failure, output: nil)))
  }

  /// How long to wait before the next try; nil when there is none.
  private func pauseBeforeNextTry(_ error: ProviderError, tryNumber: Int) async -> Duration? {
    guard error.isRetryable, tryNumber <= parts.retries.stepRetries else { return nil }
    let backoff = parts.retries.stepBackoff(afterTry: tryNumber, random: parts.random)
    guard let asked = error.retryAfter else { return backoff }
    return asked <= RetryPolicy.longestWait ? max(asked, backoff) : nil
  }

  /// Nil after the pause; the reason when a hard interrupt ended it.
  func sleep(_ pause: Duration) async -> InterruptReason? {
    let clock = parts.clock
    let result = await withInterrupt(worker.interrupt, limit: pause, clock: clock) {
      // Ends by cancellation only: at the interrupt, or when the pause (the effect's own limit) is over.
      try? await clock.sleep(for: pause * 2)
    }
    if case .interrupt(let reason) = result.cut { return reason }
    return nil
  }
}
