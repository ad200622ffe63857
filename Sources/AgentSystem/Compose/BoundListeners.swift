import AgentAPI
import HTTPTransport
import Synchronization

/// The addresses that take connections: announced together once all do, and known to the egress rules.
final class BoundListeners: Sendable {
  private let expected: Int
  private let addresses = Mutex<[Int: BoundAddress]>([:])

  init(expected: Int) { self.expected = expected }

  /// All of them, by their places, when this one was the last; none before.
  func add(_ address: BoundAddress, at place: Int) -> [BoundAddress] {
    addresses.withLock { addresses in
      addresses[place] = address
      guard addresses.count == expected else { return [] }
      return addresses.sorted { $0.key < $1.key }.map(\.value)
    }
  }

  var socketAddresses: [SocketAddress] {
    addresses.withLock { Array($0.values) }.compactMap { address in
      guard case .tcp(let host, let port) = address else { return nil }
      return SocketAddress(host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)")
    }
  }
}
