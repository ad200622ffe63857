import AgentCore

/// An address and a port: `127.0.0.1:9000`, `[::1]:9000`.
package struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
  package var address: IPAddress
  package var port: UInt16

  package init(_ address: IPAddress, port: UInt16) { (self.address, self.port) = (address, port) }

  /// Reads `127.0.0.1:9000` or `[::1]:9000`; nil for anything else and for port 0.
  package init?(_ text: String) {
    guard let (address, port) = IPAddress.withPort(text) else { return nil }
    self.init(address, port: port)
  }

  package var description: String {
    if case .v6 = address { "[\(address)]:\(port)" } else { "\(address):\(port)" }
  }
}
