/// What writers put in the place of a byte or a character. Each is read wherever it stands, for writers differ in which
/// characters they escape.
enum TextEscape: Sendable {
  /// `\"`, `\/`, `\n`, `\u002b`, pairs of surrogates (RFC 8259 section 7).
  case json
  /// `%2b`, digits of either case (RFC 3986 section 2.1).
  case percent
  /// The same with `+` for a space.
  case form
  /// `&amp;`, `&#43;`, `&#x2B;`.
  case html
  /// A break between two letters of base64, which stands for nothing (RFC 2045 section 6.8).
  case lineBreak

  /// The most bytes that an escape which has not ended may take.
  static let longestTorn = 12

  /// Whether an escape may begin so.
  func begins(with byte: UInt8) -> Bool {
    switch self {
    case .json: byte == UInt8(ascii: "\\")
    case .percent: byte == UInt8(ascii: "%")
    case .form: byte == UInt8(ascii: "%") || byte == UInt8(ascii: "+")
    case .html: byte == UInt8(ascii: "&")
    case .lineBreak: byte == 0x0A || byte == 0x0D
    }
  }

  /// Writes what stands at `start`; the place behind it, nil where that is no escape.
  func read(_ bytes: [UInt8], at start: Int, into result: inout [UInt8]) -> Int? {
    switch self {
    case .json: return Self.readJSON(bytes, start, &result)
    case .percent, .form:
      if bytes[start] == UInt8(ascii: "+") {
        result.append(UInt8(ascii: " "))
        return start + 1
      }
      guard let value = Self.number(bytes, start + 1, digits: 2) else { return nil }
      result.append(UInt8(truncatingIfNeeded: value))
      return start + 3
    case .html: return Self.readHTML(bytes, start, &result)
    case .lineBreak: return start + 1
    }
  }

  /// Whether the text ends within what may become an escape there.
  func isTorn(_ bytes: [UInt8], at start: Int) -> Bool {
    let rest = bytes[(start + 1)...]
    switch self {
    case .json: return Self.isTornJSON(bytes, start)
    case .percent, .form:
      return bytes[start] == UInt8(ascii: "%") && rest.count < 2 && rest.allSatisfy { Self.digit($0) != nil }
    case .html: return rest.count < Self.longestEntity && rest.allSatisfy(Self.isEntityLetter)
    case .lineBreak: return false
    }
  }

  // MARK: JSON

  private static func readJSON(_ bytes: [UInt8], _ start: Int, _ result: inout [UInt8]) -> Int? {
    guard start + 1 < bytes.count else { return nil }
    switch bytes[start + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(bytes[start + 1])
    case UInt8(ascii: "n"): result.append(0x0A)
    case UInt8(ascii: "r"): result.append(0x0D)
    case UInt8(ascii: "t"): result.append(0x09)
    case UInt8(ascii: "b"): result.append(0x08)
    case UInt8(ascii: "f"): result.append(0x0C)
    case UInt8(ascii: "u"): return readUnits(bytes, start, &result)
    default: return nil
    }
    return start + 2
  }

  private static func readUnits(_ bytes: [UInt8], _ start: Int, _ result: inout [UInt8]) -> Int? {
    guard let high = unit(bytes, start) else { return nil }
    guard isHigh(high) else { return append(high, to: &result) ? start + 6 : nil }
    guard let low = unit(bytes, start + 6), 0xDC00..<0xE000 ~= low else { return nil }
    return append(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00), to: &result) ? start + 12 : nil
  }

  private static func isTornJSON(_ bytes: [UInt8], _ start: Int) -> Bool {
    guard let high = unit(bytes, start) else { return mayBecomeUnit(bytes[start...]) }
    return isHigh(high) && mayBecomeUnit(bytes[(start + 6)...])
  }

  private static func isHigh(_ unit: UInt32) -> Bool { 0xD800..<0xDC00 ~= unit }

  /// Of `\uXXXX`.
  private static func unit(_ bytes: [UInt8], _ start: Int) -> UInt32? {
    guard start + 1 < bytes.count, bytes[start] == UInt8(ascii: "\\"), bytes[start + 1] == UInt8(ascii: "u") else {
      return nil
    }
    return number(bytes, start + 2, digits: 4)
  }

  private static func mayBecomeUnit(_ rest: ArraySlice<UInt8>) -> Bool {
    rest.count < 6 && rest.prefix(2).elementsEqual(#"\u"#.utf8.prefix(rest.count))
      && rest.dropFirst(2).allSatisfy { digit($0) != nil }
  }

  // MARK: HTML

  /// `&#1114111;` less its beginning.
  private static let longestEntity = 9
  private static let entities: [(name: [UInt8], byte: UInt8)] = [
    (Array("amp".utf8), UInt8(ascii: "&")), (Array("lt".utf8), UInt8(ascii: "<")),
    (Array("gt".utf8), UInt8(ascii: ">")),
    (Array("quot".utf8), UInt8(ascii: "\"")), (Array("apos".utf8), UInt8(ascii: "'")),
  ]

  private static func isEntityLetter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "#"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"):
      true
    default: false
    }
  }

  private static func readHTML(_ bytes: [UInt8], _ start: Int, _ result: inout [UInt8]) -> Int? {
    let rest = bytes[(start + 1)...].prefix(longestEntity)
    guard let end = rest.firstIndex(of: UInt8(ascii: ";")), let first = rest.first else { return nil }
    let name = rest[..<end]
    if first != UInt8(ascii: "#") {
      guard let entity = entities.first(where: { name.elementsEqual($0.name) }) else { return nil }
      result.append(entity.byte)
      return end + 1
    }
    let isHexadecimal = name.dropFirst().first.map { $0 | 0x20 == UInt8(ascii: "x") } ?? false
    var code: UInt32 = 0
    let digits = name.dropFirst(isHexadecimal ? 2 : 1)
    for byte in digits {
      guard let digit = digit(byte), isHexadecimal || digit < 10 else { return nil }
      code = code * (isHexadecimal ? 16 : 10) + digit
    }
    return !digits.isEmpty && append(code, to: &result) ? end + 1 : nil
  }

  // MARK: numbers

  private static func append(_ code: UInt32, to result: inout [UInt8]) -> Bool {
    guard let scalar = Unicode.Scalar(code) else { return false }
    guard code >= 0x80 else {
      result.append(UInt8(code))
      return true
    }
    result += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
    return true
  }

  private static func number(_ bytes: [UInt8], _ start: Int, digits: Int) -> UInt32? {
    guard start + digits <= bytes.count else { return nil }
    var number: UInt32 = 0
    for place in start..<(start + digits) {
      guard let digit = digit(bytes[place]) else { return nil }
      number = number << 4 | digit
    }
    return number
  }

  private static func digit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }
}
