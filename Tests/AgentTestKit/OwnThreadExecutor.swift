import Dispatch

/// Runs tasks on a thread of its own, so that a measured task does not queue behind other tests' work.
package final class OwnThreadExecutor: TaskExecutor {
  private let queue = DispatchQueue(label: "measured")

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
  }
}

/// A call that was cancelled once the signal came.
package struct CancelledCall<Value: Sendable>: Sendable {
  package var value: Value
  package var cancelledAt: ContinuousClock.Instant
  package var endedAt: ContinuousClock.Instant

  package init(after signal: Signal, _ call: @escaping @Sendable () async -> Value) async {
    let task = Task(executorPreference: OwnThreadExecutor()) {
      let value = await call()
      return (value, ContinuousClock.now)
    }
    await signal.wait()
    cancelledAt = ContinuousClock.now
    task.cancel()
    (value, endedAt) = await task.value
  }
}
