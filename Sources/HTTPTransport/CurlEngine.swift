import CCurl

/// What the loop's thread runs: takes commands, lets libcurl work, hands out what has ended. Never leaves its thread.
final class CurlEngine {
  private let multi: UnsafeMutableRawPointer
  private let mailbox: CurlMailbox
  private let clock: ContinuousClock
  private var transfers: [TransferID: CurlTransfer] = [:]
  private var identifiers: [UnsafeMutableRawPointer: TransferID] = [:]

  /// Commands wake the loop; this is only how late it would notice a lost wake-up.
  private static let longestPoll = Duration.milliseconds(1000)
  /// Idle connections kept for reuse.
  private static let keptConnections = 64

  init(_ multi: MultiHandle, _ mailbox: CurlMailbox, _ clock: ContinuousClock) {
    (self.multi, self.mailbox, self.clock) = (multi.pointer, mailbox, clock)
    agent_curl_multi_set_long(self.multi, CURLMOPT_MAXCONNECTS, Self.keptConnections)
  }

  func run() {
    while true {
      let (commands, isClosing) = mailbox.take()
      for command in commands { obey(command) }
      if isClosing { break }
      var running: Int32 = 0
      curl_multi_perform(multi, &running)
      collectFinished()
      endOverdue()
      curl_multi_poll(multi, nil, 0, pollMilliseconds(), nil)
    }
    for transfer in Array(transfers.values) {
      end(transfer, TransportError(.cancelled, "the transport was shut down"))
    }
    mailbox.handleWillGo()
    curl_multi_cleanup(multi)
  }

  private func obey(_ command: LoopCommand) {
    switch command {
    case .start(let order, let channel): start(order, channel)
    case .cancel(let id):
      if let transfer = transfers[id] { end(transfer, TransportError(.cancelled, "the caller went away")) }
    case .resume(let id):
      if let transfer = transfers[id], let error = transfer.resume() { end(transfer, error) }
    }
  }

  private func start(_ order: TransferOrder, _ channel: ResponseChannel) {
    guard let easy = curl_easy_init() else {
      mailbox.transferEnded()
      channel.finish(TransportError(.unreachable, "libcurl has no memory"))
      return
    }
    let transfer = CurlTransfer(easy, order, channel, clock)
    transfers[order.id] = transfer
    identifiers[easy] = order.id
    guard transfer.configure(), curl_multi_add_handle(multi, easy) == CURLM_OK else {
      end(transfer, TransportError(.malformed, "libcurl does not take the request"))
      return
    }
  }

  private func collectFinished() {
    var easy: UnsafeMutableRawPointer?
    var code = CURLE_OK
    while agent_curl_multi_next_finished(multi, &easy, &code) {
      guard let easy, let id = identifiers[easy], let transfer = transfers[id] else { continue }
      end(transfer, transfer.failure(code))
    }
  }

  private func endOverdue() {
    let now = clock.now
    for transfer in Array(transfers.values) {
      if let due = transfer.nextDeadline, due.instant <= now {
        end(transfer, transfer.timeout(due))
      }
    }
  }

  private func end(_ transfer: CurlTransfer, _ error: TransportError?) {
    transfers[transfer.order.id] = nil
    identifiers[transfer.easy] = nil
    // Closes a connection that is in use; harmless for a handle that was never added.
    curl_multi_remove_handle(multi, transfer.easy)
    transfer.close()
    mailbox.transferEnded()
    transfer.channel.finish(error)
  }

  /// libcurl shortens it further by its own timers.
  private func pollMilliseconds() -> Int32 {
    let now = clock.now
    let nearest = transfers.values.compactMap { $0.nextDeadline?.instant }.min()
    let wait = min(Self.longestPoll, nearest.map { now.duration(to: $0) } ?? Self.longestPoll)
    // One more than rounded down, else the loop would spin through the last millisecond.
    return wait <= .zero ? 0 : Int32(wait / .milliseconds(1)) + 1
  }
}
