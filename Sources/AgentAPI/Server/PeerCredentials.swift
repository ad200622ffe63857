import NIOCore

/// Who is at the other end of a unix socket, as the kernel noted when it connected (unix(7), SO_PEERCRED).
struct PeerCredentials: Sendable {
  var uid: UInt32
  /// The peer's own and supplementary groups.
  var groups: Set<UInt32>

  /// Laid out as `struct ucred`.
  private struct Credentials: Sendable {
    var pid: Int32 = 0
    var uid: UInt32 = 0
    var gid: UInt32 = 0
  }

  /// SO_PEERCRED and SO_PEERGROUPS of asm-generic/socket.h.
  private static let credentialsOption = NIOBSDSocket.Option(rawValue: 17)
  private static let groupsOption = NIOBSDSocket.Option(rawValue: 59)

  /// Nil when the kernel does not say.
  static func of(_ channel: any Channel) async -> PeerCredentials? {
    guard let options = channel as? any SocketOptionProvider else { return nil }
    let asked: EventLoopFuture<Credentials> = options.unsafeGetSocketOption(level: .socket, name: credentialsOption)
    // A connection that is gone has no peer; the answer could not be sent either.
    guard let credentials = try? await asked.get() else { return nil }
    var groups: Set<UInt32> = [credentials.gid]
    // Room for 256: with more the kernel refuses (ERANGE).
    let list: EventLoopFuture<InlineArray<256, UInt32>> = options.unsafeGetSocketOption(
      level: .socket, name: groupsOption)
    // Refused for a peer in very many groups: its own group stands alone then.
    if let found = try? await list.get() {
      // The rest of the list is zero; root's group makes nobody an administrator.
      for index in found.indices where found[index] != 0 { groups.insert(found[index]) }
    }
    return PeerCredentials(uid: credentials.uid, groups: groups)
  }
}
