import AgentCore

/// Where the API listens and whom it lets in.
package struct APIOptions: Sendable {
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
  /// What a request over loopback without credentials may do: the role `local` as it is in force.
  package var local: RoleRights
  /// Names in `Host` besides localhost and the addresses listened on, without port.
  package var allowedHosts: [String]
  /// The service's own user: an administrator on the socket, as root is.
  package var serviceUser: UInt32
  /// Members of this group are administrators on the socket; the socket's file is given to it.
  package var adminGroup: UInt32?

  package init(
    binds: [Bind], socket: String?, local: RoleRights, allowedHosts: [String] = [], serviceUser: UInt32,
    adminGroup: UInt32? = nil
  ) {
    (self.binds, self.socket, self.local) = (binds, socket, local)
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
    CallerGuard(
      local: local, allowedHosts: Set((allowedHosts + binds.map(\.host)).map { Self.bare($0) }),
      adminUsers: [0, serviceUser], adminGroup: adminGroup, wayIn: wayIn)
  }

  /// What a caller without the right credentials reads: the same whatever was wrong with them.
  private var wayIn: String {
    guard let socket else {
      return "this needs a request from this machine without credentials, cookies and headers of a proxy or a page, or "
        + "a service with a unix socket (`agent-system serve`)"
    }
    return "this needs an administrator, whom the kernel names on the unix socket: "
      + "`curl --unix-socket \(socket) http://localhost/…`, or the command line, as root (`sudo agent-system …`) or as a "
      + "member of the group \(Self.groupName) (`sudo usermod -aG \(Self.groupName) NAME`, then sign in anew); to try "
      + "things out, `agent-system sandbox`"
  }

  /// The group whose members are administrators on the socket, where the machine has it.
  package static let groupName = "agent-system"

  private static func bare(_ host: String) -> String {
    (host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host).lowercased()
  }
}
