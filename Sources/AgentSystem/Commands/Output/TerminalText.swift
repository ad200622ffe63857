/// Makes text from the server safe to show: no control character reaches a terminal.
enum TerminalText {
  /// False for C0, DEL, C1, the line and paragraph separators, and what changes the direction of writing.
  static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029: false
    case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: false
    default: true
    }
  }

  /// For one line: what is not plain becomes `\u{1B}`, a line feed `\n`, a tab `\t`.
  static func line(_ text: String) -> String {
    escaped(text) { scalar in
      switch scalar.value {
      case 0x0A: "\\n"
      case 0x09: "\\t"
      default: nil
      }
    }
  }

  /// For text of many lines: line feeds and tabs stay, a carriage return before a line feed goes.
  static func block(_ text: String) -> String {
    let scalars = Array(text.unicodeScalars)
    if scalars.allSatisfy({ isPlain($0) || $0.value == 0x0A || $0.value == 0x09 }) { return text }
    var result = String.UnicodeScalarView()
    for (index, scalar) in scalars.enumerated() {
      if scalar.value == 0x0D, index + 1 < scalars.count, scalars[index + 1].value == 0x0A { continue }
      if isPlain(scalar) || scalar.value == 0x0A || scalar.value == 0x09 {
        result.append(scalar)
      } else {
        result.append(contentsOf: code(scalar).unicodeScalars)
      }
    }
    return String(result)
  }

  /// JSON text with what is not plain written as JSON's own `\u202e`; the value stays the same.
  static func json(_ text: String) -> String {
    if text.unicodeScalars.allSatisfy(isPlain) { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if isPlain(scalar) {
        result.append(scalar)
      } else {
        let digits = String(scalar.value, radix: 16)
        let padded = "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        result.append(contentsOf: padded.unicodeScalars)
      }
    }
    return String(result)
  }

  private static func escaped(_ text: String, _ own: (Unicode.Scalar) -> String?) -> String {
    if text.unicodeScalars.allSatisfy(isPlain) { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if isPlain(scalar) {
        result.append(scalar)
      } else {
        result.append(contentsOf: (own(scalar) ?? code(scalar)).unicodeScalars)
      }
    }
    return String(result)
  }

  private static func code(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return "\\u{\(digits.count < 2 ? "0" + digits : digits)}"
  }
}
