import AgentCore
import Glibc
import Logging

/// One event as one line: whatever a caller, a model or a tool wrote, it stays on its line and cannot steer a terminal.
struct LogLine {
  /// A longer message is cut: nobody reads more, and one event must not fill the file.
  static let maximumMessageBytes = 16 * 1024
  /// The same for one field's value.
  static let maximumValueBytes = 4 * 1024
  /// More fields than any of our events has.
  static let maximumFields = 64
  /// The fields that readers look for come first, in this order; others follow by name.
  private static let leadingFields = [
    "task", "agent", "provider", "tool", "step", "principal", "request", "duration_ms", "error",
  ]

  enum Value {
    case text(String)
    /// A number or a boolean: bare in JSON.
    case bare(String)
  }

  var time: Timestamp
  var level: Logger.Level
  var component: String
  var message: String
  var fields: [String: Value]

  /// The line with its line break.
  func encoded(as format: LogFormat) -> [UInt8] {
    var line = format == .text ? textLine() : jsonLine()
    line += "\n"
    return Array(line.utf8)
  }

  private func textLine() -> String {
    var line = "\(time.text) \(level.rawValue.uppercased()) \(Self.word(component)) "
    Self.append(Self.cut(message, Self.maximumMessageBytes), isQuoted: false, to: &line)
    for (name, value) in ordered() {
      line += " \(Self.word(name))="
      switch value {
      case .bare(let text): line += text
      case .text(let text):
        let isQuoted = text.isEmpty || text.unicodeScalars.contains(where: Self.needsQuotes)
        if isQuoted { line += "\"" }
        Self.append(Self.cut(text, Self.maximumValueBytes), isQuoted: isQuoted, to: &line)
        if isQuoted { line += "\"" }
      }
    }
    return line
  }

  private func jsonLine() -> String {
    var line = "\(Self.jsonStart)\(time.text)\",\"level\":\"\(level.rawValue.uppercased())\""
    Self.append(member: "component", .text(component), to: &line)
    line += ",\"message\":\""
    Self.append(Self.cut(message, Self.maximumMessageBytes), isQuoted: true, to: &line)
    line += "\""
    for (name, value) in ordered() {
      // A field must not overwrite the line's own members.
      let isTaken = ["time", "level", "component", "message"].contains(name)
      Self.append(member: isTaken ? "field_\(name)" : name, value, to: &line)
    }
    return line + "}"
  }

  private func ordered() -> [(name: String, value: Value)] {
    let leading = Self.leadingFields.compactMap { name in fields[name].map { (name, $0) } }
    let others = fields.filter { !Self.leadingFields.contains($0.key) }.sorted { $0.key < $1.key }
    return Array((leading + others.map { ($0.key, $0.value) }).prefix(Self.maximumFields))
  }

  private static func append(member name: String, _ value: Value, to line: inout String) {
    line += ",\""
    append(name, isQuoted: true, to: &line)
    line += "\":"
    switch value {
    case .bare(let text): line += text
    case .text(let text):
      line += "\""
      append(cut(text, maximumValueBytes), isQuoted: true, to: &line)
      line += "\""
    }
  }

  /// Names and components stand bare: anything but letters, digits, `_`, `-`, `.` becomes `_`.
  private static func word(_ text: String) -> String {
    let scalars = text.unicodeScalars.prefix(128).map { scalar -> Unicode.Scalar in
      let isKept = scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
      return isKept || scalar == "_" || scalar == "-" || scalar == "." ? scalar : "_"
    }
    guard !scalars.isEmpty else { return "_" }
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  private static func cut(_ text: String, _ maximumBytes: Int) -> Substring {
    guard text.utf8.count > maximumBytes else { return text[...] }
    var end = text.utf8.index(text.utf8.startIndex, offsetBy: maximumBytes)
    while end > text.startIndex, end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
    return Substring(text[..<end] + "…")
  }

  private static func needsQuotes(_ scalar: Unicode.Scalar) -> Bool {
    scalar == " " || scalar == "\"" || scalar == "\\" || scalar == "=" || isEscaped(scalar)
      || scalar.properties.isWhitespace
  }

  /// Breaks a line for some reader, steers a terminal, or turns the order of what is shown.
  private static func isEscaped(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F...0x9F, 0x2028...0x2029: true
    // Bidirectional controls and marks (UAX #9) and the byte order mark.
    case 0x61C, 0x200E...0x200F, 0x202A...0x202E, 0x2066...0x2069, 0xFEFF: true
    default: false
    }
  }

  /// Appends with JSON's escapes (RFC 8259, section 7); the backslash and the quote only within quotes.
  private static func append(_ text: some StringProtocol, isQuoted: Bool, to line: inout String) {
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": line += "\\n"
      case "\r": line += "\\r"
      case "\t": line += "\\t"
      case "\"" where isQuoted: line += "\\\""
      case "\\" where isQuoted: line += "\\\\"
      case _ where isEscaped(scalar):
        let digits = String(scalar.value, radix: 16)
        line += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: line.unicodeScalars.append(scalar)
      }
    }
  }
}

extension LogLine {
  /// The time of the first line of a log in either format; nil when the file has none.
  static func firstTime(inFile path: String) -> Timestamp? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    // `{"time":"` and one time are less.
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = read(descriptor, &bytes, bytes.count)
    let head = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    let start = head.hasPrefix(jsonStart) ? head.dropFirst(jsonStart.count) : head[...]
    return Timestamp(rfc3339: String(start.prefix { $0 != " " && $0 != "\"" }))
  }

  private static let jsonStart = "{\"time\":\""
}
