import AgentCore
import CCurl

/// One easy handle and what its callbacks know. Lives on the loop's thread alone.
final class CurlTransfer {
  let easy: UnsafeMutableRawPointer
  let order: TransferOrder
  let channel: ResponseChannel
  private let clock: ContinuousClock

  /// When the transfer is over, and half a sentence about it: each turn of the loop asks for every transfer's.
  struct Deadline {
    var instant: ContinuousClock.Instant
    var words: String
  }

  /// Set by a callback that ends the transfer, to say why.
  private var abort: TransportError?
  private var head = ResponseHeadParser()
  private var bodyBytes = 0
  private var requestsBegun = 0
  private var isPaused = false
  private var deniedPeer: SocketAddress?
  private var triedPeer = false
  private var silenceDeadline: Deadline?
  private var headerList: UnsafeMutablePointer<curl_slist>?
  private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

  init(
    _ easy: UnsafeMutableRawPointer, _ order: TransferOrder, _ channel: ResponseChannel, _ clock: ContinuousClock
  ) {
    (self.easy, self.order, self.channel, self.clock) = (easy, order, channel, clock)
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
  }

  /// False when libcurl refuses an option; none may be missing, since some of them are the guards.
  func configure() -> Bool {
    let context = Unmanaged.passUnretained(self).toOpaque()
    var setup = CurlSetup(easy)
    setup.apply(order)
    headerList = setup.headerList
    setup.check(agent_curl_set_error_buffer(easy, errorText))
    setup.check(
      agent_curl_set_write(
        easy, { bytes, size, count, context in CurlTransfer.at(context)?.takeBody(bytes, size * count) ?? 0 }, context))
    setup.check(
      agent_curl_set_header(
        easy, { bytes, size, count, context in CurlTransfer.at(context)?.takeHeader(bytes, size * count) ?? 0 },
        context))
    setup.check(
      agent_curl_set_open_socket(
        easy, { context, _, peer in CurlTransfer.at(context)?.openSocket(peer) ?? CURL_SOCKET_BAD }, context))
    setup.check(
      agent_curl_set_prerequest(
        easy,
        { context, peer, _, port, _ in
          let begins = CurlTransfer.at(context)?.beginRequest(peer.map { String(cString: $0) } ?? "", port) ?? false
          return begins ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
        }, context))
    return setup.isComplete
  }

  /// The nearer of the exchange's end and the end of the peer's right to be silent.
  var nextDeadline: Deadline? {
    let total = order.deadline.map { Deadline(instant: $0, words: "the answer took too long in all") }
    guard let silence = silenceDeadline, !isPaused else { return total }
    guard let total else { return silence }
    return total.instant <= silence.instant ? total : silence
  }

  /// What the transfer ends with once that deadline has passed.
  func timeout(_ deadline: Deadline) -> TransportError { TransportError(.timeout, "\(place): \(deadline.words)") }

  /// Lets a held transfer go on. The error that ends it, if libcurl could not hand over what it had kept: it does so
  /// inside the call, and where a callback refuses it libcurl drops that piece, says so here and reads on.
  func resume() -> TransportError? {
    guard isPaused else { return nil }
    isPaused = false
    renewIdle()
    let code = curl_easy_pause(easy, CURLPAUSE_CONT)
    return code == CURLE_OK && abort == nil ? nil : failure(code)
  }

  /// After the handle was taken off its multi handle.
  func close() {
    curl_easy_cleanup(easy)
    curl_slist_free_all(headerList)
    errorText.deallocate()
  }

  /// Why the transfer that ended with this code has no answer; nil when it has one.
  func failure(_ code: CURLcode) -> TransportError? {
    if let abort { return abort }
    if code == CURLE_OK {
      // libcurl takes a head that breaks off for an answer.
      guard !head.isComplete else { return nil }
      return TransportError(.connectionLost, "\(place): the answer broke off in its head", wasSent: true)
    }
    if code == CURLE_COULDNT_CONNECT, !triedPeer, let deniedPeer {
      return TransportError(.egressDenied, "\(place): \(deniedPeer) may not be reached")
    }
    var error = CurlFailure(code, errorText: String(cString: errorText), proxy: proxyTrouble).error(at: place)
    // Lost before the request began, as by a proxy that opens no tunnel: there was no answer to lose.
    if error.code == .connectionLost, requestsBegun == 0 { error.code = .unreachable }
    return error
  }

  /// The proxy, where no request began through it, and what it answered to the wish for a tunnel.
  private var proxyTrouble: CurlFailure.Proxy? {
    guard requestsBegun == 0, let proxy = order.request.proxy else { return nil }
    return CurlFailure.Proxy(proxy, answer: agent_curl_connect_code(easy))
  }

  private var place: String { order.request.unixSocketPath ?? order.url.hostAndPort }

  private static func at(_ context: UnsafeMutableRawPointer?) -> CurlTransfer? {
    context.map { Unmanaged<CurlTransfer>.fromOpaque($0).takeUnretainedValue() }
  }

  private func renewIdle() {
    silenceDeadline = order.request.timeouts.idle.map { Deadline(instant: clock.now + $0, words: "the answer stopped") }
  }
}

// The callbacks.
extension CurlTransfer {
  /// Decides on the address that a new connection would go to.
  private func openSocket(_ peer: UnsafeMutablePointer<curl_sockaddr>?) -> curl_socket_t {
    guard let peer else { return CURL_SOCKET_BAD }
    if agent_curl_peer_is_unix(peer) {
      return order.request.unixSocketPath == nil ? CURL_SOCKET_BAD : agent_curl_open_socket(peer)
    }
    guard let address = agent_curl_peer(peer).flatMap({ SocketAddress($0) }) else { return CURL_SOCKET_BAD }
    guard permits(address) else {
      deniedPeer = address
      return CURL_SOCKET_BAD
    }
    triedPeer = true
    return agent_curl_open_socket(peer)
  }

  /// Called on an open connection, new or reused, before the request's first byte is written.
  private func beginRequest(_ peer: String, _ port: Int32) -> Bool {
    if order.request.unixSocketPath == nil, order.request.egress != nil {
      guard let address = IPAddress(peer), let port = UInt16(exactly: port),
        permits(SocketAddress(address, port: port))
      else {
        abort = TransportError(.egressDenied, "\(place): \(peer) port \(port) may not be reached")
        return false
      }
    }
    requestsBegun += 1
    // libcurl sends a request again by itself when a reused connection closes without an answer.
    guard requestsBegun == 1 else {
      abort = TransportError(.unreachable, "\(place): the connection closed without an answer", wasSent: true)
      return false
    }
    guard channel.mayBegin() else {
      abort = TransportError(.cancelled, "the caller went away")
      return false
    }
    silenceDeadline = order.request.timeouts.firstByte.map {
      Deadline(instant: clock.now + $0, words: "no answer came")
    }
    return true
  }

  /// Through a proxy the peer is the proxy, and the name was judged before the transfer began.
  private func permits(_ peer: SocketAddress) -> Bool {
    guard let rule = order.request.egress, order.request.proxy == nil else { return true }
    return rule.permits(peer, for: order.url.host)
  }

  private func takeHeader(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    renewIdle()
    guard !head.isComplete else { return count }
    switch head.take(UnsafeRawBufferPointer(start: bytes, count: count)) {
    case .more: return count
    case .complete(let answer):
      // Of a refusal the status says more: its page is read up to the limit.
      if answer.status == 200, let length = answer.value(of: "content-length").flatMap(Int.init),
        exceedsLimit(length), order.request.method != "HEAD"
      {
        return stop(tooLarge)
      }
      channel.deliver(answer)
      return count
    case .tooLong:
      return stop(
        TransportError(.tooLarge, "\(place): the answer's head is over \(ResponseHeadParser.maximumBytes) bytes"))
    case .malformed: return stop(TransportError(.malformed, "\(place): the answer's status line is not HTTP"))
    case .switched:
      return stop(
        TransportError(.malformed, "\(place): the answer is 101, a change to another protocol: nobody asked for one"))
    }
  }

  private func takeBody(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    renewIdle()
    guard !exceedsLimit(bodyBytes + count) else { return stop(tooLarge) }
    switch channel.offer(UnsafeRawBufferPointer(start: bytes, count: count)) {
    case .taken:
      bodyBytes += count
      return count
    case .held:
      isPaused = true
      return Int(CURL_WRITEFUNC_PAUSE)
    case .unwanted: return stop(TransportError(.cancelled, "the caller went away"))
    }
  }

  private func exceedsLimit(_ count: Int) -> Bool { order.request.maximumResponseBytes.map { count > $0 } ?? false }

  private var tooLarge: TransportError {
    TransportError(.tooLarge, "\(place): the answer is over \(order.request.maximumResponseBytes ?? 0) bytes")
  }

  /// A count that is not the piece's size makes libcurl end the transfer; an empty piece never comes here.
  private func stop(_ error: TransportError) -> Int {
    abort = error
    return 0
  }
}
