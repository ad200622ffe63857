import AgentCore

/// What `accept-loss` jumped over, so that no number that may have been given out is given again.
package struct AcceptedLoss: Sendable, Hashable {
  /// The last commit that is there.
  package var foundCommit: Int64
  /// The last commit that was recorded.
  package var recordedCommit: Int64
  package var nextTask: Int64
  package var nextSequence: Int64

  /// More than any machine of ours creates in a second.
  static let tasksPerSecond: Int64 = 20_000
  /// A task's life is some five rows.
  static let sequencesPerSecond: Int64 = 100_000
}

extension CommitState {
  /// Moves the numbers above all that can have been given out up to `now`: what was recorded, and for each second
  /// since and the one that a position may be old as much as a machine can give out. Nil when nothing is lost.
  mutating func jump(over position: WALPosition?, now: Timestamp) -> AcceptedLoss? {
    guard let position, commitNumber < position.commitNumber || installation != position.installation else {
      return nil
    }
    let found = commitNumber
    let seconds = max(0, now.milliseconds - position.at) / 1000 + 1
    nextTask = max(nextTask, position.nextTask) + Self.product(seconds, AcceptedLoss.tasksPerSecond)
    lastSequence =
      max(lastSequence, position.nextSequence - 1) + Self.product(seconds, AcceptedLoss.sequencesPerSecond)
    commitNumber = max(commitNumber, position.commitNumber)
    lastAt = max(lastAt, position.at)
    return AcceptedLoss(
      foundCommit: found, recordedCommit: position.commitNumber, nextTask: nextTask, nextSequence: lastSequence + 1)
  }

  /// A clock that is wrong by centuries must not use the numbers up: 2^52 stays far from the end of Int64, and JSON
  /// readers that keep numbers as doubles still tell neighbours apart.
  private static func product(_ seconds: Int64, _ rate: Int64) -> Int64 {
    let (value, overflow) = seconds.multipliedReportingOverflow(by: rate)
    return overflow ? 1 << 52 : min(value, 1 << 52)
  }
}

extension StoreFile {
  /// Goes on without what `wal_missing` tells of: the one way out of it besides putting the files back. Changes
  /// nothing and returns nil when nothing is missing.
  ///
  /// - Throws: `StoreStartError`, as `open` does, but for `wal_missing`.
  package static func acceptLoss(_ options: StoreOptions) async throws(StoreStartError) -> AcceptedLoss? {
    let started = try StoreStart.run(options, acceptsLoss: true)
    await StoreFile(started).close()
    return started.acceptedLoss
  }
}
