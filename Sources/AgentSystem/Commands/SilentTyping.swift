import Glibc

/// Keeps what is typed for a secret off the screen, and off whatever records it.
enum SilentTyping {
  /// Signals that end a process while somebody types.
  private static let endings = [SIGINT, SIGQUIT, SIGTERM, SIGHUP]

  /// The terminal is as it was when this returns, also for a caller that is cancelled, and before a signal ends the
  /// process.
  static func during(_ read: @Sendable () async -> String?) async -> String? {
    var before = termios()
    guard tcgetattr(STDIN_FILENO, &before) == 0 else { return await read() }
    let shown = before
    let watches = endings.compactMap { number -> (number: Int32, watch: SignalWatch)? in
      let handler = signal(number, SIG_IGN)
      // As `nohup` starts its command: it stays ignored.
      if unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) { return nil }
      return (
        number,
        SignalWatch(number) {
          restore(shown)
          signal(number, SIG_DFL)
          kill(getpid(), number)
        }
      )
    }
    var silent = before
    silent.c_lflag &= ~tcflag_t(ECHO)
    // The line break that ends it shows: what comes next stands on a line of its own.
    silent.c_lflag |= tcflag_t(ECHONL)
    tcsetattr(STDIN_FILENO, TCSANOW, &silent)
    let line = await read()
    restore(shown)
    for (number, watch) in watches {
      watch.stop()
      signal(number, SIG_DFL)
    }
    return line
  }

  private static func restore(_ settings: termios) {
    var settings = settings
    tcsetattr(STDIN_FILENO, TCSANOW, &settings)
  }
}
