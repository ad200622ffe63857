import AgentCore

/// The sign that the dispatcher lives.
extension Dispatcher {
  /// Returns when the loop has come past once more: at once when it waits, else after what it has in hand. Cancelling the
  /// caller ends the wait; a dispatcher that hangs, or has ended, never comes past.
  package func turn() async {
    let passed = Wakeup()
    state.withLock { $0.turnWaiters.append(passed) }
    wake()
    await passed.wait()
  }

  /// Called by the loop after each part of its round, so that a storage that is slow to refuse is no silence.
  func turned() {
    let waiters = state.withLock { state in
      defer { state.turnWaiters = [] }
      return state.turnWaiters
    }
    for waiter in waiters { waiter.wake() }
  }
}
