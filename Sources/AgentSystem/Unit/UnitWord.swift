/// One line of what a service tells its manager (sd_notify(3)).
enum UnitWord: Sendable, Hashable {
  /// The start, or a reload, is done.
  case ready
  case stopping
  /// A reload begins; the time is that of CLOCK_MONOTONIC.
  case reloading(at: Duration)
  /// The process lives.
  case watchdog
  /// A sentence that `systemctl status` shows.
  case status(String)
  /// The start takes longer: it is not to be cut before another message, or before this time has passed.
  case moreTime(Duration)

  var line: String {
    switch self {
    case .ready: "READY=1"
    case .stopping: "STOPPING=1"
    case .reloading(let time): "RELOADING=1\nMONOTONIC_USEC=\(time.wholeMicroseconds)"
    case .watchdog: "WATCHDOG=1"
    case .status(let text): "STATUS=\(TerminalText.line(text))"
    case .moreTime(let time): "EXTEND_TIMEOUT_USEC=\(time.wholeMicroseconds)"
    }
  }
}

extension Duration {
  fileprivate var wholeMicroseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
  }
}
