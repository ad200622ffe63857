import CCurl

/// Sends HTTP requests over one libcurl multi handle with a thread of its own.
///
/// Two transports share no connection and no name lookup: providers, tools and webhooks each have one, so that none
/// rides on another's open connection. Cancelling the caller ends its transfer at once with `cancelled`.
package final class CurlTransport: Sendable {
  private let loop: CurlMultiLoop
  private let clock: ContinuousClock

  /// Four times the streams that a busy server holds at once; each transfer may cost a socket and 300 KiB.
  package static let defaultMaximumTransfers = 1024

  /// Starts the thread. Throws `unreachable` when the machine has no memory or no thread left. The clock is the one
  /// that measures `Timeouts`; libcurl measures the connect timeout by itself. A request past `maximumTransfers` at
  /// once is `unreachable`, unsent.
  package init(
    clock: ContinuousClock = ContinuousClock(), maximumTransfers: Int = CurlTransport.defaultMaximumTransfers
  ) throws(TransportError) {
    self.clock = clock
    loop = try CurlMultiLoop(clock: clock, maximumTransfers: maximumTransfers)
  }

  /// Ends every transfer with `cancelled` and waits for the thread, some milliseconds: not for the cooperative pool.
  package func shutdown() { loop.shutdown() }

  /// The whole answer, whatever its status.
  package func send(_ request: HTTPExchange.Request) async throws(TransportError) -> HTTPExchange.Response {
    let (head, channel) = try await open(request)
    var body: [UInt8] = []
    while let event = try await channel.next() {
      if case .bytes(let bytes) = event { body.append(contentsOf: bytes) }
    }
    return HTTPExchange.Response(head: head, body: body)
  }

  /// Returns with the answer's head; the body follows as it arrives.
  package func stream(_ request: HTTPExchange.Request) async throws(TransportError) -> HTTPExchange.StreamedResponse {
    let (head, channel) = try await open(request)
    return HTTPExchange.StreamedResponse(head: head, body: HTTPExchange.ResponseBody(channel))
  }

  /// Makes hop after hop until an answer is no redirect to follow.
  private func open(
    _ request: HTTPExchange.Request
  ) async throws(TransportError) -> (HTTPExchange.Head, ResponseChannel) {
    let deadline = request.timeouts.total.map { clock.now + $0 }
    var hop = try RedirectHop(request)
    for _ in 0...max(0, request.followRedirects) {
      let (head, channel) = try await begin(hop, deadline)
      guard request.followRedirects > 0, let location = hop.redirect(in: head) else { return (head, channel) }
      channel.cancel()
      hop = try hop.following(location)
    }
    throw TransportError(.tooManyRedirects, "more than \(request.followRedirects) redirects", wasSent: true)
  }

  private func begin(
    _ hop: RedirectHop, _ deadline: ContinuousClock.Instant?
  ) async throws(TransportError) -> (HTTPExchange.Head, ResponseChannel) {
    try hop.checkEgress()
    let id = loop.mailbox.nextID()
    let channel = ResponseChannel(id: id, mailbox: loop.mailbox)
    do throws(TransportError) {
      guard !Task.isCancelled else { throw TransportError(.cancelled, "the caller went away") }
      try start(TransferOrder(id: id, url: hop.url, request: hop.request, deadline: deadline), channel)
      guard case .head(let head) = try await channel.next() else {
        throw TransportError(.malformed, "\(hop.url.hostAndPort): the answer has no head")
      }
      return (head, channel)
    } catch {
      throw error.sent(hop.wasSent)
    }
  }

  private func start(_ order: TransferOrder, _ channel: ResponseChannel) throws(TransportError) {
    do throws(CurlMailbox.Refusal) {
      try loop.mailbox.start(order, channel)
    } catch {
      switch error {
      case .closed: throw TransportError(.cancelled, "the transport was shut down")
      case .full:
        throw TransportError(.unreachable, "more than \(loop.mailbox.maximumTransfers) transfers at once")
      }
    }
  }
}
