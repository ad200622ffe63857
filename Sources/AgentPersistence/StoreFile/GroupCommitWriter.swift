import AgentCore
import Foundation
import GRDB
import Synchronization

/// Runs all write closures on one thread of its own: those that wait become one transaction, and each caller goes on
/// only once its commit is on disk. The next batch forms while the last one is synced; nothing is ever delayed.
final class GroupCommitWriter: Sendable {
  private let queue: WriteQueue
  private let mirror: StoreMirror
  private let limits: StoreLimits
  private let ending = Mutex(Ending())

  private struct Ending {
    var isOver = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  /// Starts the thread. `whenOver` runs on it after the last write.
  init(core: WriterCore, limits: StoreLimits, whenOver: @escaping @Sendable (WriterConnection?) -> Void) {
    let queue = WriteQueue(callerLimit: limits.waitingCallers)
    (self.queue, mirror, self.limits) = (queue, core.mirror, limits)
    let thread = Thread { [weak self] in
      var core = core
      while !queue.isClosedAndEmpty {
        let batch = queue.take(limits.closuresPerBatch, waiting: limits.idleMilliseconds)
        if batch.isEmpty { core.idle() } else { core.serve(batch) }
        core.tidy(isIdle: batch.isEmpty)
      }
      core.end()
      whenOver(core.connection)
      self?.resumeWaiters()
    }
    thread.name = "store-writer"
    thread.start()
  }

  func write<T: Sendable>(
    _ lane: WriteLane, _ body: @escaping @Sendable (WriteContext) throws -> T
  ) async throws(StoreError) -> T {
    if lane == .caller, mirror.disk.freeBytes < limits.reservedBytes {
      throw StoreError(.diskFull, "Less than \(limits.reservedBytes >> 20) MiB are free in the data folder: make room.")
        .asRefusal
    }
    let result = await withCheckedContinuation { continuation in
      let request = WriteRequest(lane: lane, body: body, continuation: continuation)
      if let refusal = queue.add(request) { request.fail(refusal.asRefusal) }
    }
    return try result.get()
  }

  /// How many closures wait at this moment.
  var waitingCount: Int { queue.count }

  /// Takes no more writes in, and returns when those that wait are done and the connection is closed.
  func close() async {
    queue.close()
    await withCheckedContinuation { continuation in
      let isOver = ending.withLock { ending in
        if !ending.isOver { ending.waiters.append(continuation) }
        return ending.isOver
      }
      if isOver { continuation.resume() }
    }
  }

  /// For an owner that went without `close`: the thread ends by itself after what waits.
  func abandon() { queue.close() }

  private func resumeWaiters() {
    let waiters = ending.withLock { ending in
      ending.isOver = true
      defer { ending.waiters = [] }
      return ending.waiters
    }
    for waiter in waiters { waiter.resume() }
  }
}
