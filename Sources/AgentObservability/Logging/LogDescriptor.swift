import Glibc
import Synchronization

/// An open `app.log`, in append mode; closed with the value.
final class LogDescriptor: Sendable {
  private struct State {
    var size: Int64
    /// A line was cut by a failed write: the next one must not continue it.
    var isMidLine = false
  }
  private let descriptor: Int32
  private let state: Mutex<State>

  /// Nil when the folder cannot be made or the file not be opened; `errno` says why.
  init?(folder: String, name: String) {
    guard Self.makeFolder(folder) else { return nil }
    // Not blocking: a FIFO under the log's name must not hold the service.
    let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW
    let descriptor = open("\(folder)/\(name)", flags, 0o640)
    guard descriptor >= 0 else { return nil }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      errno = EINVAL
      return nil
    }
    // A new file: exactly this mode, whatever the umask.
    if status.st_size == 0 { fchmod(descriptor, 0o640) }
    self.descriptor = descriptor
    state = Mutex(State(size: Int64(status.st_size)))
  }

  deinit { close(descriptor) }

  var size: Int64 { state.withLock { $0.size } }

  func restartSize() { state.withLock { $0.size = 0 } }

  /// False when not all of it got there (disk full, quota).
  func write(_ line: [UInt8]) -> Bool {
    state.withLock { state in
      let bytes = state.isMidLine ? [UInt8(ascii: "\n")] + line : line
      var written = 0
      while written < bytes.count {
        let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        written += count
      }
      state.size += Int64(written)
      if written > 0 { state.isMidLine = written < bytes.count }
      return written == bytes.count
    }
  }

  /// Writes what the descriptor takes at once: a terminal that stands still must not stop the service. False when some
  /// of it did not get there.
  static func writeWithoutBlocking(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    // POLLOUT of a pipe promises room for this much (pipe(7)).
    let chunk = 4096
    var written = 0
    while written < bytes.count {
      var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      guard poll(&poller, 1, 0) == 1, Int32(poller.revents) & POLLOUT != 0 else { return false }
      let end = min(bytes.count, written + chunk)
      let count = bytes[written..<end].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      written += count
    }
    return true
  }

  /// Makes the folder and its parents.
  private static func makeFolder(_ path: String) -> Bool {
    var status = stat()
    if stat(path, &status) == 0 {
      errno = ENOTDIR
      return status.st_mode & S_IFMT == S_IFDIR
    }
    if let slash = path.lastIndex(of: "/"), slash > path.startIndex, !makeFolder(String(path[..<slash])) {
      return false
    }
    return mkdir(path, 0o750) == 0 || errno == EEXIST
  }
}
