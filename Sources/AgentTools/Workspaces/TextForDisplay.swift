/// Names and lines made safe to show: no control character reaches a terminal, a log or a model unseen.
package enum TextForDisplay {
  /// False for C0, DEL, C1, the line and paragraph separators, and characters that change the writing direction.
  package static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029: false
    case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: false
    default: true
    }
  }

  /// The first 200 characters of what a caller wrote, safe to show in an error.
  package static func escaped(_ text: String) -> String {
    escaped(Array(String(String.UnicodeScalarView(text.unicodeScalars.prefix(200))).utf8))
  }

  /// A name as text: whatever is not plain becomes `\u{1B}`, bytes that are not UTF-8 become `\xFF`.
  package static func escaped(_ bytes: [UInt8]) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      return bytes.map { (0x20..<0x7F).contains($0) ? String(Unicode.Scalar($0)) : "\\x" + hexadecimal(UInt32($0)) }
        .joined()
    }
    if text.unicodeScalars.allSatisfy(isPlain) { return text }
    return text.unicodeScalars.map { isPlain($0) ? String($0) : "\\u{" + hexadecimal($0.value) + "}" }.joined()
  }

  private static func hexadecimal(_ number: UInt32) -> String {
    let digits = String(number, radix: 16, uppercase: true)
    return digits.count < 2 ? "0" + digits : digits
  }
}
