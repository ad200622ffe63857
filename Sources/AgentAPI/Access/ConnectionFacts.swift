/// Where a request came from, as the kernel says it.
struct ConnectionFacts: Sendable, Hashable {
  enum Peer: Sendable, Hashable {
    /// The unix socket. `groups`: the peer's own and supplementary ones.
    case socket(uid: UInt32, groups: Set<UInt32>)
    /// The unix socket, but the kernel did not name the peer.
    case unknown
    /// TCP.
    case address(isLoopback: Bool)
  }
  var peer: Peer
  /// The address that the client reached, as a literal without port or brackets; nil on the unix socket.
  var localAddress: String?
}
