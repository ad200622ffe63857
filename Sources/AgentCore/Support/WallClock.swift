/// Where all code gets its time from, so that tests can move it.
package protocol WallClock: Sendable {
  /// The machine's idea of UTC; it may jump either way.
  func now() -> Timestamp

  /// Time that only grows and counts a suspended machine too (CLOCK_BOOTTIME); its zero means nothing.
  func uptime() -> Duration

  /// Returns after that time, or throws `CancellationError` at once when the caller is cancelled.
  func sleep(for duration: Duration) async throws
}
