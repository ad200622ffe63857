/// The host that a URL or an entry of `allow_hosts` names, read once and strictly.
package enum NetworkHost: Sendable, Hashable {
  /// Lower case, without a final dot.
  case name(String)
  case address(IPAddress)
  /// Some parsers take it for an address (`127.1`, `0x7f.1`, `2130706433`, `127.0.0.1.`).
  case irregular(String)

  /// Reads a host name, an IPv4 address, or an IPv6 address in brackets; nil for what is none of these.
  package init?(_ text: some StringProtocol) {
    if text.hasPrefix("["), text.hasSuffix("]") {
      guard let address = IPAddress(text.dropFirst().dropLast()), case .v6 = address else { return nil }
      self = .address(address)
      return
    }
    let hasDot = text.hasSuffix(".")
    let name = (hasDot ? String(text.dropLast()) : String(text)).lowercased()
    let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard name.utf8.count <= 253, let last = labels.last, labels.allSatisfy({ Self.isLabel($0) }) else { return nil }
    if Self.isNumber(last) {
      if !hasDot, let address = IPAddress(name) { self = .address(address) } else { self = .irregular(name) }
    } else {
      self = .name(name)
    }
  }

  /// As it stands in a URL.
  package var text: String {
    switch self {
    case .name(let name), .irregular(let name): name
    case .address(.v4(let number)): IPAddress.v4(number).description
    case .address(.v6(let number)): "[\(IPAddress.v6(number))]"
    }
  }

  private static func isLabel(_ label: some Collection<UInt8>) -> Bool {
    (1...63).contains(label.count)
      && label.allSatisfy { (48...57).contains($0) || (97...122).contains($0) || $0 == 0x2D || $0 == 0x5F }
  }

  /// As the WHATWG URL standard's "ends in a number": such a host is an IPv4 address or nothing.
  private static func isNumber(_ label: some Collection<UInt8>) -> Bool {
    if label.allSatisfy({ (48...57).contains($0) }) { return true }
    let digits = label.dropFirst(2)
    return label.starts(with: "0x".utf8) && digits.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
  }
}
