import AgentCore
import Dispatch
import Synchronization

/// The closures that wait for the writer, first come, first served. Any thread may add; only the writer takes.
final class WriteQueue: Sendable {
  private struct State {
    var waiting: [any PendingWrite] = []
    var callers = 0
    var isClosed = false
    /// The writer waits for `signal`. Whoever clears this flag owes or is owed exactly one signal.
    var isWriterAsleep = false

    mutating func wakeWriter() -> Bool {
      defer { isWriterAsleep = false }
      return isWriterAsleep
    }
  }
  private let state = Mutex(State())
  private let signal = DispatchSemaphore(value: 0)
  private let callerLimit: Int

  init(callerLimit: Int) { self.callerLimit = callerLimit }

  /// Why the write was not taken in; nil when it was.
  func add(_ write: any PendingWrite) -> StoreError? {
    let (refusal, mustSignal): (StoreError?, Bool) = state.withLock { state in
      if state.isClosed { return (StoreError(.closed, "The store is closed."), false) }
      if write.lane == .caller {
        guard state.callers < callerLimit else {
          return (StoreError(.overloaded, "\(callerLimit) writes wait already: try again later."), false)
        }
        state.callers += 1
      }
      state.waiting.append(write)
      return (nil, state.wakeWriter())
    }
    if mustSignal { signal.signal() }
    return refusal
  }

  /// Takes up to `limit` closures; when there are none, waits so long for the first one. Empty: nothing came.
  func take(_ limit: Int, waiting milliseconds: Int) -> [any PendingWrite] {
    let (batch, mustWait) = state.withLock { state in
      let batch = Self.take(limit, from: &state)
      state.isWriterAsleep = batch.isEmpty && !state.isClosed
      return (batch, state.isWriterAsleep)
    }
    guard mustWait else { return batch }
    let timedOut = signal.wait(timeout: .now() + .milliseconds(milliseconds)) == .timedOut
    // Woken in the moment of the timeout: the signal is on its way, and must not stay for the next wait.
    if timedOut, !state.withLock({ $0.wakeWriter() }) { signal.wait() }
    return state.withLock { Self.take(limit, from: &$0) }
  }

  private static func take(_ limit: Int, from state: inout State) -> [any PendingWrite] {
    let batch = Array(state.waiting.prefix(limit))
    state.waiting.removeFirst(batch.count)
    state.callers -= batch.count { $0.lane == .caller }
    return batch
  }

  /// No more are taken in; those that wait are still served.
  func close() {
    let mustSignal = state.withLock { state in
      state.isClosed = true
      return state.wakeWriter()
    }
    if mustSignal { signal.signal() }
  }

  var isClosedAndEmpty: Bool { state.withLock { $0.isClosed && $0.waiting.isEmpty } }
  var count: Int { state.withLock { $0.waiting.count } }
}
