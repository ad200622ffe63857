import AgentCore
import Synchronization

/// Lets go of a reader that takes nothing: its connection is closed when one write waits longer than `patience`.
///
/// What it missed is in the journal: it goes on where it stopped, with `Last-Event-ID`.
final class StalledReader: Sendable {
  /// As long as heartbeats are apart: a reader that lives has taken something by then.
  static let patience: Duration = .seconds(15)

  private let clock: any WallClock
  private let disconnect: @Sendable () -> Void
  /// Since when a write waits.
  private let waitingSince = Mutex<Duration?>(nil)

  init(clock: any WallClock, disconnect: @escaping @Sendable () -> Void) {
    (self.clock, self.disconnect) = (clock, disconnect)
  }

  /// Notes how long `write` waits for the reader.
  func waiting(_ write: () async throws -> Void) async throws {
    let now = clock.uptime()
    waitingSince.withLock { $0 = now }
    try await write()
    waitingSince.withLock { $0 = nil }
  }

  /// Watches until the reader is let go of, or until the caller is cancelled.
  func watch() async {
    while true {
      let rest = waitingSince.withLock { $0 }.map { $0 + Self.patience - clock.uptime() } ?? Self.patience
      guard rest > .zero else { return disconnect() }
      do { try await clock.sleep(for: rest) } catch { return }
    }
  }
}
