/// Which addresses a request may reach. Decided on addresses: a name only says which question to ask.
///
/// Denied is every address that is not globally reachable, and every one of our own listeners, always.
package struct EgressRule: Sendable {
  /// One entry of `allow_hosts`.
  package enum Entry: Sendable, Hashable {
    /// `api.example.org`: opens the global addresses of that name.
    case name(String)
    /// `127.0.0.1:9000`, `[::1]:9000`: opens just that, in a denied block or not.
    case endpoint(SocketAddress)
    /// `10.1.0.0/16`: opens just those addresses, on every port, in a denied block or not.
    case network(IPNetwork)

    /// Nil for what is none of the three: configuration refuses it, and a rule opens nothing for it. An address
    /// without a port counts as a name, so it opens itself if it is global.
    package init?(_ text: String) {
      if let network = IPNetwork(text) {
        self = .network(network)
      } else if let endpoint = SocketAddress(text) {
        self = .endpoint(SocketAddress(endpoint.address.unmapped, port: endpoint.port))
      } else {
        switch HTTPURL.Host(text) {
        case .name(let name): self = .name(name)
        case .address(let address): self = .name(HTTPURL.Host.address(address).text)
        case .irregular, nil: return nil
        }
      }
    }
  }

  private let entries: [Entry]
  private let ownListeners: [SocketAddress]
  private let blocks = SpecialPurposeBlocks()

  /// `ownListeners` are the addresses that this process listens on, wildcards followed by the machine's own
  /// (`SocketAddress.withInterfaces`).
  package init(allowHosts: [String], ownListeners: [SocketAddress]) {
    entries = allowHosts.compactMap(Entry.init)
    self.ownListeners = ownListeners
  }

  /// Whether a connection to this peer may carry a request for that host.
  package func permits(_ peer: SocketAddress, for host: HTTPURL.Host) -> Bool {
    if case .irregular = host { return false }
    if isOwn(peer) { return false }
    let address = peer.address.unmapped
    for entry in entries {
      switch entry {
      case .endpoint(let endpoint): if endpoint == SocketAddress(address, port: peer.port) { return true }
      case .network(let network): if network.contains(address) { return true }
      case .name(let name): if name == host.text, blocks.isGlobal(address) { return true }
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
      return entries.contains { entry in
        switch entry {
        case .name(let allowed): allowed == name
        case .endpoint(let endpoint): endpoint.port == url.port
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
