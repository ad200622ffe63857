import Hummingbird
import NIOCore

/// What a request knows of its connection.
struct ConnectionContext: InitializableFromSource, Sendable {
  private let channel: (any Channel)?
  private let given: ConnectionFacts?

  init(source: ApplicationRequestContextSource) { (channel, given) = (source.channel, nil) }

  /// Without a connection: what the kernel would have said.
  init(facts: ConnectionFacts) { (channel, given) = (nil, facts) }

  func facts() async -> ConnectionFacts {
    guard let channel else { return given ?? ConnectionFacts(peer: .unknown) }
    guard case .unixDomainSocket = channel.localAddress else {
      let isLoopback = channel.remoteAddress.map(Self.isLoopback) ?? false
      return ConnectionFacts(
        peer: .address(isLoopback: isLoopback), localAddress: channel.localAddress?.ipAddress?.lowercased())
    }
    guard let peer = await PeerCredentials.of(channel) else { return ConnectionFacts(peer: .unknown) }
    return ConnectionFacts(peer: .socket(uid: peer.uid, groups: peer.groups))
  }

  /// Closes the connection at once; what waits to be written is dropped.
  func disconnect() { channel?.close(mode: .all, promise: nil) }

  /// 127/8, ::1, and the first written as IPv6 (RFC 4291, section 2.5.5.2).
  static func isLoopback(_ address: SocketAddress) -> Bool {
    guard var text = address.ipAddress?.lowercased() else { return false }
    if text == "::1" { return true }
    if text.hasPrefix("::ffff:") { text.removeFirst(7) }
    return text.hasPrefix("127.") && text.split(separator: ".").count == 4
  }
}
