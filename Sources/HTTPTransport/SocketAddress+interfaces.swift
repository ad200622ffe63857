import AgentCore
import CCurl
import Glibc

extension SocketAddress {
  /// The listeners with each wildcard (`0.0.0.0`, `::`) followed by this machine's interface addresses on that port.
  ///
  /// Reads the machine's interfaces (`getifaddrs`, some tens of microseconds); they may change, so ask each time. When
  /// they cannot be read the listeners come back as they are.
  package static func withInterfaces(_ listeners: [SocketAddress]) -> [SocketAddress] {
    guard listeners.contains(where: \.address.isUnspecified) else { return listeners }
    let addresses = IPAddress.ofThisMachine()
    return listeners.flatMap { listener in
      guard listener.address.isUnspecified else { return [listener] }
      return [listener] + addresses.map { SocketAddress($0, port: listener.port) }
    }
  }

  /// Reads a C socket address; nil for families other than IPv4 and IPv6.
  init?(_ address: UnsafePointer<sockaddr>) {
    var port: UInt16 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: 16) { buffer, count in
      count =
        switch agent_socket_address(address, buffer.baseAddress, &port) {
        case 4: 4
        case 6: 16
        default: 0
        }
    }
    guard let address = IPAddress(networkOrder: bytes) else { return nil }
    self.init(address, port: port)
  }
}

extension IPAddress {
  /// The addresses of this machine's interfaces as they are now; empty when they cannot be read (`getifaddrs`, some tens
  /// of microseconds). They may change, so ask each time.
  package static func ofThisMachine() -> [IPAddress] {
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0 else { return [] }
    defer { freeifaddrs(first) }
    var addresses: [IPAddress] = []
    var next = first
    while let interface = next {
      if let address = interface.pointee.ifa_addr, let parsed = SocketAddress(address) {
        addresses.append(parsed.address)
      }
      next = interface.pointee.ifa_next
    }
    return addresses
  }
}
