import AgentCore

/// Timers and deadlines.
extension Dispatcher {
  /// Tasks that one look at timers or deadlines moves in a commit.
  private static let timerBatch = 500

  func lookAtTimers() async {
    cutOverdue()
    let hastened = state.withLock { state in
      let due = state.hastened.filter { state.running[$0] == nil }
      state.hastened.subtract(due)
      return due
    }
    do throws(StoreError) {
      // A default that is switched may fetch every task that waits.
      let fetched = hastened.sorted()
      for start in stride(from: 0, to: fetched.count, by: Self.timerBatch) {
        _ = try await parts.store.hasten(Array(fetched[start...].prefix(Self.timerBatch)))
      }
      while try await parts.store.promoteDue(limit: Self.timerBatch) == Self.timerBatch {}
      for id in try await parts.store.expireDeadlines(limit: Self.timerBatch) {
        state.withLock { $0.running[id]?.interrupt }?.fire(.deadline)
      }
    } catch {
      state.withLock { $0.hastened.formUnion(hastened) }
      await pause(after: error)
    }
  }

  /// Cuts the steps of running tasks whose time is over, from memory: a storage that does not answer stops no clock.
  private func cutOverdue() {
    let now = parts.clock.uptime()
    let running = state.withLock { Array($0.running.values) }
    for task in running {
      if task.deadline <= now { task.interrupt.fire(.deadline) }
      if task.restBegan == nil, let wallDeadline = task.wallDeadline, wallDeadline <= now {
        task.interrupt.fire(.wallTime)
      }
    }
  }

  /// Between two tries of a storage that refuses.
  private static let storagePause: Duration = .seconds(1)

  func pause(after error: StoreError) async {
    let isDue = state.withLock { $0.refusals.isDue(at: parts.clock.uptime()) }
    if isDue {
      parts.log.record(
        .warning, "dispatcher", "the store refused; trying again", ["error": error.code.rawValue])
    }
    await wakeup.wait(upTo: Self.storagePause, clock: parts.clock)
  }
}
