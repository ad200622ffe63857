import AgentCore
import Synchronization

/// Why a worker must stop before its task is done; a later, stronger reason takes the place of a weaker one.
package enum InterruptReason: Int, Sendable, Comparable {
  case shutdown, agentRestart, wallTime, deadline, cancel

  package static func < (left: InterruptReason, right: InterruptReason) -> Bool { left.rawValue < right.rawValue }

  /// The task goes back to the queue; otherwise it ends.
  var isRequeue: Bool { self == .shutdown || self == .agentRestart }
}

/// The engine's word to one worker: stop at the next step boundary, or now.
final class WorkInterrupt: Sendable {
  private struct State {
    var reason: InterruptReason?
    var isHard = false
  }
  private let state = Mutex(State())
  private let wakeup = Wakeup()

  /// What the worker must do at the next step boundary.
  var reason: InterruptReason? { state.withLock { $0.reason } }

  /// Set when the step in hand must be cut as well.
  var hardReason: InterruptReason? { state.withLock { $0.isHard ? $0.reason : nil } }

  /// At the next step boundary.
  func request(_ reason: InterruptReason) { raise(reason, isHard: false) }

  /// Now, the step in hand included.
  func fire(_ reason: InterruptReason) { raise(reason, isHard: true) }

  private func raise(_ reason: InterruptReason, isHard: Bool) {
    let mustWake = state.withLock { state in
      state.reason = max(state.reason ?? reason, reason)
      state.isHard = state.isHard || isHard
      return state.isHard
    }
    if mustWake { wakeup.wake() }
  }

  /// Returns when the step in hand must be cut, or when the caller is cancelled.
  func waitUntilHard() async {
    while hardReason == nil, !_Concurrency.Task.isCancelled { await wakeup.wait() }
  }
}
