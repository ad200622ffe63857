/// How a text is read any of whose characters may be percent-encoded (RFC 3986 section 2.1), by digits of either case:
/// writers differ in which they encode.
struct PercentReading {
  /// `%2541` is read as `%41` is: a URL that stands in another one.
  var isTwice: Bool
  /// `+` is read as a space, as forms write it.
  var readsPlus: Bool

  /// The most bytes that stand for one.
  static let longestUnit = 5

  /// What `find` tells.
  enum Finding {
    case none
    /// The text ends before the needle does.
    case begun
    case whole(end: Int)
  }

  /// The ways to read this text that differ from it as it stands.
  static func all(of bytes: [UInt8], readingPlus: Bool) -> [PercentReading] {
    var hasPlus = false
    var (isOnce, isTwice) = (false, false)
    for (place, byte) in bytes.enumerated() {
      if byte == plus { hasPlus = readingPlus }
      guard byte == percent, let value = value(bytes, place + 1) else { continue }
      isOnce = true
      if value == percent, Self.value(bytes, place + 3) != nil {
        isTwice = true
        break
      }
    }
    if isTwice, readingPlus { hasPlus = bytes.contains(plus) }
    return all(isOnce: isOnce, isTwice: isTwice, hasPlus: hasPlus)
  }

  /// The same of a piece of a text, whose end may be torn.
  static func all(ofPiece bytes: [UInt8], readingPlus: Bool) -> [PercentReading] {
    let hasPercent = bytes.contains(percent)
    return all(isOnce: hasPercent, isTwice: hasPercent, hasPlus: readingPlus && bytes.contains(plus))
  }

  private static func all(isOnce: Bool, isTwice: Bool, hasPlus: Bool) -> [PercentReading] {
    var all: [PercentReading] = []
    if isOnce { all.append(PercentReading(isTwice: false, readsPlus: false)) }
    if isTwice { all.append(PercentReading(isTwice: true, readsPlus: false)) }
    if hasPlus {
      all.append(PercentReading(isTwice: false, readsPlus: true))
      if isTwice { all.append(PercentReading(isTwice: true, readsPlus: true)) }
    }
    return all
  }

  /// The byte that is read there, and where the next one stands.
  func unit(_ bytes: [UInt8], _ start: Int) -> (byte: UInt8, next: Int) {
    let byte = bytes[start]
    if byte == Self.plus, readsPlus { return (UInt8(ascii: " "), start + 1) }
    guard byte == Self.percent, let value = Self.value(bytes, start + 1) else { return (byte, start + 1) }
    if isTwice, value == Self.percent, let inner = Self.value(bytes, start + 3) { return (inner, start + 5) }
    return (value, start + 3)
  }

  /// Whether the text ends within what may become an escape there.
  func isTorn(_ bytes: [UInt8], _ start: Int) -> Bool {
    guard bytes[start] == Self.percent else { return false }
    let rest = bytes[(start + 1)...].prefix(4)
    guard rest.count < 4, rest.allSatisfy({ Self.digit($0) != nil }) else { return false }
    return rest.count < 2 || (isTwice && Self.value(bytes, start + 1) == Self.percent)
  }

  func find(_ needle: [UInt8], in bytes: [UInt8], at start: Int) -> Finding {
    var position = start
    for byte in needle {
      guard position < bytes.count, !isTorn(bytes, position) else { return .begun }
      let unit = unit(bytes, position)
      guard unit.byte == byte else { return .none }
      position = unit.next
    }
    return .whole(end: position)
  }

  /// Where the next byte stands that this reads otherwise than it is.
  func nextEscape(in bytes: [UInt8], from start: Int) -> Int? {
    bytes[min(start, bytes.count)...].indices.first { place in
      bytes[place] == Self.percent ? Self.value(bytes, place + 1) != nil : readsPlus && bytes[place] == Self.plus
    }
  }

  private static let percent = UInt8(ascii: "%")
  private static let plus = UInt8(ascii: "+")

  /// Of two hexadecimal digits.
  private static func value(_ bytes: [UInt8], _ start: Int) -> UInt8? {
    guard start + 1 < bytes.count, let high = digit(bytes[start]), let low = digit(bytes[start + 1]) else { return nil }
    return high << 4 | low
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
