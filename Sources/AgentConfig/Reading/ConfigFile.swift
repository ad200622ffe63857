import Glibc

/// One file of the configuration folder, read whole.
struct ConfigFile {
  /// Larger than any honest file of ours by far.
  static let maximumBytes = 1 << 20

  enum Outcome {
    case absent
    case text(String)
    /// An issue stands in the log.
    case unreadable
  }

  /// Reads UTF-8, with or without a byte order mark; `keepsMark`: one that is there is part of the text.
  static func read(_ path: String, keepsMark: Bool = false, log: inout IssueLog) -> Outcome {
    // Not blocking: a FIFO under a file's name must not hold the start.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let code = errno
      if code == ENOENT, !exists(path) { return .absent }
      let reason =
        code == ENOENT ? "is a link that leads nowhere" : "cannot be opened: \(String(cString: strerror(code)))"
      log.add(.invalid, reason)
      return .unreadable
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      log.add(.invalid, "is not a regular file")
      return .unreadable
    }
    guard let bytes = contents(of: descriptor, log: &log) else { return .unreadable }
    let body = !keepsMark && bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    guard let text = String(validating: body, as: UTF8.self) else {
      log.add(.invalid, SourceMark(line: lineOfFirstBadByte(body), column: 1), "is not UTF-8")
      return .unreadable
    }
    if let place = body.firstIndex(of: 0) {
      let line = 1 + body[..<place].count(where: { $0 == UInt8(ascii: "\n") })
      log.add(.invalid, SourceMark(line: line, column: 1), "holds NUL")
      return .unreadable
    }
    return .text(text)
  }

  /// Whether the name is there, be it a link that leads nowhere.
  static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// Half a sentence on why a file that something else will read cannot be; nil: it can.
  static func problem(ofReading path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return "cannot be opened: \(String(cString: strerror(errno)))" }
    defer { close(descriptor) }
    var status = stat()
    return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? nil : "is not a regular file"
  }

  /// As `problem(ofReading:)`, of a file of certificates in PEM (RFC 7468), as libcurl takes it.
  static func problem(ofCertificates path: String) -> String? {
    if let problem = problem(ofReading: path) { return problem }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "cannot be opened: \(String(cString: strerror(errno)))" }
    defer { close(descriptor) }
    var log = IssueLog(file: path)
    guard let bytes = contents(of: descriptor, log: &log) else { return "cannot be read, or is far too large" }
    let text = String(decoding: bytes, as: UTF8.self)
    let isThere = text.contains(/-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/)
    return isThere ? nil : "holds no certificate in PEM"
  }

  private static func contents(of descriptor: Int32, log: inout IssueLog) -> [UInt8]? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      if count < 0 {
        log.add(.invalid, "cannot be read: \(String(cString: strerror(errno)))")
        return nil
      }
      if count == 0 { return bytes }
      bytes.append(contentsOf: buffer[..<count])
      guard bytes.count <= maximumBytes else {
        log.add(.invalid, "is larger than \(QuantityText.text(bytes: Int64(maximumBytes)))")
        return nil
      }
    }
  }

  private static func lineOfFirstBadByte(_ bytes: ArraySlice<UInt8>) -> Int {
    var line = 1
    for part in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      if String(validating: part, as: UTF8.self) == nil { return line }
      line += 1
    }
    return line
  }
}
