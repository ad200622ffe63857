import AgentCore

/// Which addresses a request may reach. Decided on addresses: a name only says which question to ask.
///
/// Denied is every address that is not globally reachable, and every one of our own listeners, always. A name opens no
/// address of this machine either, on any port: to others it may be global, to us it is what stands beside us.
package struct EgressRule: Sendable {
  private let entries: [AllowedHost]
  private let ownListeners: [SocketAddress]
  private let ownAddresses: Set<IPAddress>
  private let blocks = SpecialPurposeBlocks()
  private let isSecret: @Sendable (String) -> Bool

  /// `ownListeners` are the addresses that this process listens on, wildcards followed by the machine's own
  /// (`SocketAddress.withInterfaces`); `ownAddresses` those of its interfaces (`IPAddress.ofThisMachine`). Of a name that
  /// `isSecret` nobody is asked for an address, unless the name itself is listed: the question would tell it.
  package init(
    allowHosts: [String], ownListeners: [SocketAddress], ownAddresses: [IPAddress] = [],
    isSecret: @escaping @Sendable (_ name: String) -> Bool = { _ in false }
  ) {
    self.isSecret = isSecret
    self.ownAddresses = Set(ownAddresses.map(\.unmapped))
    entries = allowHosts.compactMap(AllowedHost.init)
    self.ownListeners = ownListeners
  }

  /// Whether a connection to this peer may carry a request for that host.
  package func permits(_ peer: SocketAddress, for host: HTTPURL.Host) -> Bool {
    if case .irregular = host { return false }
    if isOwn(peer) { return false }
    let address = peer.address.unmapped
    for entry in entries {
      switch entry {
      case .endpoint(let listed, let port): if listed == address, port == peer.port { return true }
      case .network(let network): if network.contains(address) { return true }
      case .name(let name): if name == host.text, blocks.isGlobal(address), !isOurs(address) { return true }
      }
    }
    return false
  }

  /// Whether any address could be permitted: false is final, true is only worth a connection.
  package func mayReach(_ url: HTTPURL) -> Bool {
    switch url.host {
    case .irregular: return false
    case .address(let address): return permits(SocketAddress(address, port: url.port), for: url.host)
    case .name(let name):
      if entries.contains(.name(name)) { return true }
      return !isSecret(name)
        && entries.contains { entry in
          switch entry {
          case .name: false
          case .endpoint(_, let port): port == url.port
          case .network: true
          }
        }
    }
  }

  /// Through a proxy the peer is the proxy and the address unknown: only listed names pass, and no literal address.
  package func permitsThroughProxy(_ host: HTTPURL.Host) -> Bool {
    if case .name(let name) = host { return entries.contains(.name(name)) }
    return false
  }

  /// Of this machine, or translated to an address of it.
  private func isOurs(_ address: IPAddress) -> Bool {
    ownAddresses.contains(address) || address.translatedIPv4.map(ownAddresses.contains) ?? false
  }

  /// The unspecified address reaches the loopback listener, and a wildcard listener answers on loopback too.
  private func isOwn(_ peer: SocketAddress) -> Bool {
    let address = peer.address.unmapped
    let candidates = [address] + (address.translatedIPv4.map { [$0] } ?? [])
    return ownListeners.contains { own in
      guard own.port == peer.port else { return false }
      let listener = own.address.unmapped
      return candidates.contains { candidate in
        candidate == listener
          || listener.isUnspecified && (candidate.isLoopback || candidate.isUnspecified)
          || listener.isLoopback && candidate.isUnspecified
      }
    }
  }
}
