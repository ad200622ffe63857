import AgentCore

/// Where the API listens and whom it lets in.
package struct APIOptions: Sendable {
  /// What a request over loopback without credentials may do.
  package enum LocalAccess: Sendable {
    /// As installed: `GET /api/agents/status` alone.
    case agentStatusOnly
    /// `agent-system sandbox`.
    case everything
  }

  package struct Bind: Sendable, Hashable {
    /// A name or a literal, IPv6 without brackets.
    package var host: String
    /// 0: a free one.
    package var port: Int
    package init(host: String, port: Int) { (self.host, self.port) = (host, port) }
  }

  /// TCP.
  package var binds: [Bind]
  /// The unix socket's path; nil: none.
  package var socket: String?
  package var localAccess: LocalAccess
  /// Names in `Host` besides localhost and the addresses listened on, without port.
  package var allowedHosts: [String]
  /// The service's own user: an administrator on the socket, as root is.
  package var serviceUser: UInt32
  /// Members of this group are administrators on the socket; the socket's file is given to it.
  package var adminGroup: UInt32?

  package init(
    binds: [Bind], socket: String?, localAccess: LocalAccess, allowedHosts: [String] = [], serviceUser: UInt32,
    adminGroup: UInt32? = nil
  ) {
    (self.binds, self.socket, self.localAccess) = (binds, socket, localAccess)
    (self.allowedHosts, self.serviceUser, self.adminGroup) = (allowedHosts, serviceUser, adminGroup)
  }

  /// Connections of each listener.
  static let maximumConnections = 1024
  /// An idle connection, an incomplete head or a silent body goes after this.
  static let idleSeconds: Int64 = 60
  /// A field fits a long token; all of them a browser's usual load.
  static let headerFieldBytes = 8 * 1024
  static let headerBytes = 16 * 1024
  static let headerFields = 100

  var callerGuard: CallerGuard {
    let socketLine = socket.map { "curl --unix-socket \($0) http://localhost/…" } ?? "the unix socket"
    return CallerGuard(
      localPermissions: localAccess == .everything ? .everything : .some([.agentStatus]),
      allowedHosts: Set((allowedHosts + binds.map(\.host)).map { Self.bare($0) }), adminUsers: [0, serviceUser],
      adminGroup: adminGroup,
      wayIn: "this needs an administrator: ask over the unix socket (\(socketLine)), where the kernel says who you "
        + "are, or try things out with `agent-system sandbox`")
  }

  private static func bare(_ host: String) -> String {
    (host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host).lowercased()
  }
}
