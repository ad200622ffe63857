import AgentCore

extension WorkerRun {
  /// One step of the kind `model_call`, with its tries; true when the task has left `running`.
  mutating func callModel(number: Int, attempt firstAttempt: Int, turn: Int) async throws(Worker.ClaimEnded) -> Bool {
    if let failure = await loadImages() { return try await end(number, unreadable: failure) }
    var attempt = firstAttempt
    var settling: ModelUsage?
    // Bounded by the tries that the provider's retries grant.
    while true {
      let (step, place): (ModelStep, ProviderPlace)
      switch try await beginning(number, turn: turn, settling: settling) {
      case .call(let next, let given): (step, place) = (next, given)
      case .left(let isOver): return isOver
      }
      guard let result = try await call(step, attempt: attempt, settling: settling, in: place) else {
        return try await cutModel(worker.interrupt.hardReason ?? .cancel, number: number, usage: .none)
      }
      switch result.value {
      case .success(let reply):
        return try await take(reply, of: step)
      case .failure(let error):
        let usage = settled(error, step)
        if case .interrupt(let reason) = result.cut {
          return try await cutModel(reason, number: number, usage: usage)
        }
        let problem = result.cut == nil ? error : ProviderError(.timeout, "no answer in time", wasSent: error.wasSent)
        if let isOver = try await follow(problem, step, usage: usage) { return isOver }
        (settling, attempt) = (usage, attempt + 1)
      }
    }
  }

  private enum Beginning {
    case call(ModelStep, ProviderPlace)
    /// The task has left `running`; or, with false, stands where it stood.
    case left(Bool)
  }

  /// What the next try needs. `settling`: what the try before it used.
  private mutating func beginning(
    _ number: Int, turn: Int, settling: ModelUsage?
  ) async throws(Worker.ClaimEnded) -> Beginning {
    let step: ModelStep
    sealing.keepUp(with: &progress)
    do throws(Failure) {
      // Anew for each try: a default that was switched, or a provider that a reload changed, serves from here on.
      step = try modelStep(number: number, turn: turn)
    } catch {
      return .left(try await end(number, refusedBy: error, settling: settling))
    }
    if let failure = refusal(of: number, reservation: step.reservation, settling: settling) {
      return .left(try await end(number, refusedBy: failure, settling: settling))
    }
    switch try await admission(to: step, settling: settling) {
    case .granted(let place): return .call(step, place)
    case .left(let isOver): return .left(isOver)
    }
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
    if problem.code == .contextTooLong, canHalve(step) { return try await halve(after: problem, step, usage: usage) }
    var problem = problem
    // What this one asks for is nothing to the one that is asked next.
    if !isAsked(step.provider) { problem.retryAfter = nil }
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

  /// The provider found the conversation too long: the next try sends half. It counts as any other, so it is the next
  /// attempt's where the step's tries are used up.
  private mutating func halve(
    after problem: ProviderError, _ step: ModelStep, usage: ModelUsage
  ) async throws(Worker.ClaimEnded) -> Bool? {
    guard progress.tries > step.provider.traits.retries else {
      progress.noteTooLong()
      isAfterTry = true
      return nil
    }
    let failure = Failure(problem)
    note(StepEnd(number: step.number, outcome: .failed(failure, output: nil), usage: usage))
    return try await leave(failedBy: failure, retryAfter: .zero)
  }

  private func complete(
    _ step: ModelStep, attempt: Int
  ) async -> EffectResult<Result<ModelReply, ProviderError>> {
    let limit = parts.timeouts.modelCall ?? step.provider.traits.longestCall
    let delta = ModelDelta(task: step.request.task, step: step.number, attempt: attempt, text: "")
    let deltas = GuardedDeltas(delta, filter: sealing.filter, events: parts.events)
    return await withInterrupt(worker.interrupt, limit: limit, clock: parts.clock) {
      do throws(ProviderError) {
        let reply = try await step.provider.complete(step.request) { text in deltas.take(text) }
        deltas.finish()
        return .success(reply)
      } catch {
        return .failure(error)
      }
    }
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
