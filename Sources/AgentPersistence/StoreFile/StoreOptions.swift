import AgentCore

/// All that a store file needs from outside.
package struct StoreOptions: Sendable {
  /// The data folder: absolute, 0700, of this user.
  package var folder: String
  package var clock: any WallClock
  package var random: any RandomSource
  package var faults: any FaultInjector
  package var limits: StoreLimits
  /// Asked under the folder's lock, before and after SQLite has looked at what is there; tests without keys set none.
  package var keyCheck = StoreKeyCheck()
  /// Called on the writer's thread after each commit, before its callers go on: it must be short and not block.
  package var onCommit: @Sendable (CommitNotice) -> Void
  /// Called on any thread: level and one sentence that begins with a stable word, e.g. `disk_slow: …`.
  package var log: @Sendable (StoreLogLevel, String) -> Void
  /// Asked before each COMMIT with the number of the commit: an SQLite result code other than 0 stands for a COMMIT
  /// that failed so. Only tests set it.
  package var commitFault: @Sendable (_ commitNumber: Int64) -> Int32

  package init(
    folder: String, clock: any WallClock, random: any RandomSource, faults: any FaultInjector = NoFaults(),
    limits: StoreLimits = StoreLimits(),
    onCommit: @escaping @Sendable (CommitNotice) -> Void = { _ in },
    log: @escaping @Sendable (StoreLogLevel, String) -> Void = { _, _ in },
    commitFault: @escaping @Sendable (_ commitNumber: Int64) -> Int32 = { _ in 0 }
  ) {
    (self.folder, self.clock, self.random, self.faults) = (folder, clock, random, faults)
    (self.limits, self.onCommit, self.log) = (limits, onCommit, log)
    self.commitFault = commitFault
  }
}

package enum StoreLogLevel: String, Sendable {
  case debug, info, warning, error
}

/// The store's bounds. Each default has its reason beside it; tests set others.
package struct StoreLimits: Sendable, Hashable {
  /// One commit of so many closures takes some 3 ms on the reference machine: more would only make latency grow.
  package var closuresPerBatch = 256
  /// Some seconds of work at the slowest disk we support; whoever comes later is better off trying again.
  package var waitingCallers = 10_000
  /// As many again; a read holds memory for its answer while it waits.
  package var waitingReads = 10_000
  /// Enough for results, cancels and cleanup to go on while an administrator makes room.
  package var reservedBytes: Int64 = 64 << 20
  /// An outside `sqlite3` that holds the lock longer than this is not passing by.
  package var busyTimeoutMilliseconds = 5000
  /// 16 MiB of WAL at 4 KiB a page: checkpoints are rare, and recovery after a crash reads little.
  package var checkpointPages = 4000
  /// Slower than any healthy disk syncs.
  package var slowCommitMilliseconds: Int64 = 1000
  /// How often the writer looks at the disk when nothing is asked, tries a store that failed again and writes
  /// `wal.position`: health has to come back within two seconds.
  package var idleMilliseconds = 1000
  package init() {}
}

/// Which bounds a write is under.
package enum WriteLane: Sendable, Hashable {
  /// Bounded: `overloaded` when too many wait, `disk_full` when only the reserve is left.
  case caller
  /// Results, settlements, cancels and cleanup: never refused by a bound, and it uses the reserve.
  case essential
}
