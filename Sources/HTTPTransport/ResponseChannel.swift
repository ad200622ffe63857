import Synchronization

/// The way of one answer from the loop's thread to its one reader, with a bounded buffer.
///
/// It also settles the race between cancelling and sending: whichever takes the lock first wins, so that an error
/// which says "not sent" is true.
final class ResponseChannel: Sendable {
  enum Event: Sendable {
    case head(HTTPExchange.Head)
    case bytes([UInt8])
  }
  enum Offer { case taken, held, unwanted }

  private typealias Outcome = Result<Event?, TransportError>
  private struct State {
    var head: HTTPExchange.Head?
    var buffer: [UInt8] = []
    var end: Result<Void, TransportError>?
    var reader: CheckedContinuation<Outcome, Never>?
    var isSent = false
    var isHeld = false
  }
  private let state = Mutex(State())
  private let id: TransferID
  private let mailbox: CurlMailbox

  /// Some of libcurl's 16 KiB pieces; when they wait unread, the transfer is held until the reader takes them.
  static let maximumBufferedBytes = 256 * 1024

  init(id: TransferID, mailbox: CurlMailbox) { (self.id, self.mailbox) = (id, mailbox) }

  // The reader's side.

  /// The head first, then bytes, then nil. A cancelled reader gets `cancelled` at once, and the transfer is ended.
  func next() async throws(TransportError) -> Event? {
    let outcome = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let (ready, wasHeld) = state.withLock { state in
          precondition(state.reader == nil, "an answer has one reader")
          let (ready, wasHeld) = Self.take(&state)
          if ready == nil { state.reader = continuation }
          return (ready, wasHeld)
        }
        if wasHeld { mailbox.post(.resume(id)) }
        if let ready { continuation.resume(returning: ready) }
      }
    } onCancel: {
      cancel()
    }
    return try outcome.get()
  }

  /// Ends the transfer unless it has ended; the reader gets `cancelled`.
  func cancel() {
    let (isFirst, reader, wasSent) = state.withLock { state in
      guard state.end == nil else { return (false, Self.noReader, false) }
      state.end = .failure(TransportError(.cancelled, "the caller went away", wasSent: state.isSent))
      (state.head, state.buffer, state.isHeld) = (nil, [], false)
      defer { state.reader = nil }
      return (true, state.reader, state.isSent)
    }
    guard isFirst else { return }
    mailbox.post(.cancel(id))
    reader?.resume(returning: .failure(TransportError(.cancelled, "the caller went away", wasSent: wasSent)))
  }

  /// A byte of the request may have left.
  var wasSent: Bool { state.withLock(\.isSent) }

  // The loop's side.

  /// Asked right before the request's first byte is written; false when nobody waits for the answer any more.
  func mayBegin() -> Bool {
    state.withLock { state in
      guard state.end == nil else { return false }
      state.isSent = true
      return true
    }
  }

  func deliver(_ head: HTTPExchange.Head) { update { $0.head = head } }

  /// `held`: not taken; the loop offers the same bytes again after `resume`.
  func offer(_ bytes: UnsafeRawBufferPointer) -> Offer {
    var offer = Offer.taken
    update { state in
      if state.end != nil {
        offer = .unwanted
      } else if !state.buffer.isEmpty, state.buffer.count + bytes.count > Self.maximumBufferedBytes {
        state.isHeld = true
        offer = .held
      } else {
        state.buffer.append(contentsOf: bytes)
      }
    }
    return offer
  }

  /// The end, with an error or without; a second end changes nothing.
  func finish(_ error: TransportError?) {
    update { state in
      guard state.end == nil else { return }
      state.end = error.map { .failure($0.sent(state.isSent)) } ?? .success(())
    }
  }

  private func update(_ change: (inout State) -> Void) {
    let (reader, ready) = state.withLock { state in
      change(&state)
      guard let reader = state.reader, let ready = Self.take(&state).ready else {
        return (Self.noReader, Outcome?.none)
      }
      state.reader = nil
      return (reader, ready)
    }
    if let ready { reader?.resume(returning: ready) }
  }

  private static var noReader: CheckedContinuation<Outcome, Never>? { nil }

  private static func take(_ state: inout State) -> (ready: Outcome?, wasHeld: Bool) {
    if let head = state.head {
      state.head = nil
      return (.success(.head(head)), false)
    }
    if !state.buffer.isEmpty {
      defer { (state.buffer, state.isHeld) = ([], false) }
      return (.success(.bytes(state.buffer)), state.isHeld)
    }
    return (state.end.map { $0.map { nil } }, false)
  }
}
