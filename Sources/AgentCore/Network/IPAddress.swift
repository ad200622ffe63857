/// One IPv4 or IPv6 address as a number, so that it has one spelling only.
package enum IPAddress: Sendable, Hashable, CustomStringConvertible {
  case v4(UInt32)
  case v6(UInt128)

  /// Reads four decimal numbers without leading zeros, or IPv6 text (RFC 4291 section 2.2) without zone and brackets;
  /// nil for every other spelling that some parsers take (`127.1`, `0x7f.1`, `2130706433`).
  package init?(_ text: some StringProtocol) {
    if text.utf8.contains(UInt8(ascii: ":")) {
      guard let number = Self.number6(text) else { return nil }
      self = .v6(number)
    } else {
      guard let number = Self.number4(text) else { return nil }
      self = .v4(number)
    }
  }

  /// From 4 or 16 bytes in network order; nil for any other count.
  package init?(networkOrder bytes: some Collection<UInt8>) {
    switch bytes.count {
    case 4: self = .v4(bytes.reduce(0) { $0 << 8 | UInt32($1) })
    case 16: self = .v6(bytes.reduce(0) { $0 << 8 | UInt128($1) })
    default: return nil
    }
  }

  private static func number4(_ text: some StringProtocol) -> UInt32? {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var number: UInt32 = 0
    for part in parts {
      guard (1...3).contains(part.count), part.allSatisfy({ (48...57).contains($0) }),
        part.count == 1 || part.first != UInt8(ascii: "0")
      else { return nil }
      let value = part.reduce(UInt32(0)) { $0 * 10 + UInt32($1 - 48) }
      guard value < 256 else { return nil }
      number = number << 8 | value
    }
    return number
  }

  private static func number6(_ text: some StringProtocol) -> UInt128? {
    let text = String(text)
    guard let gap = text.range(of: "::") else {
      guard let groups = groups(of: text), groups.count == 8 else { return nil }
      return joined(groups)
    }
    let left = text[..<gap.lowerBound]
    let right = text[gap.upperBound...]
    guard let head = left.isEmpty ? [] : groups(of: left), !left.contains("."),
      let tail = right.isEmpty ? [] : groups(of: right), head.count + tail.count < 8
    else { return nil }
    return joined(head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail)
  }

  private static func joined(_ groups: [UInt16]) -> UInt128 { groups.reduce(0) { $0 << 16 | UInt128($1) } }

  /// Groups of one to four hexadecimal digits; the last may be an IPv4 address and counts as two.
  private static func groups(of text: some StringProtocol) -> [UInt16]? {
    var groups: [UInt16] = []
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    for (index, part) in parts.enumerated() {
      if index == parts.count - 1, part.contains(".") {
        guard let inner = number4(part) else { return nil }
        groups += [UInt16(inner >> 16), UInt16(inner & 0xFFFF)]
        continue
      }
      // The digits are checked here since `UInt16(_:radix:)` takes a sign, even on an unsigned zero.
      guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isHexDigit), let group = UInt16(part, radix: 16)
      else { return nil }
      groups.append(group)
    }
    return groups
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (97...102).contains(byte | 0x20)
  }

  /// `10.1.2.3`, or IPv6 text as RFC 5952 writes it.
  package var description: String {
    switch self {
    case .v4(let number):
      return (0..<4).map { String(number >> (24 - 8 * UInt32($0)) & 255) }.joined(separator: ".")
    case .v6(let number):
      let groups = (0..<8).map { UInt16(truncatingIfNeeded: number >> (112 - 16 * $0)) }
      let texts = groups.map { String($0, radix: 16) }
      guard let zeros = Self.longestZeros(groups) else { return texts.joined(separator: ":") }
      return texts[..<zeros.lowerBound].joined(separator: ":") + "::"
        + texts[zeros.upperBound...].joined(separator: ":")
    }
  }

  private static func longestZeros(_ groups: [UInt16]) -> Range<Int>? {
    var best: Range<Int>?
    var start = 0
    for index in 0...groups.count where index == groups.count || groups[index] != 0 {
      if index - start > max(1, best?.count ?? 0) { best = start..<index }
      start = index + 1
    }
    return best
  }
}

extension StringProtocol {
  /// The first place of a short ASCII text.
  fileprivate func range(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text), let end = index(start, offsetBy: text.count, limitedBy: endIndex) {
        return start..<end
      }
      start = index(after: start)
    }
    return nil
  }
}

extension IPAddress {
  /// ::ffff:0:0/96 is written as the IPv4 address it is; every other address stays.
  package var unmapped: IPAddress {
    if case .v6(let number) = self, number >> 32 == 0xFFFF { return .v4(UInt32(truncatingIfNeeded: number)) }
    return self
  }

  /// The IPv4 address that a packet to this one ends at: inside NAT64's 64:ff9b::/96 (RFC 6052) and 6to4's 2002::/16
  /// (RFC 3056).
  package var translatedIPv4: IPAddress? {
    guard case .v6(let number) = self else { return nil }
    if number >> 32 == 0x0064_FF9B_0000_0000_0000_0000 { return .v4(UInt32(truncatingIfNeeded: number)) }
    if number >> 112 == 0x2002 { return .v4(UInt32(truncatingIfNeeded: number >> 80)) }
    return nil
  }

  package var isUnspecified: Bool { self == .v4(0) || self == .v6(0) }

  package var isLoopback: Bool {
    switch unmapped {
    case .v4(let number): number >> 24 == 127
    case .v6(let number): number == 1
    }
  }
}

extension IPAddress {
  /// Reads `127.0.0.1:9000` or `[::1]:9000`; nil for anything else and for port 0.
  package static func withPort(_ text: String) -> (address: IPAddress, port: UInt16)? {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(decimalDigits: text[text.index(after: colon)...]),
      port > 0
    else { return nil }
    var host = text[..<colon]
    let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
    if isBracketed { host = host.dropFirst().dropLast() }
    guard let address = IPAddress(host) else { return nil }
    if case .v6 = address { guard isBracketed else { return nil } } else if isBracketed { return nil }
    return (address, port)
  }
}

extension UInt16 {
  /// One to five decimal digits and nothing else.
  package init?(decimalDigits text: some StringProtocol) {
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
    self.init(text)
  }
}
