import Synchronization

/// Holds the reader of events back while a question stands on the screen.
final class FollowGate: Sendable {
  private enum Position {
    case open, closed
    /// For good: nothing more is to be shown.
    case ended
  }
  private struct State {
    var position = Position.open
    var waiters: [CheckedContinuation<Bool, Never>] = []
  }
  private let state = Mutex(State())

  func close() { state.withLock { $0.position = $0.position == .ended ? .ended : .closed } }

  func open() { move(to: .open) }

  func end() { move(to: .ended) }

  /// Returns while the gate is open; false when nothing more is to be shown. Whoever closed the gate opens or ends it,
  /// so that a cancelled reader needs no way out of its own.
  func pass() async -> Bool {
    await withCheckedContinuation { continuation in
      let answer = state.withLock { state -> Bool? in
        switch state.position {
        case .open: return true
        case .ended: return false
        case .closed:
          state.waiters.append(continuation)
          return nil
        }
      }
      if let answer { continuation.resume(returning: answer) }
    }
  }

  private func move(to position: Position) {
    let waiters = state.withLock { state in
      if state.position != .ended { state.position = position }
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume(returning: position == .open) }
  }
}
