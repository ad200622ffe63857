import Synchronization

/// Holds the reader of events back while a question stands on the screen.
final class FollowGate: Sendable {
  private struct State {
    var isClosed = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }
  private let state = Mutex(State())

  func close() { state.withLock { $0.isClosed = true } }

  func open() {
    let waiters = state.withLock { state in
      state.isClosed = false
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  /// Returns while the gate is open. Whoever closed it opens it, also when the question ends everything: a cancelled
  /// reader needs no way out of its own.
  func pass() async {
    await withCheckedContinuation { continuation in
      let isClosed = state.withLock { state in
        if state.isClosed { state.waiters.append(continuation) }
        return state.isClosed
      }
      if !isClosed { continuation.resume() }
    }
  }
}
