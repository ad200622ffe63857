import AgentAPI
import AgentConfig
import HTTPTransport
import Synchronization

/// The addresses that take connections: announced together once all do, and known to the egress rules.
final class BoundListeners: Sendable {
  private let configured: [SocketAddress]
  private let expected: Int
  private let addresses = Mutex<[Int: BoundAddress]>([:])

  /// `configured`: what will be bound. The engine may run a tool before the last of them is.
  init(configured: [ListenAddress], expected: Int) {
    self.configured = configured.filter { $0.port != 0 }.flatMap { address in
      // The one name that may stand there; which of the two it becomes is known once it is bound.
      let hosts = address.host == "localhost" ? ["127.0.0.1", "::1"] : [address.host]
      return hosts.compactMap { Self.socketAddress($0, address.port) }
    }
    self.expected = expected
  }

  /// All of them, by their places, when this one was the last; none before.
  func add(_ address: BoundAddress, at place: Int) -> [BoundAddress] {
    addresses.withLock { addresses in
      addresses[place] = address
      guard addresses.count == expected else { return [] }
      return addresses.sorted { $0.key < $1.key }.map(\.value)
    }
  }

  /// Where a client on this machine reaches the service: the unix socket where there is one. Nil until one is bound.
  var ownAddress: ServerAddress? {
    let bound = addresses.withLock { $0.sorted { $0.key < $1.key }.map(\.value) }
    for case .socket(let path) in bound { return .socket(path) }
    for case .tcp(let host, let port) in bound {
      // Bound to every address: reached at loopback's.
      let reached = ["0.0.0.0": "127.0.0.1", "::": "::1"][host] ?? host
      return .url(BoundAddress.tcp(host: reached, port: port).description)
    }
    return nil
  }

  /// What is bound, and what is going to be.
  var socketAddresses: [SocketAddress] {
    let bound = addresses.withLock { $0.sorted { $0.key < $1.key }.map(\.value) }
    return configured
      + bound.compactMap { address -> SocketAddress? in
        guard case .tcp(let host, let port) = address else { return nil }
        return Self.socketAddress(host, port)
      }.filter { !configured.contains($0) }
  }

  private static func socketAddress(_ host: String, _ port: Int) -> SocketAddress? {
    SocketAddress(host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)")
  }
}
