/// One move of a task: the cause, and what the caller of the store asks for.
package enum TaskMove: String, Sendable, CaseIterable {
  case submit, claim, wait, resume
  /// Back to pending after an error, with backoff.
  case retryAfterError = "retry_after_error"
  /// Asked for by a caller, of a failed or cancelled task.
  case retryAsked = "retry_asked"
  case requeue, complete, fail, cancel
}

/// The contract's table of states, and nothing else: a move that is not in it does not exist.
package enum TaskTransition {
  package struct Result: Sendable, Equatable {
    package var status: TaskStatus
    package var event: JournalEventType
  }

  /// The status that `move` leads to and the event that tells of it; nil when the table has no such move.
  ///
  /// `cancelRequested`: once a cancel was acknowledged, every way out of `running` ends `cancelled`
  /// (invariant I12 of docs/ARCHITECTURE.md).
  package static func result(of move: TaskMove, from status: TaskStatus?, cancelRequested: Bool = false) -> Result? {
    if cancelRequested, status == .running, [.wait, .retryAfterError, .requeue, .complete, .fail].contains(move) {
      return Result(status: .cancelled, event: .taskCancelled)
    }
    switch (status, move) {
    case (nil, .submit): return Result(status: .pending, event: .taskSubmitted)
    case (.pending, .claim): return Result(status: .running, event: .taskStarted)
    case (.pending, .wait), (.running, .wait): return Result(status: .waiting, event: .taskWaiting)
    case (.waiting, .resume): return Result(status: .pending, event: .taskResumed)
    case (.running, .retryAfterError): return Result(status: .pending, event: .taskRetrying)
    case (.running, .requeue): return Result(status: .pending, event: .taskRequeued)
    case (.running, .complete): return Result(status: .completed, event: .taskCompleted)
    case (.pending, .fail), (.running, .fail), (.waiting, .fail): return Result(status: .failed, event: .taskFailed)
    case (.pending, .cancel), (.running, .cancel), (.waiting, .cancel):
      return Result(status: .cancelled, event: .taskCancelled)
    case (.failed, .retryAsked), (.cancelled, .retryAsked): return Result(status: .pending, event: .taskRetrying)
    default: return nil
    }
  }
}
