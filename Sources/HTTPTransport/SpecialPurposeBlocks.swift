import AgentCore

/// Which addresses a packet can reach from anywhere on the Internet.
///
/// The blocks of IANA's IPv4 and IPv6 Special-Purpose Address Registries with their column "Globally Reachable"; the
/// most specific block decides. What those call "N/A" (deprecated tunnels and relays) counts as not reachable.
package struct SpecialPurposeBlocks: Sendable {
  private let blocks: [(network: IPNetwork, isGlobal: Bool)]

  package init() {
    let local = Self.notGlobal.compactMap(IPNetwork.init).map { (network: $0, isGlobal: false) }
    let global = Self.globalExceptions.compactMap(IPNetwork.init).map { (network: $0, isGlobal: true) }
    blocks = (local + global).sorted { $0.network.prefixLength > $1.network.prefixLength }
  }

  /// Mapped (::ffff:0:0/96), NAT64 (64:ff9b::/96) and 6to4 (2002::/16) addresses are judged by the IPv4 inside.
  package func isGlobal(_ address: IPAddress) -> Bool {
    let address = address.unmapped
    if let inner = address.translatedIPv4 { return isGlobal(inner) }
    if let block = blocks.first(where: { $0.network.contains(address) }) { return block.isGlobal }
    // Of IPv6 only 2000::/3 is given out as global unicast (RFC 4291 section 2.4); the rest is reserved.
    if case .v6(let number) = address { return number >> 125 == 1 }
    return true
  }

  /// How many texts of the table are networks; a test compares it with the table's length.
  package var count: Int { blocks.count }
  package static var tableLength: Int { notGlobal.count + globalExceptions.count }

  private static let notGlobal = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "::/128", "::1/128", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:2::/48", "2001:10::/28",
    "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
  ]

  /// Parts of the blocks above that the registries do call globally reachable.
  private static let globalExceptions = [
    "192.0.0.9/32", "192.0.0.10/32",
    "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:3::/32", "2001:4:112::/48", "2001:20::/28",
    "2001:30::/28",
  ]
}
