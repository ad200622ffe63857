import CCurl
import Synchronization

/// Tells one transfer of a loop from another; never used twice in one loop.
struct TransferID: Hashable, Sendable {
  var number: UInt64
}

/// One hop to make.
struct TransferOrder: Sendable {
  var id: TransferID
  var url: HTTPURL
  var request: HTTPExchange.Request
  /// When the whole exchange must have ended.
  var deadline: ContinuousClock.Instant?
}

/// What callers ask of the loop's thread.
enum LoopCommand: Sendable {
  case start(TransferOrder, ResponseChannel)
  case cancel(TransferID)
  /// The reader has room again.
  case resume(TransferID)
}

/// A multi handle that may be named from any thread.
///
/// Invariant: only the loop's thread passes it to libcurl, except for `curl_multi_wakeup`, which libcurl allows from
/// every thread and which `CurlMailbox` calls under its lock while the handle is open.
struct MultiHandle: @unchecked Sendable {
  let pointer: UnsafeMutableRawPointer
}

/// The way from callers to the thread that owns the handles.
final class CurlMailbox: Sendable {
  enum Refusal: Error { case closed, full }

  private struct State {
    var commands: [LoopCommand] = []
    var transfers = 0
    var lastID: UInt64 = 0
    var isClosing = false
    var isOpen = true
  }
  private let state = Mutex(State())
  private let multi: MultiHandle

  let maximumTransfers: Int

  init(multi: MultiHandle, maximumTransfers: Int) { (self.multi, self.maximumTransfers) = (multi, maximumTransfers) }

  func nextID() -> TransferID {
    state.withLock { state in
      state.lastID += 1
      return TransferID(number: state.lastID)
    }
  }

  func start(_ order: TransferOrder, _ channel: ResponseChannel) throws(Refusal) {
    let refusal: Refusal? = state.withLock { state in
      if state.isClosing { return .closed }
      if state.transfers >= maximumTransfers { return .full }
      state.transfers += 1
      state.commands.append(.start(order, channel))
      wake(state)
      return nil
    }
    if let refusal { throw refusal }
  }

  /// Of each transfer at most one cancel, and one resume for each time it was held, so the list stays bounded.
  func post(_ command: LoopCommand) {
    state.withLock { state in
      guard !state.isClosing else { return }
      state.commands.append(command)
      wake(state)
    }
  }

  func close() {
    state.withLock { state in
      state.isClosing = true
      wake(state)
    }
  }

  // Loop's thread only, from here on.

  func take() -> (commands: [LoopCommand], isClosing: Bool) {
    state.withLock { state in
      defer { state.commands = [] }
      return (state.commands, state.isClosing)
    }
  }

  func transferEnded() { state.withLock { $0.transfers -= 1 } }

  /// After this nobody touches the multi handle.
  func handleWillGo() { state.withLock { $0.isOpen = false } }

  /// One write to a pipe that never blocks, so it may be made under the lock, which keeps the handle from going away.
  private func wake(_ state: borrowing State) {
    if state.isOpen { curl_multi_wakeup(multi.pointer) }
  }
}
