import Synchronization

/// A flag that one waiter sleeps on: set any number of times from anywhere, it wakes the waiter once.
package final class Wakeup: Sendable {
  private struct State {
    var isSet = false
    var waiter: CheckedContinuation<Void, Never>?
  }
  private let state = Mutex(State())

  package init() {}

  package func wake() {
    let waiter = state.withLock { state in
      guard let waiter = state.waiter.take() else {
        state.isSet = true
        return CheckedContinuation<Void, Never>?.none
      }
      return waiter
    }
    waiter?.resume()
  }

  /// Returns when `wake` was called since the last return, or when the caller is cancelled. One waiter at a time; a
  /// second one takes the first one's place and lets it go.
  package func wait() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let resumed: [CheckedContinuation<Void, Never>] = state.withLock { state in
          if state.isSet || _Concurrency.Task.isCancelled {
            state.isSet = false
            return [continuation]
          }
          let earlier = state.waiter
          state.waiter = continuation
          return earlier.map { [$0] } ?? []
        }
        for continuation in resumed { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiter.take() }?.resume()
    }
  }

  /// Returns after `limit` at the latest.
  package func wait(upTo limit: Duration, clock: any WallClock) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.wait() }
      // The sleep ends early only because the wait came first.
      group.addTask { try? await clock.sleep(for: limit) }
      await group.next()
      group.cancelAll()
    }
  }
}
