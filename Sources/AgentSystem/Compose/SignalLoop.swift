/// What signals do while the service runs: each SIGHUP in turn, and beside that the second of the signals that stop.
struct SignalLoop: Sendable {
  /// One at a time; the next waits for it.
  var onHangup: @Sendable () async -> Void
  /// Cancelled when all has ended.
  var onSecondStop: @Sendable () async -> Void

  /// Runs until the stops end. A hangup that takes long, or for ever, keeps no stop from being heard.
  func run<Hangups: AsyncSequence & Sendable, Stops: AsyncSequence & Sendable>(
    hangups: Hangups, stops: Stops
  ) async throws {
    let (onHangup, onSecondStop) = (onHangup, onSecondStop)
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { for try await _ in hangups { await onHangup() } }
      var count = 0
      for try await _ in stops {
        count += 1
        // The first one is the group's.
        if count == 2 { group.addTask { await onSecondStop() } }
      }
      group.cancelAll()
    }
  }
}
