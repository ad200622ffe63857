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
    var groups = await allGroups(options)
    groups.insert(credentials.gid)
    return PeerCredentials(uid: credentials.uid, groups: groups)
  }

  /// NGROUPS_MAX of Linux is 65,536. The kernel refuses a list that is too short (ERANGE), so the rare peer in very many
  /// groups is asked again with more room. A function for each size: a frame that is made for every request must not hold
  /// the largest.
  private static func allGroups(_ options: any SocketOptionProvider) async -> Set<UInt32> {
    if let found = await few(options) { return found }
    if let found = await many(options) { return found }
    // The kernel does not say: the peer's own group stands alone then.
    return await most(options) ?? []
  }

  private static func few(_ options: any SocketOptionProvider) async -> Set<UInt32>? {
    let list: InlineArray<256, UInt32>? = await ask(options)
    return list.map { groups($0) }
  }

  private static func many(_ options: any SocketOptionProvider) async -> Set<UInt32>? {
    let list: InlineArray<8192, UInt32>? = await ask(options)
    return list.map { groups($0) }
  }

  private static func most(_ options: any SocketOptionProvider) async -> Set<UInt32>? {
    let list: InlineArray<65_536, UInt32>? = await ask(options)
    return list.map { groups($0) }
  }

  private static func ask<Value: Sendable>(_ options: any SocketOptionProvider) async -> Value? {
    let list: EventLoopFuture<Value> = options.unsafeGetSocketOption(level: .socket, name: groupsOption)
    // See above for what an error means.
    return try? await list.get()
  }

  private static func groups<let count: Int>(_ list: InlineArray<count, UInt32>) -> Set<UInt32> {
    var groups: Set<UInt32> = []
    // The rest of the list is zero; root's group makes nobody an administrator.
    for index in list.indices where list[index] != 0 { groups.insert(list[index]) }
    return groups
  }
}
