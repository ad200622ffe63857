import Glibc

/// Keeps what is typed for a secret off the screen, and off whatever records it.
enum SilentTyping {
  /// Signals that end a process while somebody types.
  private static let endings = [SIGINT, SIGQUIT, SIGTERM, SIGHUP]

  /// The terminal, and what each signal does, are as they were when this returns, also for a caller that is cancelled; the
  /// terminal also before a signal ends the process.
  static func during(
    _ signals: [Int32] = endings, on terminal: Int32 = STDIN_FILENO, _ read: @Sendable () async -> String?
  ) async -> String? {
    var before = termios()
    guard tcgetattr(terminal, &before) == 0 else { return await read() }
    let shown = before
    let watches = signals.compactMap { number -> (found: Handler, watch: SignalWatch)? in
      let found = Handler(replacing: number)
      // As `nohup` starts its command: it stays ignored.
      if found.isIgnoring { return nil }
      let watch = SignalWatch(number) {
        restore(shown, on: terminal)
        // Not the handler found: Swift's own for SIGQUIT would show the process's memory, where a secret is being typed.
        signal(number, SIG_DFL)
        kill(getpid(), number)
      }
      return (found, watch)
    }
    var silent = before
    silent.c_lflag &= ~tcflag_t(ECHO)
    // The line break that ends it shows: what comes next stands on a line of its own.
    silent.c_lflag |= tcflag_t(ECHONL)
    tcsetattr(terminal, TCSANOW, &silent)
    let line = await read()
    restore(shown, on: terminal)
    for (found, watch) in watches {
      watch.stop()
      found.putBack()
    }
    return line
  }

  private static func restore(_ settings: termios, on terminal: Int32) {
    var settings = settings
    tcsetattr(terminal, TCSANOW, &settings)
  }

  /// What a signal did before it was ignored.
  private struct Handler: Sendable {
    let number: Int32
    /// The function's address: a function of C is not known to be sendable.
    let address: Int

    init(replacing number: Int32) {
      self.number = number
      let found: __sighandler_t? = signal(number, SIG_IGN)
      address = unsafeBitCast(found, to: Int.self)
    }

    var isIgnoring: Bool { address == unsafeBitCast(SIG_IGN, to: Int.self) }

    func putBack() { signal(number, unsafeBitCast(address, to: __sighandler_t?.self)) }
  }
}
