/// Collects status line and fields from libcurl's header lines, and leaves interim (1xx) answers out.
struct ResponseHeadParser {
  enum Step {
    case more
    case complete(HTTPExchange.Head)
    case tooLong
    case malformed
    /// 101.
    case switched
  }

  /// All lines of an answer's head, interim ones included; as much as libcurl itself allows in later versions.
  static let maximumBytes = 300 * 1024

  private(set) var isComplete = false
  private var status: Int?
  private var headers: [(name: String, value: String)] = []
  private var byteCount = 0

  mutating func take(_ line: UnsafeRawBufferPointer) -> Step {
    byteCount += line.count
    guard byteCount <= Self.maximumBytes else { return .tooLong }
    let end = line.lastIndex { $0 != 0x0A && $0 != 0x0D }.map { $0 + 1 } ?? 0
    let text = String(decoding: line[..<end], as: UTF8.self)
    if text.isEmpty { return finish() }
    if text.hasPrefix("HTTP/") {
      let parts = text.split(separator: " ", maxSplits: 2)
      guard parts.count >= 2, let status = Int(parts[1]), (100...999).contains(status) else { return .malformed }
      (self.status, headers) = (status, [])
    } else if text.hasPrefix(" ") || text.hasPrefix("\t") {
      // A folded line (RFC 9112 section 5.2) goes on with the field before.
      if let last = headers.indices.last { headers[last].value += " " + text.trimmingBlanks }
    } else if let colon = text.firstIndex(of: ":") {
      headers.append((text[..<colon].lowercased(), text[text.index(after: colon)...].trimmingBlanks))
    }
    return .more
  }

  private mutating func finish() -> Step {
    guard let status else { return .malformed }
    // 101 would hand the connection over to another protocol, for which nobody asked.
    guard status != 101 else { return .switched }
    guard status >= 200 else { return .more }
    isComplete = true
    return .complete(HTTPExchange.Head(status: status, headers: headers))
  }
}

extension StringProtocol {
  /// Without blanks and tabs at both ends.
  var trimmingBlanks: String {
    let bytes = Array(utf8).drop { $0 == 0x20 || $0 == 0x09 }
    let end = bytes.lastIndex { $0 != 0x20 && $0 != 0x09 }
    return end.map { String(decoding: bytes[...$0], as: UTF8.self) } ?? ""
  }
}
