import AgentCore
import Glibc

/// Secrets from files: what `api_key_file` and the `*_FILE` variables name.
enum SecretText {
  /// More than any key or token that a header can carry.
  static let maximumBytes = 16 * 1024

  /// What may stand in one.
  enum Kind {
    /// What goes into a header: visible ASCII alone, once a byte order mark and white space around it are away.
    case providerKey
    /// Anything but control characters and nothing but white space.
    case text
  }

  enum Outcome: Equatable {
    case secret(Secret)
    /// Half a sentence, which names no part of the content.
    case problem(String)
  }

  /// A file's content without the line break at its end; of a key, without what no key has around it.
  static func read(_ path: String, _ kind: Kind) -> Outcome {
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
    return of(text, kind, breaks: " besides the last line break")
  }

  /// `breaks`: said after "holds a control character".
  static func of(_ text: String, _ kind: Kind, breaks: String = " (a line break, perhaps)") -> Outcome {
    let key = trimmed(text)
    guard !key.isEmpty else { return .problem(text.isEmpty ? "is empty" : "is empty: it holds white space alone") }
    guard kind == .providerKey else {
      return hasControlCharacter(text) ? .problem("holds a control character" + breaks) : .secret(Secret(text))
    }
    guard !hasControlCharacter(key) else { return .problem("holds a control character" + breaks) }
    guard key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      return .problem(
        "holds a character that no key has: a blank, one that cannot be seen, or one beyond ASCII; copy the key anew")
    }
    return .secret(Secret(key))
  }

  /// Without a byte order mark before it, and without white space around it.
  static func trimmed(_ text: String) -> String {
    var scalars = Substring(text).unicodeScalars
    if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
    while scalars.first?.properties.isWhitespace == true { scalars.removeFirst() }
    while scalars.last?.properties.isWhitespace == true { scalars.removeLast() }
    return String(scalars)
  }

  /// RFC 9110, section 5.5, without the bytes beyond ASCII that it keeps for old times' sake.
  static func isHeaderValue(_ text: String) -> Bool {
    text.utf8.allSatisfy { (0x20...0x7E).contains($0) || $0 == 0x09 }
  }

  static func hasControlCharacter(_ text: String) -> Bool {
    text.unicodeScalars.contains { $0.properties.generalCategory == .control }
  }
}
