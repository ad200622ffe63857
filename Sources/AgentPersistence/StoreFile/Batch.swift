import AgentCore
import GRDB

/// One transaction over the closures of a batch, each in a savepoint of its own.
struct Batch {
  enum Outcome {
    /// On disk; or, without a state, nothing was to be put there since every closure failed.
    case committed(CommitNotice?, CommitState?)
    /// A closure ended the transaction of all (SQLITE_FULL and IOERR may, RAISE(ROLLBACK) does): nothing is stored.
    case lostTransaction(StoreError)
    /// Nothing of it may be taken as stored.
    case failed(StoreError)
  }

  private var state: CommitState
  private let mirror: StoreMirror
  private let options: StoreOptions
  private let ledger: CounterLedger
  private var touched: Set<TaskID> = []
  private var cells: Set<FaultPoint.Cell> = []
  private var moves: [StoreMove] = []
  private var ended: Set<TaskID> = []
  private var succeeded = 0
  private let sealing: StoreSealing?
  private var hasReserved = false

  init(state: CommitState, mirror: StoreMirror, options: StoreOptions) {
    (self.state, self.mirror, self.options) = (state, mirror, options)
    ledger = CounterLedger(state.counters)
    sealing = mirror.sealing
  }

  consuming func run(_ writes: [any PendingWrite], on db: Database) -> Outcome {
    var batch = self
    let outcome = batch.attempt(writes, on: db)
    if batch.hasReserved {
      if case .committed(_, _?) = outcome {} else { batch.sealing?.ring.forgetReservation() }
    }
    if db.isInsideTransaction {
      // A rollback that fails leaves a connection that the caller gives up: a failed outcome closes it.
      try? db.rollback()
    }
    if db.isInsideTransaction {
      return .failed(StoreError(.storageIOError, "A transaction could not be rolled back."))
    }
    return outcome
  }

  private mutating func attempt(_ writes: [any PendingWrite], on db: Database) -> Outcome {
    do {
      try db.beginTransaction(.immediate)
      let now = mirror.now()
      let service = mirror.serviceMilliseconds
      for write in writes {
        if let outcome = try run(write, on: db, now: now, service: service) { return outcome }
      }
      // Refusals among refusals rest on nothing that is not on disk already.
      if succeeded == 0, !writes.isEmpty { return .committed(nil, nil) }
      return try db.tellingReadOnly { try commit(on: db, now: now, service: service) }
    } catch {
      return .failed(StoreError(describing: error))
    }
  }

  /// Nil: the closure returned, or failed alone.
  private mutating func run(
    _ write: any PendingWrite, on db: Database, now: Timestamp, service: Int64
  ) throws -> Outcome? {
    let context = WriteContext(
      db: db, now: now, serviceMilliseconds: service, epoch: state.epoch, lastSequence: state.lastSequence,
      highestSequenceDeleted: state.highestSequenceDeleted, ledger: ledger, sealing: sealing)
    try db.cachedStatement(sql: "SAVEPOINT closure").execute()
    let error = write.run(in: context)
    hasReserved = hasReserved || context.hasReserved
    if error != nil, context.hasReserved { sealing?.ring.forgetReservation() }
    guard db.isInsideTransaction else {
      let reason = error.map(StoreError.init(describing:))
      return .lostTransaction(reason ?? StoreError(.storageIOError, "The write ended its own transaction."))
    }
    if let error {
      let failure = StoreError(describing: error)
      if failure.code == .databaseCorrupt, error is DatabaseError { return .failed(failure) }
      try db.cachedStatement(sql: "ROLLBACK TO closure").execute()
    }
    try db.cachedStatement(sql: "RELEASE closure").execute()
    if error == nil { take(context) }
    return nil
  }

  private mutating func take(_ context: WriteContext) {
    succeeded += 1
    state.epoch = context.epoch
    state.lastSequence = context.lastSequence
    state.highestSequenceDeleted = max(state.highestSequenceDeleted, context.highestSequenceDeleted)
    ledger.add(context.counterChanges)
    touched.formUnion(context.touchedTasks)
    cells.formUnion(context.faultCells)
    moves += context.moves
    ended.formUnion(context.endedTasks)
  }

  private mutating func commit(on db: Database, now: Timestamp, service: Int64) throws -> Outcome {
    state.commitNumber += 1
    state.nextTask = mirror.nextTask
    state.serviceMilliseconds = max(state.serviceMilliseconds, service)
    state.lastAt = now.milliseconds
    try state.apply(ledger.changes, to: db)
    try state.write(to: db)
    for cell in cells { options.faults.reached(FaultPoint(cell, .beforeCommit)) }
    let fault = options.commitFault(state.commitNumber)
    guard fault == 0 else { throw DatabaseError(resultCode: ResultCode(rawValue: fault), message: "COMMIT failed") }
    #if DEBUG
    if options.faults.bug == .answersWithoutCommit, cells == [.create], state.commitNumber % 3 == 0 {
      try db.rollback()
    } else {
      try db.commit()
    }
    #else
    try db.commit()
    #endif
    for cell in cells { options.faults.reached(FaultPoint(cell, .afterCommit)) }
    let notice = CommitNotice(lastSequence: state.lastSequence, tasks: touched, moves: moves, ended: ended)
    return .committed(notice, state)
  }
}
