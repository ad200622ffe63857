import AgentCore
import Glibc

/// Secrets from files: what `api_key_file` and the `*_FILE` variables name.
enum SecretText {
  /// More than any key or token that a header can carry.
  static let maximumBytes = 16 * 1024

  enum Outcome {
    case secret(Secret)
    /// Half a sentence, which names no part of the content.
    case problem(String)
  }

  /// A file's content without the line break at its end.
  static func read(_ path: String) -> Outcome {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return .problem("cannot be opened: \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      return .problem("is not a regular file")
    }
    var bytes = [UInt8](repeating: 0, count: maximumBytes + 1)
    var count = 0
    while count < bytes.count {
      let read = bytes.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count)
      }
      if read < 0, errno == EINTR { continue }
      if read < 0 { return .problem("cannot be read: \(String(cString: strerror(errno)))") }
      if read == 0 { break }
      count += read
    }
    guard count <= maximumBytes else { return .problem("is larger than \(maximumBytes) bytes") }
    guard var text = String(validating: bytes[..<count], as: UTF8.self) else { return .problem("is not UTF-8") }
    while text.last?.isNewline == true { text.removeLast() }
    guard !text.isEmpty else { return .problem("is empty") }
    guard !hasControlCharacter(text) else { return .problem("holds a control character besides the last line break") }
    return .secret(Secret(text))
  }

  static func hasControlCharacter(_ text: String) -> Bool {
    text.unicodeScalars.contains { $0.properties.generalCategory == .control }
  }
}
