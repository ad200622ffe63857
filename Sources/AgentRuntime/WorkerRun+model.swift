import AgentCore

extension WorkerRun {
  /// One step of the kind `model_call`, with its tries; true when the task has left `running`.
  mutating func callModel(number: Int, attempt firstAttempt: Int, turn: Int) async throws(Worker.ClaimEnded) -> Bool {
    let provider: any ModelProvider
    do throws(ProviderError) {
      provider = try parts.providers.provider(named: worker.claimed.definition.provider)
    } catch {
      return try await end(number, refusedBy: Failure(error), settling: nil)
    }
    if let failure = await loadImages() { return try await end(number, unreadable: failure) }
    let step: ModelStep
    do throws(AgentLoop.ContextOverflow) {
      step = try modelStep(number: number, turn: turn, provider: provider)
    } catch {
      return try await end(number, refusedBy: error.failure, settling: nil)
    }
    return try await tryModel(step, attempt: firstAttempt)
  }

  private mutating func tryModel(_ step: ModelStep, attempt firstAttempt: Int) async throws(Worker.ClaimEnded) -> Bool {
    var step = step
    var attempt = firstAttempt
    var settling: ModelUsage?
    // Bounded by the tries that the provider's retries grant.
    while true {
      if let failure = refusal(of: step.number, reservation: step.reservation, settling: settling) {
        return try await end(step.number, refusedBy: failure, settling: settling)
      }
      let place: ProviderPlace
      switch try await admission(to: step, settling: settling) {
      case .granted(let given): place = given
      case .left(let isOver): return isOver
      }
      guard let result = try await call(step, attempt: attempt, settling: settling, in: place) else {
        return try await cutModel(worker.interrupt.hardReason ?? .cancel, number: step.number, usage: .none)
      }
      switch result.value {
      case .success(let reply):
        return try await take(reply, of: step)
      case .failure(let error):
        let usage = cutUsage(error, step)
        if case .interrupt(let reason) = result.cut {
          return try await cutModel(reason, number: step.number, usage: usage)
        }
        if result.cut == nil, error.code == .contextTooLong, let half = halved(step) {
          (step, settling, attempt) = (half, usage, attempt + 1)
          continue
        }
        let problem = result.cut == nil ? error : ProviderError(.timeout, "no answer in time", wasSent: error.wasSent)
        if let isOver = try await follow(problem, step, usage: usage) { return isOver }
        (settling, attempt) = (usage, attempt + 1)
        step = renewed(step)
      }
    }
  }

  /// The step for another try: a default that was switched, or a provider that a reload changed, serves from the next
  /// call on. Where the other one's context cannot hold the conversation, or there is none, the step stays as it is.
  private func renewed(_ step: ModelStep) -> ModelStep {
    // See above for what an error means.
    guard let provider = try? parts.providers.provider(named: worker.claimed.definition.provider) else { return step }
    if provider.id == step.provider.id {
      var step = step
      step.provider = provider
      return step
    }
    // See above for what an error means.
    guard var other = try? modelStep(number: step.number, turn: step.request.turn, provider: provider) else {
      return step
    }
    other.differsFromFirstTry = true
    return other
  }

  /// One try: its row, then the call. Nil: an interrupt came before anything was sent. The place is given back in any
  /// case.
  private mutating func call(
    _ step: ModelStep, attempt: Int, settling: ModelUsage?, in place: ProviderPlace
  ) async throws(Worker.ClaimEnded) -> EffectResult<Result<ModelReply, ProviderError>>? {
    defer { place.release() }
    try await commit([.stepStarted(modelStart(step, attempt: attempt, settling: settling))])
    guard worker.interrupt.hardReason == nil else { return nil }
    let result = await complete(step, attempt: attempt)
    parts.faults.reached(FaultPoint(.modelCall, .afterEffect))
    return result
  }

  /// What comes of a failed try; nil when it is time for the next one.
  private mutating func follow(
    _ problem: ProviderError, _ step: ModelStep, usage: ModelUsage
  ) async throws(Worker.ClaimEnded) -> Bool? {
    let failure = Failure(problem)
    let end = StepEnd(number: step.number, outcome: .failed(failure, output: nil), usage: usage)
    let sequel = RetryPolicy.sequel(
      of: problem, tries: progress.tries, retries: step.provider.traits.retries, random: parts.random)
    switch sequel {
    // Never past the task's time: there the error says more than a timeout.
    case .nextTry(let pause) where !outlives(pause):
      note(end)
      return try await leave(failedBy: failure, retryAfter: nil)
    case .never:
      note(end)
      return try await leave(failedBy: failure, retryAfter: nil)
    case .nextAttempt(let pause):
      note(end)
      return try await leave(failedBy: failure, retryAfter: pause)
    case .nextTry(let pause) where pause > RetryPolicy.longestWaitInPlace:
      let wait = TaskWait(reason: .providerLimit, step: step.number)
      return try await self.end(with: .waiting(wait, settling: usage, lasting: pause))
    case .nextTry(let pause):
      parts.faults.reached(FaultPoint(.retry, .afterEffect))
      // A boundary as good as any: who is asked to stop does not begin another try.
      if problem.code == .rateLimited { beginRest() }
      let reason = await sleep(pause) ?? worker.interrupt.reason
      endRest()
      if let reason { return try await cutModel(reason, number: step.number, usage: usage) }
      return nil
    }
  }

  /// Throws when it cannot be brought within the agent's limit and the provider's. One that an earlier life began is
  /// sent as it was sent then.
  private func modelStep(
    number: Int, turn: Int, provider: any ModelProvider
  ) throws(AgentLoop.ContextOverflow) -> ModelStep {
    let definition = worker.claimed.definition
    var shape = ConversationShape(carriedFrom: progress.history)
    let begun = progress.history[number].map { ConversationShape(input: $0.input) }
    if let begun {
      shape = begun
    } else if let schema {
      shape.repair = AgentLoop.repair(of: progress.history, by: schema)
    }
    let step = modelStep(number: number, turn: turn, provider: provider, shape: shape)
    guard begun == nil else { return step }
    let limit = min(definition.contextTokens, provider.traits.contextTokens ?? definition.contextTokens)
    let fitting = try AgentLoop.shape(
      shape, of: step.request, history: progress.history, keepingTo: .within(limit))
    return fitting == shape ? step : modelStep(number: number, turn: turn, provider: provider, shape: fitting)
  }

  private func modelStep(
    number: Int, turn: Int, provider: any ModelProvider, shape: ConversationShape
  ) -> ModelStep {
    let definition = worker.claimed.definition
    // A repair round is for words alone.
    let names = shape.repair == nil ? definition.tools : []
    let tools = names.compactMap { parts.tools.tool(named: $0)?.descriptor }
    let images = images ?? []
    // Providers that keep to a schema call no tools: with tools it is an instruction.
    let script = AgentLoop.Script(
      task: worker.task, definition: definition, images: images.map(\.image),
      tellsSchema: schema != nil && !definition.tools.isEmpty)
    var request = ModelRequest(
      model: definition.model,
      messages: AgentLoop.messages(script, history: progress.history, shape: shape), tools: tools,
      temperature: definition.temperature, maxOutputTokens: definition.maxOutputTokens, task: worker.task.id,
      agent: definition.id, turn: turn, outputSchema: tools.isEmpty ? schema?.json : nil, extraBody: definition.body)
    request.reservedTokens = Budget.reservation(for: request)
    return ModelStep(number: number, provider: provider, request: request, shape: shape, images: images)
  }

  /// The step's one try at half, after the provider said that the conversation is too long for it; nil when it was that
  /// already, or cannot become so short.
  private func halved(_ step: ModelStep) -> ModelStep? {
    guard !step.shape.isHalved else { return nil }
    var shape: ConversationShape
    do throws(AgentLoop.ContextOverflow) {
      shape = try AgentLoop.shape(step.shape, of: step.request, history: progress.history, keepingTo: .half)
    } catch {
      return nil
    }
    shape.isHalved = true
    var half = modelStep(
      number: step.number, turn: step.request.turn, provider: step.provider, shape: shape)
    half.differsFromFirstTry = true
    return half
  }

  /// The step's input is the call's parameters and a digest of the conversation, which the earlier steps hold.
  private func modelStart(_ step: ModelStep, attempt: Int, settling: ModelUsage?) -> StepStart {
    let input = step.input(parts.digester)
    return StepStart(
      number: step.number, kind: .modelCall, name: step.provider.id.name, effect: .pure, attempt: attempt,
      input: progress.history[step.number] == nil || step.differsFromFirstTry ? .some(input) : .none,
      inputHash: parts.digester.digest(input),
      reservedTokens: step.reservation, settling: settling)
  }

  private func complete(
    _ step: ModelStep, attempt: Int
  ) async -> EffectResult<Result<ModelReply, ProviderError>> {
    let events = parts.events
    let limit = parts.timeouts.modelCall ?? step.provider.traits.longestCall
    return await withInterrupt(worker.interrupt, limit: limit, clock: parts.clock) {
      do throws(ProviderError) {
        let reply = try await step.provider.complete(step.request) { text in
          events.publish(ModelDelta(task: step.request.task, step: step.number, attempt: attempt, text: text))
        }
        return .success(reply)
      } catch {
        return .failure(error)
      }
    }
  }

  /// A reply that ends the conversation early is a failed step; every other is the step's result.
  private mutating func take(_ reply: ModelReply, of step: ModelStep) async throws(Worker.ClaimEnded) -> Bool {
    if reply.usage.totalTokens > step.reservation {
      parts.log.record(
        .warning, "worker", "estimate_exceeded: the provider counts more tokens than were set aside",
        [
          "task": "\(worker.task.id)", "step": "\(step.number)", "reserved": "\(step.reservation)",
          "used": "\(reply.usage.totalTokens)",
        ])
    }
    let output = reply.output
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

  /// Nothing sent and an error status settle at 0, what was sent and cut at the reservation.
  private func cutUsage(_ error: ProviderError, _ step: ModelStep) -> ModelUsage {
    guard error.wasSent, error.status == nil else { return .none }
    let output = Int64(step.request.maxOutputTokens)
    return ModelUsage(inputTokens: max(0, step.reservation - output), outputTokens: output, isEstimated: true)
  }

  mutating func cutModel(
    _ reason: InterruptReason, number: Int, usage: ModelUsage
  ) async throws(Worker.ClaimEnded) -> Bool {
    // A model call repeats nothing outside, so for a requeue the step stays open and is tried again.
    if reason.isRequeue { return try await leave(cutBy: reason, step: nil, usage: usage) }
    let end = StepEnd(number: number, outcome: .failed(Worker.cutFailure(reason), output: nil), usage: usage)
    return try await leave(cutBy: reason, step: end)
  }

  /// The task ends before the next try of its step, which an earlier life or an earlier try may have left open.
  mutating func end(
    _ number: Int, refusedBy failure: Failure, settling usage: ModelUsage?
  ) async throws(Worker.ClaimEnded) -> Bool {
    if progress.history[number]?.status == .started {
      note(StepEnd(number: number, outcome: .failed(failure, output: nil), usage: usage))
    }
    return try await end(with: .failed(failure))
  }

  /// A picture cannot be had. Whatever is only for the moment is tried again as any other attempt.
  private mutating func end(_ number: Int, unreadable failure: Failure) async throws(Worker.ClaimEnded) -> Bool {
    guard ["io_busy", "io_error", "storage_io_error", "disk_full"].contains(failure.code) else {
      return try await end(number, refusedBy: failure, settling: nil)
    }
    if progress.history[number]?.status == .started {
      note(StepEnd(number: number, outcome: .failed(failure, output: nil)))
    }
    return try await leave(failedBy: failure, retryAfter: .zero)
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
  static let none = ModelUsage(inputTokens: 0, outputTokens: 0)
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

extension AgentLoop.ContextOverflow {
  fileprivate var failure: Failure {
    Failure(
      code: "context_too_long",
      detail: "the conversation takes about \(tokens) tokens, and its model's context has \(limit), with all elided "
        + "that can be")
  }
}
