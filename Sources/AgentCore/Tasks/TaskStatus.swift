/// Where a task stands. The moves between these are `TaskTransition`'s.
package enum TaskStatus: String, Sendable, CaseIterable {
  case pending, running, waiting, completed, failed, cancelled

  /// Over with: only `retry` leads out (not of `completed`).
  package var isTerminal: Bool { self == .completed || self == .failed || self == .cancelled }
}

/// Why a task waits.
package enum WaitReason: String, Sendable, CaseIterable {
  case approval, timer
  case providerLimit = "provider_limit"
  case stepInDoubt = "step_in_doubt"
  case restored

  /// Time spent so does not count against `timeout_seconds`.
  package var isForPerson: Bool { self != .timer && self != .providerLimit }
}

package struct TaskWait: Sendable, Hashable {
  package var reason: WaitReason
  /// When the wait ends by itself; nil: a person ends it.
  package var until: Timestamp?
  package var step: Int?
  package init(reason: WaitReason, until: Timestamp? = nil, step: Int? = nil) {
    (self.reason, self.until, self.step) = (reason, until, step)
  }
}
