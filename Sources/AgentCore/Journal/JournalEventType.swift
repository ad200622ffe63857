/// The names of events, which are the types of journal rows: one row is one event.
package enum JournalEventType: String, Sendable, CaseIterable {
  case taskSubmitted = "task.submitted"
  case taskStarted = "task.started"
  case taskWaiting = "task.waiting"
  case taskResumed = "task.resumed"
  case taskRetrying = "task.retrying"
  case taskRequeued = "task.requeued"
  case taskCancelling = "task.cancelling"
  case taskCompleted = "task.completed"
  case taskFailed = "task.failed"
  case taskCancelled = "task.cancelled"
  case stepStarted = "step.started"
  case stepFinished = "step.finished"
  case stepFailed = "step.failed"
  case stepInDoubt = "step.in_doubt"
  case stepResolved = "step.resolved"

  /// Tells of a step, not of the task.
  package var isStep: Bool { rawValue.hasPrefix("step.") }
}
