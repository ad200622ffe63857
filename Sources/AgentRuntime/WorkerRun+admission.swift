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

  /// Asks for it. Without leave the task waits, which is no try; or it fails, where its time would be over by then.
  /// `settling`: what the step's last try used.
  mutating func admission(to step: ModelStep, settling: ModelUsage?) async throws(Worker.ClaimEnded) -> Admission {
    let (provider, task) = (step.provider, worker.task.id)
    let asked = await withInterrupt(worker.interrupt, limit: Self.longestAdmission, clock: parts.clock) {
      await provider.admit(task: task, tokens: step.reservation)
    }
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
    guard pause <= RetryPolicy.longestWait, outlives(pause) else {
      return try await end(step.number, refusedBy: Failure(error), settling: settling)
    }
    // Only a step that has begun has a number that anybody could ask for.
    let number = progress.history[step.number] == nil ? nil : step.number
    return try await end(
      with: .waiting(TaskWait(reason: .providerLimit, step: number), settling: settling, lasting: pause))
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
