/// The ways in which a text may stand in another one: as it is, in hexadecimal, and in base64 at each of the three places
/// where it can begin in a longer text. What JSON, HTML and URLs do to any of these is undone by a `TextReading`.
enum SecretForms {
  /// Of a longer text hexadecimal and lower case are left out: nothing writes files so, and no name of a host is so long.
  private static let longText = 4096
  /// Of a longer text that JSON escapes, base64 of it escaped is left out.
  private static let longEscapedText = 65_536

  static func plain(_ text: String) -> Set<[UInt8]> {
    let bytes = Array(text.utf8)
    guard bytes.count <= longText else { return [bytes] }
    // Names of hosts come back in lower case.
    var forms: Set<[UInt8]> = [bytes, Array(text.lowercased().utf8)]
    for hex in [lowerDigits, upperDigits] { forms.insert(bytes.flatMap { [hex[Int($0 >> 4)], hex[Int($0 & 15)]] }) }
    return forms
  }

  /// Of a text with that of it escaped which some writers of JSON escape and others do not: `/`, what is not ASCII (digits
  /// of either case), what HTML would read (`<`, `>`, `&`, `'`, `+`, `=`). Empty where nothing of it is.
  static func base64OfOtherJSON(_ text: String) -> Set<[UInt8]> {
    guard text.utf8.count <= longText else { return [] }
    let used = Set(text.unicodeScalars)
    let hasOthers = used.contains { !$0.isASCII }
    // Each set as far as the text has any of it.
    let sets = Set(["", "<>&", "<>&'", "<>&='", "<>&'+\"`"].map { used.intersection($0.unicodeScalars) })
    let slashes = used.contains("/") ? [false, true] : [false]
    guard hasOthers || slashes.count > 1 || sets.count > 1 || used.contains(where: { $0.value < 0x20 }) else {
      return []
    }
    var texts: Set<[UInt8]> = []
    for digits in [lowerDigits, upperDigits] {
      for html in sets {
        for escapesSlash in slashes {
          for escapesOthers in hasOthers ? [false, true] : [false] {
            let spelling = JSONSpelling(
              digits: digits, escapesSlash: escapesSlash, escapesOthers: escapesOthers, html: html)
            texts.insert(spelling.written(text))
          }
        }
      }
    }
    texts.remove(escaped(text))
    texts.remove(Array(text.utf8))
    return texts.reduce(into: []) { $0.formUnion(letters($1)) }
  }

  private static func escaped(_ text: String) -> [UInt8] {
    Array(JSONValue.string(text).encoded().dropFirst().dropLast())
  }

  /// Of a body of JSON that is encoded whole, too.
  static func base64(_ text: String) -> Set<[UInt8]> {
    let bytes = Array(text.utf8)
    var forms = Set(letters(bytes))
    guard bytes.count <= longEscapedText else { return forms }
    let escaped = escaped(text)
    // Twice as long where each byte has its backslash; what is longer is no text.
    if escaped != bytes, escaped.count <= 2 * bytes.count { forms.formUnion(letters(escaped)) }
    return forms
  }

  private static let lowerDigits = Array("0123456789abcdef".utf8)
  private static let upperDigits = Array("0123456789ABCDEF".utf8)

  private static let standardAlphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let urlAlphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  /// The characters that these bytes alone decide, with 0, 1 or 2 bytes before them, in both alphabets.
  private static func letters(_ bytes: [UInt8]) -> [[UInt8]] {
    var forms: [[UInt8]] = []
    for before in 0...2 {
      let sextets = sextets([UInt8](repeating: 0, count: before) + bytes)
      let first = (before * 8 + 5) / 6
      let count = (before + bytes.count) * 8 / 6
      guard first < count else { continue }
      let decided = sextets[first..<count]
      for alphabet in [standardAlphabet, urlAlphabet] { forms.append(decided.map { alphabet[Int($0)] }) }
    }
    return forms
  }

  /// Six bits each, the last ones filled up with zeros.
  private static func sextets(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var (bits, count): (UInt32, Int) = (0, 0)
    for byte in bytes {
      (bits, count) = (bits << 8 | UInt32(byte), count + 8)
      while count >= 6 {
        count -= 6
        result.append(UInt8(bits >> UInt32(count) & 63))
      }
      bits &= (1 << UInt32(count)) - 1
    }
    if count > 0 { result.append(UInt8(bits << UInt32(6 - count) & 63)) }
    return result
  }
}

/// How some writer of JSON spells a text.
private struct JSONSpelling {
  /// Of `\uXXXX`.
  var digits: [UInt8]
  var escapesSlash: Bool
  /// What is not ASCII.
  var escapesOthers: Bool
  /// What it escapes besides, for the sake of HTML.
  var html: Set<Unicode.Scalar>

  func written(_ text: String) -> [UInt8] {
    var result: [UInt8] = []
    for scalar in text.unicodeScalars {
      if html.contains(scalar) || escapesOthers && !scalar.isASCII {
        for unit in String(scalar).utf16 {
          result += #"\u"#.utf8 + (0..<4).map { digits[Int(unit >> (12 - 4 * $0) & 15)] }
        }
      } else if scalar == "/", escapesSlash {
        result += #"\/"#.utf8
      } else if scalar.value >= 0x20, scalar != "\"", scalar != "\\" {
        result += String(scalar).utf8
      } else {
        // Control characters without a letter of their own, with digits of this case.
        let own = JSONValue.string(String(scalar)).encoded().dropFirst().dropLast()
        result += own.starts(with: #"\u"#.utf8) ? own.prefix(2) + own.dropFirst(2).map(cased) : own
      }
    }
    return result
  }

  private func cased(_ digit: UInt8) -> UInt8 {
    let isLetter = digit | 0x20 >= UInt8(ascii: "a")
    return isLetter ? (digits[10] == UInt8(ascii: "a") ? digit | 0x20 : digit & ~0x20) : digit
  }
}
