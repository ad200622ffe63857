import AgentCore

/// Takes one claimed task from step to step until it ends, waits or goes back to the queue. One worker per claim; every
/// write it makes carries the claim.
struct Worker: Sendable {
  let parts: EngineParts
  let claimed: ClaimedTask
  let interrupt: WorkInterrupt
  /// Once true, a write that the storage refuses is given up: the next start recovers the task.
  let isAbandoned: @Sendable () -> Bool
  /// Told when a provider begins to let the task wait within its worker, and when that is over: no running time.
  let isResting: @Sendable (Bool) -> Void
  /// Told after each commit that has a finished step.
  let stepFinished: @Sendable () -> Void

  /// The claim is no longer ours, or the process ends: nothing more may be written.
  struct ClaimEnded: Error {}

  var task: AgentTask { claimed.task }
  var limits: TaskLimits { claimed.definition.limits.narrowed(by: task.limits) }

  func run() async {
    do throws(ClaimEnded) {
      var run = WorkerRun(worker: self)
      try await run.toItsEnd()
    } catch {
      parts.log.record(.debug, "worker", "the claim ended", ["task": "\(task.id)"])
    }
  }

  /// How a running task leaves `running` for an interrupt. Of the step that stays open: `settling` is what its last try
  /// used, `isUnsent` says that nothing of it has happened, `isAfterTry` that its last try had failed by itself, and
  /// `isTooLong` that the provider had refused it so.
  func outcome(
    of reason: InterruptReason, settling usage: ModelUsage? = nil, isUnsent: Bool = false, isAfterTry: Bool = false,
    isTooLong: Bool = false
  ) -> TaskChange {
    switch reason {
    case .cancel: .cancelled
    case .deadline:
      .failed(Failure(code: "timeout", detail: "the task's \(task.timeoutSeconds) seconds are over"))
    case .wallTime: .failed(Failure(code: "wall_time_limit", detail: "the task has used its running time"))
    case .agentRestart, .shutdown:
      .requeued(
        reason: reason == .shutdown ? "shutdown" : "agent_restart", settling: usage, isUnsent: isUnsent,
        isAfterTry: isAfterTry, isTooLong: isTooLong)
    }
  }

  /// How a step ends that an interrupt cut.
  static func cutFailure(_ reason: InterruptReason) -> Failure {
    switch reason {
    case .cancel: Failure(code: "cancelled", detail: "the task was cancelled")
    case .deadline: Failure(code: "timeout", detail: "the task's time is over")
    case .wallTime: Failure(code: "wall_time_limit", detail: "the task has used its running time")
    case .agentRestart: Failure(code: "agent_restart", detail: "the agent was restarted during the step")
    case .shutdown: Failure(code: "shutdown", detail: "the service stopped during the step")
    }
  }
}
