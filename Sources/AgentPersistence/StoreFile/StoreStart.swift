import AgentCore
import GRDB

/// The way from a folder's path to a store that may acknowledge. Each refusal leaves the database and its WAL as they
/// were.
struct StoreStart {
  let options: StoreOptions
  let folder: DataFolder
  let kept: KeptDescriptor
  let readers: DatabasePool
  let core: WriterCore
  /// What was jumped over, when loss was to be accepted and there was any.
  let acceptedLoss: AcceptedLoss?

  static func run(_ options: StoreOptions, acceptsLoss: Bool) throws(StoreStartError) -> StoreStart {
    let folder = try DataFolder.acquire(options.folder)
    do {
      return try StoreStart(in: folder, options, acceptsLoss: acceptsLoss)
    } catch {
      folder.release()
      throw StoreStartError(describing: error)
    }
  }

  private init(in folder: DataFolder, _ options: StoreOptions, acceptsLoss: Bool) throws {
    (self.options, self.folder) = (options, folder)
    try options.keyCheck.beforeDatabase()
    let positionFile = WALPosition.File(folder: options.folder)
    let position = try positionFile.read()
    let inspection = try DatabaseInspection(folder.databasePath, options.limits)
    if !acceptsLoss { try Self.checkNothingLost(inspection.state, position) }
    let installation = try options.keyCheck.beforeWriting(inspection.keyRing, inspection.state.installation)
    // From here on the descriptor stays open whatever comes: SQLite is about to take its locks.
    kept = try inspection.keepOrCreate(folder.databasePath)

    let writer = try WriterConnection(path: folder.databasePath, limits: options.limits)
    // Frames of a commit that failed may stand in the WAL without ever having been synced: what is acknowledged after
    // them would go with them in a power cut.
    try writer.truncateWAL()
    var state = try writer.queue.writeWithoutTransaction { db in
      try SchemaMigrator.migrate(db)
      return try Self.checkedState(db, options)
    }
    if state.installation == 0 { state.installation = installation ?? Int64(options.random.next() >> 2) + 1 }
    acceptedLoss = acceptsLoss ? state.jump(over: position, now: options.clock.now()) : nil

    let mirror = StoreMirror(state, clock: options.clock)
    mirror.disk = DiskState(folder: options.folder) ?? mirror.disk
    let committed = try Self.commitFirst(writer, state, mirror, options)
    readers = try Self.openReaders(folder.databasePath, options.limits)
    core = WriterCore(
      path: folder.databasePath, options: options, mirror: mirror, position: positionFile, kept: kept,
      connection: writer, state: committed)
  }

  static func checkNothingLost(_ state: CommitState, _ position: WALPosition?) throws(StoreStartError) {
    guard let position else { return }
    let isOther = state.installation != 0 && state.installation != position.installation
    guard state.commitNumber < position.commitNumber || isOther else { return }
    throw StoreStartError(
      .walMissing,
      isOther
        ? "The database belongs to another installation than wal.position tells of: put the right agent.db and "
          + "agent.db-wal back, or go on with this one by `agent-system accept-loss`."
        : "The database ends at commit \(state.commitNumber), but commit \(position.commitNumber) was acknowledged: "
          + "put agent.db and agent.db-wal of one moment back, or go on without what is lost by "
          + "`agent-system accept-loss`.")
  }

  /// The counters are written in each commit, so they can only be wrong when something else wrote the file.
  private static func checkedState(_ db: Database, _ options: StoreOptions) throws -> CommitState {
    var state = try CommitState(reading: db)
    guard state.counterSum != state.counters.values.reduce(0, &+) else { return state }
    options.log(.warning, "counters_recounted: the stored counters did not match the last commit.")
    state.counters = try CounterScan.count(db)
    state.counterSum = state.counters.values.reduce(0, &+)
    try db.inTransaction(.immediate) {
      try db.execute(sql: "DELETE FROM counter")
      for (key, value) in state.counters {
        try db.execute(
          sql: "INSERT INTO counter (name, label, value) VALUES (?, ?, ?)",
          arguments: [key.name.rawValue, key.label, value])
      }
      return .commit
    }
    return state
  }

  /// Shows that the disk takes a commit, and puts down what a new database or an accepted loss begins with.
  private static func commitFirst(
    _ writer: WriterConnection, _ state: CommitState, _ mirror: StoreMirror, _ options: StoreOptions
  ) throws -> CommitState {
    let outcome = writer.queue.writeWithoutTransaction { db in
      Batch(state: state, mirror: mirror, options: options).run([], on: db)
    }
    switch outcome {
    case .committed(_, let committed?):
      mirror.note(committed)
      return committed
    case .committed(_, nil): return state
    case .lostTransaction(let error), .failed(let error): throw error
    }
  }

  private static func openReaders(_ path: String, _ limits: StoreLimits) throws -> DatabasePool {
    var configuration = Configuration()
    configuration.label = "agent-system.reader"
    configuration.readonly = true
    configuration.foreignKeysEnabled = true
    configuration.prepareDatabase { db in
      // The pool sets a busy timeout of its own for readers; this one comes after it. A pragma takes no parameter.
      try db.execute(sql: "PRAGMA busy_timeout = \(limits.busyTimeoutMilliseconds)")
      try db.execute(sql: "PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY")
    }
    let pool = try DatabasePool(path: path, configuration: configuration)
    // A connection takes its lock on the file with its first read, and keeps it. While this one does, no connection
    // that closes is the last one, and none checkpoints or removes the WAL on its way out.
    try pool.unsafeReentrantRead { db in _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM meta") }
    return pool
  }
}
