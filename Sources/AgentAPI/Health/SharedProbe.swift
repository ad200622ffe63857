import AgentCore
import AgentRuntime
import ServiceLifecycle
import Synchronization

/// One real probe for all who ask: at most one a second runs, every caller gets the newest result, and none that is
/// older than two seconds. A service: the probe runs in `run()`, so that one that hangs holds no caller.
package final class SharedProbe: Service, Sendable {
  /// Probes begin at least this far apart, however many ask.
  package static let interval: Duration = .seconds(1)
  /// An older result says nothing about now; callers wait no longer either.
  package static let maximumAge: Duration = .seconds(2)

  package struct Reading: Sendable {
    package var result: Result<StoreHealth, StoreError>
    /// When the probe began, by the clock's uptime.
    package var startedAt: Duration
  }

  private struct State {
    var newest: Reading?
    var waiters: [Int: Wakeup] = [:]
    var nextWaiter = 0
  }

  private let probe: @Sendable () async throws(StoreError) -> StoreHealth
  private let clock: any WallClock
  private let demand = Wakeup()
  private let state = Mutex(State())

  package init(clock: any WallClock, probe: @escaping @Sendable () async throws(StoreError) -> StoreHealth) {
    (self.clock, self.probe) = (clock, probe)
  }

  /// Probes when somebody asks, until the service stops.
  package func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        await self.demand.wait()
        if Task.isCancelled { return }
        let startedAt = self.clock.uptime()
        let result: Result<StoreHealth, StoreError>
        do throws(StoreError) {
          result = .success(try await self.probe())
        } catch {
          result = .failure(error)
        }
        self.publish(Reading(result: result, startedAt: startedAt))
        let rest = Self.interval - (self.clock.uptime() - startedAt)
        // Cancelled: the loop's condition ends it.
        if rest > .zero { try? await self.clock.sleep(for: rest) }
      }
    }
  }

  /// The newest result, at most two seconds old; nil when there is none within two seconds.
  package func reading() async -> Reading? {
    let askedAt = clock.uptime()
    if let newest = newest, askedAt - newest.startedAt < Self.interval { return newest }
    let (key, wakeup) = state.withLock { state in
      state.nextWaiter += 1
      let wakeup = Wakeup()
      state.waiters[state.nextWaiter] = wakeup
      return (state.nextWaiter, wakeup)
    }
    demand.wake()
    await wakeup.wait(upTo: Self.maximumAge, clock: clock)
    state.withLock { _ = $0.waiters.removeValue(forKey: key) }
    guard let newest = newest, clock.uptime() - newest.startedAt <= Self.maximumAge else { return nil }
    return newest
  }

  private var newest: Reading? { state.withLock { $0.newest } }

  private func publish(_ reading: Reading) {
    let waiters = state.withLock { state in
      state.newest = reading
      return Array(state.waiters.values)
    }
    for waiter in waiters { waiter.wake() }
  }
}
