/// One entry of an agent's `allow_hosts`. The configuration and the rule that guards connections read it with this one
/// parser, so that nothing is taken at the start and then silently opens nothing.
package enum AllowedHost: Sendable, Hashable {
  /// `api.example.org`: opens the global addresses of that name.
  case name(String)
  /// `127.0.0.1:9000`, `[::1]:9000`: opens just that, in a denied block or not.
  case endpoint(IPAddress, port: UInt16)
  /// `10.1.0.0/16`: opens just those addresses, on every port, in a denied block or not.
  case network(IPNetwork)

  /// Nil for what is none of the three. An address without a port counts as a name, so it opens itself if it is global.
  package init?(_ text: String) {
    if let network = IPNetwork(text) {
      self = .network(network)
    } else if let (address, port) = IPAddress.withPort(text) {
      self = .endpoint(address.unmapped, port: port)
    } else {
      switch NetworkHost(text) {
      case .name(let name): self = .name(name)
      case .address(let address): self = .name(NetworkHost.address(address).text)
      case .irregular, nil: return nil
      }
    }
  }
}
