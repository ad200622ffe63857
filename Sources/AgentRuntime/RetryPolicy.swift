import AgentCore

/// When a step, and a task, is tried again.
package struct RetryPolicy: Sendable {
  /// Further tries of a tool's step after the first; those of a model call are its provider's (`ProviderTraits`).
  package var stepRetries = 3
  /// A provider that asks for more patience than this lets the task wait without a worker.
  static let longestWaitInPlace: Duration = .seconds(5)
  /// A provider that asks for more than this fails the step.
  static let longestWait: Duration = .seconds(3600)
  /// Backoff of a step's tries grows to this.
  static let longestStepBackoff: Duration = .seconds(60)
  /// Backoff between a task's attempts grows to this.
  static let longestTaskBackoff: Duration = .seconds(900)

  package init(stepRetries: Int = 3) { self.stepRetries = stepRetries }

  /// What follows a failed try of a model call.
  enum Sequel: Sendable, Hashable {
    case nextTry(after: Duration)
    /// The step's tries are used up: the task's next attempt, at the earliest after that time.
    case nextAttempt(after: Duration)
    case never
  }

  /// `tries`: tries of the step in this attempt of the task, the failed one included; `retries`: those that the provider
  /// grants after the first. What a provider asks for (`Retry-After`) is kept to, up to `longestWait`; one that asks for
  /// more is not asked again.
  static func sequel(of error: ProviderError, tries: Int, retries: Int, random: any RandomSource) -> Sequel {
    let asked = error.retryAfter ?? .zero
    guard error.isRetryable, asked <= longestWait else { return .never }
    guard tries <= retries else { return .nextAttempt(after: asked) }
    return .nextTry(after: max(asked, stepBackoff(afterTry: tries, random: random)))
  }

  /// U(½,1) × min(60 s, 2^(n−1) s), n the try that failed, from 1.
  static func stepBackoff(afterTry number: Int, random: any RandomSource) -> Duration {
    let seconds = min(60.0, Double(1 << min(max(number - 1, 0), 6)))
    return .milliseconds(Int64(seconds * 1000 * (0.5 + 0.5 * random.unit())))
  }

  /// 5 s × 2^(n−1), at most 15 min, ± 20 %; n the attempt that failed, from 1.
  static func taskBackoff(afterAttempt number: Int, random: any RandomSource) -> Duration {
    let seconds = min(900.0, 5 * Double(1 << min(max(number - 1, 0), 8)))
    return .milliseconds(Int64(seconds * 1000 * (0.8 + 0.4 * random.unit())))
  }
}
