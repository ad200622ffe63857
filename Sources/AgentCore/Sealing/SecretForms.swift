/// The ways in which a text may stand in another one: as it is, escaped for JSON or for HTML, in base64 at each of the three
/// places where it can begin in a longer text, and in hexadecimal. What a URL does to any of these is `PercentReading`'s.
enum SecretForms {
  /// Of a longer text the hexadecimal forms are left out: nothing writes files so.
  private static let longText = 4096

  static func all(of text: String) -> Set<[UInt8]> {
    let bytes = Array(text.utf8)
    // Names of hosts come back in lower case.
    var forms: Set<[UInt8]> = [bytes, Array(text.lowercased().utf8)]
    for options in JSONEscape.every {
      let escaped = options.escaped(bytes)
      // And once more: JSON that stands in a string of JSON.
      forms.formUnion([escaped, JSONEscape().escaped(escaped)])
    }
    if bytes.count <= longText {
      for hex in [lowerDigits, upperDigits] { forms.insert(bytes.flatMap { [hex[Int($0 >> 4)], hex[Int($0 & 15)]] }) }
    }
    // Of a body of JSON that is encoded whole, too.
    for text in Set([bytes, JSONEscape().escaped(bytes)]) { forms.formUnion(base64(text)) }
    for apostrophe in ["&#39;", "&#x27;", "&apos;"] { forms.insert(html(bytes, apostrophe)) }
    return forms
  }

  /// How a writer of JSON may write a string, quotes left out.
  struct JSONEscape {
    var isASCII = false
    var escapesSlash = false
    var escapesHTML = false
    var digits = SecretForms.lowerDigits

    static var every: [JSONEscape] {
      var all: [JSONEscape] = []
      for number in 0..<16 {
        all.append(
          JSONEscape(
            isASCII: number & 1 != 0, escapesSlash: number & 2 != 0, escapesHTML: number & 4 != 0,
            digits: number & 8 != 0 ? upperDigits : lowerDigits))
      }
      return all
    }

    func escaped(_ bytes: [UInt8]) -> [UInt8] {
      var result: [UInt8] = []
      for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
        switch scalar {
        case "\"": result += #"\""#.utf8
        case "\\": result += #"\\"#.utf8
        case "\n": result += #"\n"#.utf8
        case "\r": result += #"\r"#.utf8
        case "\t": result += #"\t"#.utf8
        case "/" where escapesSlash: result += #"\/"#.utf8
        case "<", ">", "&", "'": if escapesHTML { unit(UInt16(scalar.value), &result) } else { result += scalar.bytes }
        case _ where scalar.value < 0x20 || scalar.value == 0x7F: unit(UInt16(scalar.value), &result)
        case _ where isASCII && !scalar.isASCII: for code in String(scalar).utf16 { unit(code, &result) }
        default: result += scalar.bytes
        }
      }
      return result
    }

    private func unit(_ code: UInt16, _ result: inout [UInt8]) {
      result += #"\u"#.utf8
      for shift in [12, 8, 4, 0] { result.append(digits[Int(code >> shift) & 15]) }
    }
  }

  fileprivate static let lowerDigits = Array("0123456789abcdef".utf8)
  fileprivate static let upperDigits = Array("0123456789ABCDEF".utf8)

  private static func html(_ bytes: [UInt8], _ apostrophe: String) -> [UInt8] {
    bytes.flatMap { byte -> [UInt8] in
      switch byte {
      case UInt8(ascii: "&"): Array("&amp;".utf8)
      case UInt8(ascii: "<"): Array("&lt;".utf8)
      case UInt8(ascii: ">"): Array("&gt;".utf8)
      case UInt8(ascii: "\""): Array("&quot;".utf8)
      case UInt8(ascii: "'"): Array(apostrophe.utf8)
      default: [byte]
      }
    }
  }

  private static let standardAlphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let urlAlphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  /// The characters that these bytes alone decide, with 0, 1 or 2 bytes before them, in both alphabets.
  private static func base64(_ bytes: [UInt8]) -> [[UInt8]] {
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

extension Unicode.Scalar {
  fileprivate var bytes: [UInt8] { UTF8.encode(self).map { Array($0) } ?? [] }
}
