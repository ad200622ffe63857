import AgentCore
import GRDB
import Synchronization

/// The database file `FOLDER/agent.db`: one writer that groups commits, pooled readers, and the numbers that go with
/// them. The only way to SQL in this process.
package final class StoreFile: Sendable {
  /// What the store was opened with.
  package let options: StoreOptions
  private let writer: GroupCommitWriter
  private let readers: DatabasePool
  private let mirror: StoreMirror
  /// The number of our one descriptor of the database (rule zero); for tests.
  let keptDescriptor: Int32
  private let readsInHand = Atomic<Int>(0)

  init(_ started: StoreStart) {
    options = started.options
    readers = started.readers
    keptDescriptor = started.kept.descriptor
    mirror = started.core.mirror
    let (readers, folder, kept) = (started.readers, started.folder, started.kept)
    writer = GroupCommitWriter(core: started.core, limits: started.options.limits) { connection in
      // Readers first: the connection that is closed last may checkpoint, and only the writer must.
      let areReadersClosed = (try? readers.close()) != nil  // A reader that stays open keeps its descriptor, no more.
      let isWriterClosed = connection?.close() ?? true
      if areReadersClosed && isWriterClosed { kept.closeAfterConnections() }
      folder.release()
    }
  }

  deinit { writer.abandon() }

  /// Opens the store, or makes a new one. Blocking: it checks, migrates and checkpoints before it returns.
  ///
  /// - Throws: `StoreStartError`; what lies in the folder is then as it was.
  package static func open(_ options: StoreOptions) throws(StoreStartError) -> StoreFile {
    StoreFile(try StoreStart.run(options, acceptsLoss: false))
  }

  /// Serves the writes that wait, refuses others as `closed`, and returns when the file is closed. Repeatable.
  package func close() async { await writer.close() }

  /// Runs the closure inside the next transaction; returns once that is on disk.
  ///
  /// The closure runs on the writer's thread and must not block. It may run more than once, each time after all that
  /// it did was rolled back. Cancelling the caller does not take the write back.
  /// - Throws: what the closure throws (a `StoreError` as it is); `overloaded`, `disk_full`, `shutting_down` before
  ///   it ran; `storage_…`, `disk_full`, `database_corrupt` when the outcome is unknown.
  package func write<T: Sendable>(
    _ lane: WriteLane, _ body: @escaping @Sendable (WriteContext) throws -> T
  ) async throws(StoreError) -> T {
    try await writer.write(lane, body)
  }

  /// As above, for a caller: under the bounds, and not from the reserve.
  package func write<T: Sendable>(
    _ body: @escaping @Sendable (WriteContext) throws -> T
  ) async throws(StoreError) -> T {
    try await writer.write(.caller, body)
  }

  /// Runs the closure on a reader, in one snapshot of what is committed.
  ///
  /// Costs some 80 µs for the way there: ask several things in one read. Cancelling the caller does not end it.
  package func read<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws(StoreError) -> T {
    let count = readsInHand.wrappingAdd(1, ordering: .relaxed).newValue
    defer { readsInHand.wrappingSubtract(1, ordering: .relaxed) }
    guard count <= options.limits.waitingReads else {
      throw StoreError(.overloaded, "\(options.limits.waitingReads) reads wait already: try again later.")
    }
    // Not the pool's own async read: that one gives up when the caller's task is cancelled, and a worker that is being
    // cancelled still has to read what it needs to end well.
    let result: Result<T, any Error> = await withCheckedContinuation { continuation in
      readers.asyncRead { database in
        continuation.resume(returning: Result { try body(database.get()) })
      }
    }
    do {
      return try result.get()
    } catch {
      throw readError(error)
    }
  }

  /// Puts all of the WAL into the database and empties it, so that what was overwritten is nowhere any more. False when
  /// a reader, or a failure that is logged, held that up: to be asked again. Answers within about a second.
  /// - Throws: `closed`.
  func truncateWAL() async throws(StoreError) -> Bool {
    let isEmpty = await withCheckedContinuation { waiter in
      if !mirror.addTruncation(waiter) { waiter.resume(returning: Bool?.none) }
    }
    guard let isEmpty else { throw StoreError(.closed, "The store is closed.") }
    return isEmpty
  }

  /// Seals rows with `sealing` from the next closure on.
  func seal(with sealing: StoreSealing) { mirror.sealing = sealing }

  private func readError(_ error: any Error) -> StoreError {
    if let error = error as? DatabaseError, error.resultCode == .SQLITE_MISUSE {
      return StoreError(.closed, "The store is closed.")
    }
    return StoreError(describing: error)
  }

  /// The counters as of the last commit; zero ones are left out.
  package func counters() -> [CounterKey: Int64] { mirror.committed.counters }

  /// Gives out numbers that no other task has or will have; those of a write that fails are not used again.
  package func drawTaskIDs(count: Int) throws(StoreError) -> [TaskID] { mirror.drawTaskIDs(count: count) }

  /// UTC that never falls, on the same line as the commits' `now`.
  package func now() -> Timestamp { mirror.now() }

  /// Service time at this moment.
  package func serviceMilliseconds() -> Int64 { mirror.serviceMilliseconds }

  /// Why writes fail at the moment; nil while they work. Comes back by itself.
  package var condition: StoreError? { mirror.condition }

  /// The clock is more than 5 min behind the last commit.
  package var isClockBehind: Bool { mirror.isClockBehind }

  /// Bytes free for us in the data folder's file system, as last seen by the writer.
  package var freeBytes: Int64 { mirror.disk.freeBytes }

  package var commitNumber: Int64 { mirror.committed.commitNumber }
  package var epoch: Int64 { mirror.committed.epoch }
  package var lastSequence: Int64 { mirror.committed.lastSequence }
  package var highestSequenceDeleted: Int64 { mirror.committed.highestSequenceDeleted }
  package var installation: Int64 { mirror.committed.installation }
  /// How many writes wait.
  package var waitingWrites: Int { writer.waitingCount }
}
