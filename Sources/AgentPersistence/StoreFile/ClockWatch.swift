import AgentCore

/// Tells when UTC moves against the time that really passes, and when it is behind what was stored before.
struct ClockWatch: Sendable {
  private let clock: any WallClock
  /// UTC less uptime, in milliseconds: stays the same but for what is set by hand or by NTP.
  private var offset: Int64
  private var wasBehind = false

  init(_ clock: any WallClock) {
    self.clock = clock
    offset = Self.offset(clock)
  }

  private static func offset(_ clock: any WallClock) -> Int64 {
    clock.now().milliseconds &- clock.uptime().wholeMilliseconds
  }

  /// What is to be logged since the last look.
  mutating func look(isBehind: Bool) -> [(StoreLogLevel, String)] {
    var lines: [(StoreLogLevel, String)] = []
    let newOffset = Self.offset(clock)
    let jump = newOffset &- offset
    offset = newOffset
    if jump.magnitude >= UInt64(StoreMirror.toleratedBackwardMilliseconds) {
      lines.append((.warning, "clock_jumped: UTC moved by \(jump / 1000) s against the time that passed."))
    }
    if isBehind != wasBehind {
      wasBehind = isBehind
      lines.append(
        isBehind
          ? (
            .warning,
            "clock_behind: UTC is more than 5 min behind what is stored; times go on at half pace until it is not."
          )
          : (.info, "clock_behind: over."))
    }
    return lines
  }
}
