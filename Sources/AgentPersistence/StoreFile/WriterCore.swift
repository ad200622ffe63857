import AgentCore
import GRDB

/// What the writer's thread does: a batch to a transaction, its failure, the work between batches.
struct WriterCore: Sendable {
  let path: String
  let options: StoreOptions
  let mirror: StoreMirror
  let position: WALPosition.File
  let kept: KeptDescriptor
  /// Nil after a failed commit, until it could be opened again.
  private(set) var connection: WriterConnection?
  /// As the last commit on disk left it.
  private var state: CommitState
  /// Set when the database was found damaged: nothing is written any more.
  private var stopped: StoreError?
  private var positionWrittenAt: Duration
  /// How long the last one took: two syncs.
  private var positionTook: Duration = .zero
  private var writtenPosition: Int64
  private var clockWatch: ClockWatch

  init(
    path: String, options: StoreOptions, mirror: StoreMirror, position: WALPosition.File, kept: KeptDescriptor,
    connection: WriterConnection, state: CommitState
  ) {
    (self.path, self.options, self.mirror, self.position, self.kept) = (path, options, mirror, position, kept)
    (self.connection, self.state) = (connection, state)
    clockWatch = ClockWatch(options.clock)
    positionWrittenAt = options.clock.uptime()
    // None yet: the position of the start's own commit is written at the first turn.
    writtenPosition = -1
  }

  /// Runs a batch to its end: every closure's caller goes on, with its value or its error.
  mutating func serve(_ batch: [any PendingWrite]) {
    refreshDisk()
    let connection: WriterConnection
    do {
      connection = try usableConnection()
    } catch {
      return fail(batch, error.asRefusal)
    }
    let started = options.clock.uptime()
    let attempt = connection.queue.writeWithoutTransaction { db in
      Batch(state: state, mirror: mirror, options: options).run(batch, on: db)
    }
    switch attempt {
    case .committed(let notice, let newState):
      if let newState { took(newState, since: started) }
      if let notice { options.onCommit(notice) }
      for write in batch { write.finish() }
    case .lostTransaction(let error):
      // One closure took the transaction of all with it. Alone, each harms only itself.
      if batch.count > 1 { for write in batch { serve([write]) } } else { fail(batch, error) }
    case .failed(let error):
      // Noted first: whoever hears of the failure and asks for the store's health must not be told that all is well.
      note(error)
      fail(batch, error)
      recover(from: error)
    }
  }

  private mutating func took(_ newState: CommitState, since started: Duration) {
    state = newState
    mirror.note(newState)
    if mirror.condition != nil {
      mirror.condition = nil
      options.log(.info, "storage_recovered: the database can be written again.")
    }
    let milliseconds = (options.clock.uptime() - started).wholeMilliseconds
    if milliseconds > options.limits.slowCommitMilliseconds {
      options.log(.warning, "disk_slow: a commit took \(milliseconds) ms.")
    }
  }

  private func fail(_ batch: [any PendingWrite], _ error: StoreError) {
    for write in batch { write.fail(error) }
  }

  private mutating func usableConnection() throws(StoreError) -> WriterConnection {
    if let stopped { throw stopped }
    if let connection { return connection }
    do {
      // SQLite would make a new file where there is none, and take another one for ours.
      guard kept.isFile(at: path) else {
        throw StoreError(.storageIOError, "agent.db was moved or replaced while the service runs: put it back.")
      }
      let connection = try WriterConnection(path: path, limits: options.limits)
      let read = try connection.queue.read { db in try CommitState(reading: db) }
      self.connection = connection
      state = read
      mirror.note(read)
      return connection
    } catch {
      let failure = StoreError(describing: error)
      note(failure)
      throw failure
    }
  }

  /// After a failed commit nobody knows what the connection believes, and an fsync that failed must not be asked
  /// again (the kernel may have dropped the pages): the connection goes, and a new one reads what is on disk.
  private mutating func recover(from error: StoreError) {
    // A lock held by somebody else says nothing against the connection.
    guard error.code != .storageBusy, let connection else { return }
    self.connection = nil
    if !connection.close() { options.log(.warning, "storage_io_error: the failed connection could not be closed.") }
    // When it cannot be opened now, the next write or the idle turn tries again.
    _ = try? usableConnection()
  }

  /// Logged once for as long as it stays the same: a full disk is found full each second.
  private mutating func note(_ error: StoreError) {
    if mirror.condition?.code != error.code { options.log(.error, "\(error.code.rawValue): \(error.detail)") }
    mirror.condition = error
    stop(if: error)
  }

  private mutating func stop(if error: StoreError) {
    guard error.code == .databaseCorrupt, stopped == nil else { return }
    stopped = error
    options.log(.error, "database_corrupt: the writer stops; reads go on. \(error.detail)")
  }

  private func refreshDisk() {
    if let disk = DiskState(folder: options.folder) { mirror.disk = disk }
  }

  /// Nothing was asked for a while: look at the disk, and try a store that failed with a commit of nothing.
  mutating func idle() {
    refreshDisk()
    if mirror.disk.isReadOnly, mirror.condition == nil {
      note(StoreError(.storageReadOnly, "The data folder's file system is mounted read-only."))
    }
    if mirror.condition != nil, stopped == nil, !mirror.disk.isReadOnly { serve([]) }
  }

  /// Between batches: the position, then the checkpoint, which may let the WAL begin anew.
  mutating func tidy(isIdle: Bool) {
    for (level, sentence) in clockWatch.look(isBehind: mirror.checkClock()) { options.log(level, sentence) }
    let isCheckpointDue = connection?.isCheckpointDue ?? false
    let age = options.clock.uptime() - positionWrittenAt
    let isPositionDue = isIdle || age.wholeMilliseconds >= Self.positionMilliseconds
    if isCheckpointDue || isPositionDue && age >= positionTook * Self.positionShare { writePosition() }
    if isCheckpointDue { checkpoint() }
    truncateIfAsked()
  }

  private mutating func truncateIfAsked() {
    let waiters = mirror.takeTruncations()
    guard !waiters.isEmpty else { return }
    // The WAL is about to begin anew: what it held has to be recorded first.
    writePosition()
    var isEmpty = false
    let patience = options.limits.busyTimeoutMilliseconds
    do {
      isEmpty = try connection?.truncateWALUnlessBusy(patience: patience) ?? false
    } catch {
      let failure = StoreError(describing: error)
      options.log(.error, "\(failure.code.rawValue): the WAL could not be emptied: \(failure.detail)")
      stop(if: failure)
    }
    for waiter in waiters { waiter.resume(returning: isEmpty) }
  }

  /// On a disk whose syncs take seconds, positions get at most a quarter of the writer's time: without it they took two
  /// thirds, and commits waited for them.
  private static let positionShare = 4

  /// `accept-loss` counts on a position that is at most about a second old.
  private static let positionMilliseconds: Int64 = 1000

  private mutating func writePosition() {
    positionWrittenAt = options.clock.uptime()
    guard writtenPosition != state.commitNumber else { return }
    defer { positionTook = options.clock.uptime() - positionWrittenAt }
    do {
      try position.write(WALPosition(state))
      writtenPosition = state.commitNumber
    } catch {
      options.log(.warning, "\(StoreError(error).code.rawValue): \(error).")
    }
  }

  private mutating func checkpoint() {
    do {
      try connection?.checkpoint()
    } catch {
      connection?.postponeCheckpoint()
      let failure = StoreError(describing: error)
      options.log(.error, "\(failure.code.rawValue): a checkpoint failed: \(failure.detail)")
      stop(if: failure)
    }
  }

  /// The last turn: nothing is left for the next start to recover.
  mutating func end() {
    writePosition()
    if stopped == nil { checkpoint() }
    for waiter in mirror.takeTruncations(isLast: true) { waiter.resume(returning: nil) }
  }
}
