import Dispatch
import Synchronization

/// Runs calls that block on the disk on a few threads of their own, so that the cooperative pool never waits for one.
///
/// At most `width` run at once; the rest wait in order of arrival, up to `maximumWaiting`.
package final class BlockingWork: Sendable {
  /// Waiting calls past this are refused: tasks in flight are a few hundred at the most, each with one call.
  package static let maximumWaiting = 4_096

  private struct State {
    var running = 0
    /// Taken from `next` on; the front is cut off now and then.
    var waiting: [@Sendable () -> Void] = []
    var next = 0
  }
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "agent-system.blocking-work", attributes: .concurrent)
  private let width: Int

  /// `width`: threads at the most. Four keep an SSD busy, and a stuck disk costs no more than four threads.
  package init(width: Int = 4) {
    precondition(width > 0, "work needs at least one thread")
    self.width = width
  }

  /// How many wait at this moment.
  package var waitingCount: Int { state.withLock { $0.waiting.count - $0.next } }

  /// Runs `body` on a thread that may block and returns what it returned.
  ///
  /// A cancelled caller gets `cancelled` at once while `body` runs to its next `checkCancellation()`, unless `body` had
  /// called `ticket.commit()` before: past that the caller waits for its end. `busy`: thrown when the queue is full.
  package func run<Value: Sendable, Failure: Error>(
    cancelled: Failure, busy: Failure, _ body: @escaping @Sendable (WorkTicket) throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    let ticket = WorkTicket()
    let reply = Reply<Value, Failure>()
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        reply.wait(continuation)
        let job: @Sendable () -> Void = {
          guard !ticket.isCancelled else { return }
          reply.resolve(Result { () throws(Failure) in try body(ticket) })
        }
        if !self.submit(job) { reply.resolve(.failure(busy)) }
      }
    } onCancel: {
      if ticket.cancel() { reply.resolve(.failure(cancelled)) }
    }
    return try result.get()
  }

  /// False when the queue is full.
  private func submit(_ job: @escaping @Sendable () -> Void) -> Bool {
    let (isAccepted, starts) = state.withLock { state in
      if state.running < width {
        state.running += 1
        return (true, true)
      }
      guard state.waiting.count - state.next < Self.maximumWaiting else { return (false, false) }
      state.waiting.append(job)
      return (true, false)
    }
    if starts { queue.async { self.runAll(from: job) } }
    return isAccepted
  }

  /// One thread's life: the first job, then whatever waits.
  private func runAll(from first: @Sendable () -> Void) {
    first()
    while let job = takeNext() { job() }
  }

  private func takeNext() -> (@Sendable () -> Void)? {
    state.withLock { state in
      guard state.next < state.waiting.count else {
        (state.waiting, state.next) = ([], 0)
        state.running -= 1
        return nil
      }
      let job = state.waiting[state.next]
      // What the job holds, a file's bytes at times, goes with it and not when the queue is empty.
      state.waiting[state.next] = {}
      state.next += 1
      if state.next > Self.maximumWaiting {
        state.waiting.removeFirst(state.next)
        state.next = 0
      }
      return job
    }
  }
}

/// How a running piece of work and its caller's cancellation agree: whichever comes first holds.
package final class WorkTicket: Sendable {
  private enum Phase { case open, committed, cancelled }
  private let phase = Mutex(Phase.open)

  package init() {}

  /// The caller is gone; what is done from now on is of no use to anybody.
  package var isCancelled: Bool { phase.withLock { $0 == .cancelled } }

  /// Throws `cancelled` when the caller is gone.
  package func checkCancellation() throws(WorkspaceError) {
    if isCancelled { throw .cancelled }
  }

  /// Called before the first effect that cannot be taken back; from then on a cancel comes too late. Throws `cancelled`
  /// when it came before.
  package func commit() throws(WorkspaceError) {
    let isOpen = phase.withLock { phase in
      if phase == .open { phase = .committed }
      return phase == .committed
    }
    if !isOpen { throw .cancelled }
  }

  /// True when the work will have no effect any more.
  package func cancel() -> Bool {
    phase.withLock { phase in
      if phase == .open { phase = .cancelled }
      return phase == .cancelled
    }
  }
}

/// One answer for one waiter; the first counts.
private final class Reply<Value: Sendable, Failure: Error>: Sendable {
  private struct State {
    var continuation: CheckedContinuation<Result<Value, Failure>, Never>?
    var result: Result<Value, Failure>?
  }
  private let state = Mutex(State())

  func wait(_ continuation: CheckedContinuation<Result<Value, Failure>, Never>) {
    let result = state.withLock { state in
      if state.result == nil { state.continuation = continuation }
      return state.result
    }
    if let result { continuation.resume(returning: result) }
  }

  func resolve(_ result: Result<Value, Failure>) {
    let continuation = state.withLock { state -> CheckedContinuation<Result<Value, Failure>, Never>? in
      guard state.result == nil else { return nil }
      state.result = result
      defer { state.continuation = nil }
      return state.continuation
    }
    continuation?.resume(returning: result)
  }
}
