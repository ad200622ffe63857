import AgentCore
import Glibc

/// The machine's clocks, as the client verbs use them.
struct SystemWallClock: WallClock {
  func now() -> Timestamp { Timestamp(milliseconds: Self.read(CLOCK_REALTIME).wholeMilliseconds) }

  func uptime() -> Duration { Self.read(CLOCK_BOOTTIME) }

  func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration, clock: .continuous) }

  private static func read(_ clock: clockid_t) -> Duration {
    var time = timespec()
    clock_gettime(clock, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }
}
