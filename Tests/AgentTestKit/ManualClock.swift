import AgentCore
import Synchronization

/// A clock that moves only when a test says so. Sleepers wake in order of their time.
package final class ManualClock: WallClock {
  private struct State {
    var now: Timestamp
    var uptime: Duration = .zero
    var sleepers: [Int: (wakeAt: Duration, continuation: CheckedContinuation<Void, any Error>)] = [:]
    var cancelled: Set<Int> = []
    var nextSleeper = 0
  }
  private let state: Mutex<State>

  package init(now: Timestamp = Timestamp(milliseconds: 1_700_000_000_000)) { state = Mutex(State(now: now)) }

  package func now() -> Timestamp { state.withLock { $0.now } }
  package func uptime() -> Duration { state.withLock { $0.uptime } }

  /// How many callers sleep at this moment.
  package var sleeperCount: Int { state.withLock { $0.sleepers.count } }

  /// Moves both UTC and uptime on, and wakes whoever is due.
  package func advance(by duration: Duration) {
    let due = state.withLock { state in
      state.now = state.now.adding(duration)
      state.uptime += duration
      let due = state.sleepers.filter { $0.value.wakeAt <= state.uptime }
      for key in due.keys { state.sleepers[key] = nil }
      return due.values.sorted { $0.wakeAt < $1.wakeAt }.map(\.continuation)
    }
    for continuation in due { continuation.resume() }
  }

  /// Sets UTC alone, as an administrator or NTP does.
  package func jump(to now: Timestamp) { state.withLock { $0.now = now } }

  package func sleep(for duration: Duration) async throws {
    let id = state.withLock { state in
      state.nextSleeper += 1
      return state.nextSleeper
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let wake: Result<Void, any Error>? = state.withLock { state in
          if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
          if duration <= .zero { return .success(()) }
          state.sleepers[id] = (state.uptime + duration, continuation)
          return nil
        }
        if let wake { continuation.resume(with: wake) }
      }
    } onCancel: {
      let sleeper = state.withLock { state in
        if let sleeper = state.sleepers.removeValue(forKey: id) { return Optional(sleeper.continuation) }
        state.cancelled.insert(id)
        return nil
      }
      sleeper?.resume(throwing: CancellationError())
    }
  }
}
