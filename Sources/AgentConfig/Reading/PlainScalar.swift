/// What an unquoted scalar means: YAML 1.2's core schema (section 10.3), and `ambiguous` wherever YAML 1.1 or another
/// reader would take it differently, so that no value is silently of another type than its author thinks.
enum PlainScalar: Equatable {
  case null
  case flag(Bool)
  case integer(Int64)
  case number(Double)
  case text
  /// The reason is half a sentence: `'yes' is a boolean to some readers of YAML`.
  case ambiguous(reason: String)

  init(_ text: String) {
    switch text {
    case "", "~", "null": self = .null
    case "true": self = .flag(true)
    case "false": self = .flag(false)
    default: self = Self.number(text) ?? Self.doubtful(text) ?? .text
    }
  }

  var typeName: String {
    switch self {
    case .null: "null"
    case .flag: "a boolean"
    case .integer, .number: "a number"
    case .text: "text"
    case .ambiguous: "an ambiguous word"
    }
  }

  /// Numbers as JSON writes them (RFC 8259, section 6).
  private static func number(_ text: String) -> PlainScalar? {
    var rest = Substring(text)
    func digits() -> Int {
      let count = rest.utf8.prefix { (48...57).contains($0) }.count
      rest.removeFirst(count)
      return count
    }
    if rest.first == "-" { rest.removeFirst() }
    let startsWithZero = rest.first == "0"
    let whole = digits()
    guard whole > 0, !(startsWithZero && whole > 1) else { return nil }
    if text == "-0" { return .ambiguous(reason: "'-0' is a fraction to some readers of YAML") }
    if rest.isEmpty {
      return Int64(text).map(PlainScalar.integer) ?? .ambiguous(reason: "'\(text)' does not fit 64 bits")
    }
    if rest.first == "." {
      rest.removeFirst()
      guard digits() > 0 else { return nil }
    }
    if rest.first == "e" || rest.first == "E" {
      rest.removeFirst()
      if rest.first == "+" || rest.first == "-" { rest.removeFirst() }
      guard digits() > 0 else { return nil }
    }
    guard rest.isEmpty, let value = Double(text) else { return nil }
    return value.isFinite ? .number(value) : .ambiguous(reason: "'\(text)' does not fit 64 bits")
  }

  private static func doubtful(_ text: String) -> PlainScalar? {
    let lower = text.lowercased()
    if ["yes", "no", "on", "off", "true", "false", "y", "n"].contains(lower) {
      return .ambiguous(reason: "'\(text)' is a boolean to some readers of YAML")
    }
    if lower == "null" { return .ambiguous(reason: "'\(text)' is null to some readers of YAML") }
    if isDate(lower) { return .ambiguous(reason: "'\(text)' is a date to some readers of YAML") }
    let unsigned = lower.first == "+" || lower.first == "-" ? lower.dropFirst() : lower[...]
    if [".inf", ".nan"].contains(unsigned) {
      return .ambiguous(reason: "'\(text)' is no finite number")
    }
    // Octal, hexadecimal, base 60, thousands marked with '_', a bare point: all begin like this.
    guard let first = unsigned.utf8.first, (48...57).contains(first) || unsigned.first == "." else { return nil }
    let isNumberLike =
      unsigned.utf8.allSatisfy { (48...57).contains($0) || $0 == UInt8(ascii: "_") }
      || ["0x", "0o", "0b"].contains(String(unsigned.prefix(2)))
      || isBase60(unsigned)
      || (unsigned.utf8.count > 1 && Double(unsigned.replacing("_", with: "")) != nil)
    return isNumberLike ? .ambiguous(reason: "'\(text)' is a number to some readers of YAML") : nil
  }

  /// `2001-1-1`, alone or with a time after it (YAML 1.1's timestamp).
  private static func isDate(_ text: String) -> Bool {
    let day = text.prefix { $0 != "t" && $0 != " " && $0 != "\t" }
    let parts = day.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }) else { return false }
    return parts[0].count == 4 && (1...2).contains(parts[1].count) && (1...2).contains(parts[2].count)
  }

  private static func isBase60(_ text: Substring) -> Bool {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    return parts.count > 1 && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } }
  }
}
