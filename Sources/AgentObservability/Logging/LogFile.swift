import AgentCore
import Glibc
import Logging
import Synchronization

/// The service's log: `FOLDER/app.log` and standard error. Rotates by size and by age itself. Nothing here throws or stops the
/// service: what could not be written is counted.
package final class LogFile: Sendable {
  package struct Options: Sendable, Hashable {
    /// Where `app.log` lies; made with its parents (0750) if absent. Nil: standard error alone.
    package var folder: String?
    package var format: LogFormat
    /// Past this many bytes `app.log` becomes `app.log.1`, that `app.log.2`, and so on.
    package var maximumBytes: Int64
    /// Older files kept; 0 keeps none.
    package var keep: Int
    package init(folder: String?, format: LogFormat = .text, maximumBytes: Int64 = 50_000_000, keep: Int = 10) {
      (self.folder, self.format, self.maximumBytes, self.keep) = (folder, format, maximumBytes, keep)
    }
  }

  private struct State {
    var file: LogDescriptor?
    /// When the file's first line was written, as far as it says so.
    var firstLine: Timestamp?
    /// When the next try to open is due, in uptime; nil: at once.
    var nextTry: Duration?
    var failures: Int64 = 0
    var problem: String?
  }

  /// A full disk or a lost folder is tried again this often, not at every line.
  private static let retryInterval = Duration.seconds(1)

  /// A file whose first line is older is full, whatever its size: a quiet site's files then hold a week each.
  package static let maximumAge = Duration.seconds(7 * 24 * 3600)

  private let clock: any WallClock
  private let options: Options
  /// -1: none.
  private let standardError: Int32
  private let state: Mutex<State>
  private let leastLevel: Mutex<Logger.Level>

  /// Opens the file; when that fails, the log goes to standard error and each later line tries again.
  ///
  /// - Parameter standardError: The descriptor that gets every line too; nil for none. It is not closed.
  package init(clock: any WallClock, options: Options, level: Logger.Level = .info, standardError: Int32? = 2) {
    (self.clock, self.options, self.standardError) = (clock, options, standardError ?? -1)
    state = Mutex(State())
    leastLevel = Mutex(level)
    state.withLock { openIfDue(&$0) }
  }

  /// The least level that loggers without one of their own write. A reload sets it.
  package var level: Logger.Level {
    get { leastLevel.withLock { $0 } }
    set { leastLevel.withLock { $0 = newValue } }
  }

  /// Lines that did not get into the file or to standard error, and rotations that failed, since the start.
  package var failureCount: Int64 { state.withLock { $0.failures } }

  /// Why `app.log` is not open at this moment: a sentence for the start's warning and for the doctor; nil when it is
  /// open or not wanted.
  package var problem: String? { state.withLock { $0.problem } }

  /// A logger that writes here; its label's last part (`agent-system.worker`) is the component.
  package func logger(_ label: String) -> Logger {
    Logger(label: label) { FileLogHandler(label: $0, file: self) }
  }

  /// Closes and opens `app.log` anew, after something else has moved it away (SIGHUP).
  package func reopen() {
    state.withLock { state in
      state.file = nil
      state.nextTry = nil
      openIfDue(&state)
    }
  }

  func write(_ line: LogLine) {
    let bytes = line.encoded(as: options.format)
    state.withLock { state in
      openIfDue(&state)
      if options.folder != nil { writeToFile(bytes, at: line.time, &state) }
      if standardError >= 0, !LogDescriptor.writeWithoutBlocking(bytes, to: standardError) { state.failures += 1 }
    }
  }

  func now() -> Timestamp { clock.now() }

  private func writeToFile(_ bytes: [UInt8], at time: Timestamp, _ state: inout State) {
    if let file = state.file, file.size > 0,
      file.size + Int64(bytes.count) > options.maximumBytes || isOld(state, at: time)
    {
      rotate(&state)
    }
    guard let file = state.file, file.write(bytes) else {
      state.failures += 1
      return
    }
    if state.firstLine == nil { state.firstLine = time }
  }

  private func isOld(_ state: State, at time: Timestamp) -> Bool {
    guard let first = state.firstLine else { return false }
    return first.adding(Self.maximumAge) <= time
  }

  private func openIfDue(_ state: inout State) {
    guard let folder = options.folder, state.file == nil else { return }
    let uptime = clock.uptime()
    if let due = state.nextTry, uptime < due { return }
    state.file = LogDescriptor(folder: folder, name: Self.fileName)
    let code = errno
    // Read from the file, so that a service that is started every day grows no year-old file.
    state.firstLine = state.file == nil ? nil : LogLine.firstTime(inFile: "\(folder)/\(Self.fileName)")
    state.nextTry = state.file == nil ? uptime + Self.retryInterval : nil
    state.problem = state.file == nil ? "\(folder)/\(Self.fileName): \(String(cString: strerror(code)))" : nil
  }

  private static let fileName = "app.log"

  private func rotate(_ state: inout State) {
    guard let folder = options.folder else { return }
    let path = "\(folder)/\(Self.fileName)"
    var isDone = true
    if options.keep == 0 {
      isDone = unlink(path) == 0
    } else {
      // From the oldest down, so that nothing is overwritten but the last; gaps are no error.
      for number in stride(from: options.keep - 1, through: 1, by: -1) {
        _ = rename("\(path).\(number)", "\(path).\(number + 1)")
      }
      isDone = rename(path, "\(path).1") == 0
    }
    guard isDone || errno == ENOENT else {
      state.failures += 1
      // The next try comes after as much again, not at every line.
      state.file?.restartSize()
      state.firstLine = nil
      return
    }
    removeBeyond(path)
    state.file = nil
    state.nextTry = nil
    openIfDue(&state)
  }

  /// Files that a larger `keep` of earlier left behind; they have no gaps.
  private func removeBeyond(_ path: String) {
    var number = options.keep + 1
    while number <= Self.maximumKeep, unlink("\(path).\(number)") == 0 { number += 1 }
  }

  /// The largest `keep` that configuration allows.
  private static let maximumKeep = 1000
}
