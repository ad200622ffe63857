import AgentCore
import Glibc

/// The file that a script names as witness of the calls: one JSON line each.
struct SandboxCallLog {
  var path: String

  /// Adds one line with a single appending write, so that lines of several processes never mix. Throws
  /// `.providerRejected`, which no retry mends, when the file cannot be opened or takes only a part.
  func append(_ line: JSONValue) throws(ProviderError) {
    let bytes = line.encoded() + [UInt8(ascii: "\n")]
    // Without waiting: a pipe that nobody reads would hold the caller for ever.
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o600)
    guard descriptor >= 0 else { throw failure(errno) }
    defer { close(descriptor) }
    let written = write(descriptor, bytes, bytes.count)
    guard written == bytes.count else { throw failure(written < 0 ? errno : ENOSPC) }
  }

  private func failure(_ number: Int32) -> ProviderError {
    ProviderError(
      .providerRejected, "the sandbox script's log \(path) cannot be written: \(String(cString: strerror(number)))")
  }
}
