import AgentCore

/// The provider's leave, which each try of a model call has before its tokens are set aside.
extension WorkerRun {
  enum Admission {
    case granted(ProviderPlace)
    /// The task has left `running`; or, with false, stands where it stood.
    case left(Bool)
  }

  /// Above the 5 s that a provider may take to find a place, so that it ends only what hangs.
  private static let longestAdmission: Duration = .seconds(10)
  /// How far a guess is trusted where no start corrects it.
  private static let longestGuess: Duration = .seconds(300)
  /// What a store that counts in milliseconds takes for a wait.
  private static let shortestWait: Duration = .milliseconds(1)

  /// Asks for it. Without leave the task waits, which is no try; or it fails, where the provider itself makes it wait
  /// until its time is over.
  /// `settling`: what the step's last try used.
  mutating func admission(to step: ModelStep, settling: ModelUsage?) async throws(Worker.ClaimEnded) -> Admission {
    let (provider, task) = (step.provider, worker.task.id)
    beginRest()
    let asked = await withInterrupt(worker.interrupt, limit: Self.longestAdmission, clock: parts.clock) {
      await provider.admit(task: task, tokens: step.reservation)
    }
    endRest()
    switch asked.value {
    case .granted(let place):
      // A boundary as good as any: who was asked to stop meanwhile begins no try.
      guard let reason = worker.interrupt.reason else { return .granted(place) }
      place.release()
      return .left(try await leave(before: step, for: reason, settling: settling))
    case .later(let pause, let error):
      if let reason = worker.interrupt.reason {
        return .left(try await leave(before: step, for: reason, settling: settling))
      }
      return .left(try await wait(pause, before: step, or: error, settling: settling))
    }
  }

  private mutating func wait(
    _ pause: Duration, before step: ModelStep, or error: ProviderError, settling: ModelUsage?
  ) async throws(Worker.ClaimEnded) -> Bool {
    let isMoved = !isAsked(step.provider)
    if !isMoved, let asked = error.retryAfter, asked > RetryPolicy.longestWait || !outlives(asked) {
      return try await end(step.number, refusedBy: Failure(error), settling: settling)
    }
    // Only a step that has begun has a number that anybody could ask for.
    let number = progress.history[step.number] == nil ? nil : step.number
    // Everything else is a guess at its turn, which may come sooner: it waits for that until its own time is over. A start
    // brings back whose step has not begun; the others look for themselves now and then.
    let longest = max(number == nil ? RetryPolicy.longestWait : Self.longestGuess, error.retryAfter ?? .zero)
    let rest = isMoved ? Self.shortestWait : max(Self.shortestWait, min(pause, longest, timeLeft))
    let wait = TaskWait(reason: .providerLimit, step: number)
    return try await end(
      with: .waiting(wait, settling: settling, lasting: rest, isTooLong: progress.isTooLong))
  }

  /// Whether the task's next call goes to that provider too: not when the default was switched, or the provider is gone.
  func isAsked(_ provider: any ModelProvider) -> Bool {
    // Whoever has none is told so when it asks again.
    (try? parts.providers.provider(named: worker.claimed.definition.provider))?.id == provider.id
  }

  private mutating func leave(
    before step: ModelStep, for reason: InterruptReason, settling: ModelUsage?
  ) async throws(Worker.ClaimEnded) -> Bool {
    guard progress.history[step.number] != nil else { return try await end(with: worker.outcome(of: reason)) }
    return try await cutModel(reason, number: step.number, usage: settling ?? .none)
  }
}

extension Failure {
  init(_ error: ProviderError) { self.init(code: error.code.rawValue, detail: error.detail) }
}
