import AgentCore
import CPlatform
import Foundation

/// The machine's own clocks.
struct SystemClock: WallClock {
  func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }

  func uptime() -> Duration { .nanoseconds(cplatform_boottime_nanoseconds()) }

  func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}
