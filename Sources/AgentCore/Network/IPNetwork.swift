/// All addresses that begin with the same bits: `10.1.0.0/16`.
package struct IPNetwork: Sendable, Hashable, CustomStringConvertible {
  /// Its bits past `prefixLength` are zero.
  package let first: IPAddress
  package let prefixLength: Int

  /// Reads `10.1.0.0/16` or `fd00::/8`; nil for anything else, an address with bits past the prefix included, since
  /// `10.1.2.3/16` leaves open which of two things was meant. A network inside ::ffff:0:0/96 becomes the IPv4 one.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = IPAddress(parts[0]), let length = UInt16(decimalDigits: parts[1]),
      parts[1].utf8.count == 1 || !parts[1].hasPrefix("0")
    else { return nil }
    var prefix = Int(length)
    if case .v6 = address, case .v4 = address.unmapped, (96...128).contains(prefix) { prefix -= 96 }
    let first = prefix == Int(length) ? address : address.unmapped
    guard prefix <= Self.width(of: first), Self.masked(first, prefix) == first else { return nil }
    (self.first, prefixLength) = (first, prefix)
  }

  /// Whether the address lies in it. Addresses of the other family never do.
  package func contains(_ address: IPAddress) -> Bool { Self.masked(address, prefixLength) == first }

  package var description: String { "\(first)/\(prefixLength)" }

  private static func width(of address: IPAddress) -> Int { if case .v4 = address { 32 } else { 128 } }

  private static func masked(_ address: IPAddress, _ prefix: Int) -> IPAddress {
    switch address {
    // Swift's `<<` gives 0 for a shift by the whole width, which is the mask of a prefix of no bits.
    case .v4(let number): .v4(number & UInt32.max << (32 - prefix))
    case .v6(let number): .v6(number & UInt128.max << (128 - prefix))
    }
  }
}
