import AgentCore
import HTTPTypes

/// Decides who asks, before anything else of a request is looked at.
///
/// The unix socket: the kernel names the peer. TCP: no accounts yet, so a request is `local` or nobody's; `local` needs
/// every sign that it comes from a program of this machine and not through a proxy or out of a browser's page (DNS
/// rebinding needs a name in `Host`, a page sends `Origin` or `Sec-Fetch-Site`).
struct CallerGuard: Sendable {
  /// What `local` may do, as it is in force.
  var local: RoleRights
  /// In lower case, without port; IPv6 literals without brackets.
  var allowedHosts: Set<String>
  /// Peers of these users are administrators.
  var adminUsers: Set<UInt32>
  /// So are members of this group.
  var adminGroup: UInt32?
  /// What a caller without credentials reads.
  var wayIn: String

  /// Header fields that only proxies add.
  private static let proxyFields: [HTTPField.Name] = ["Forwarded", "X-Real-IP", "Via"].map {
    RequestName.fieldName($0)
  }
  private static let proxyPrefix = "x-forwarded-"
  private static let fetchSite = RequestName.fieldName("Sec-Fetch-Site")

  /// Who asks. Throws `host_not_allowed` (421), `unauthenticated` (401), `forbidden` (403).
  func identify(_ head: HTTPRequest, from connection: ConnectionFacts) throws(APIError) -> Caller {
    switch connection.peer {
    case .socket(let uid, let groups):
      guard adminUsers.contains(uid) || adminGroup.map(groups.contains) ?? false else {
        throw APIError(
          "forbidden",
          "user \(uid) may not use this socket: root, the service's user and members of the group "
            + "\(APIOptions.groupName) may (`sudo usermod -aG \(APIOptions.groupName) NAME`, then sign in anew)")
      }
      return Caller(principal: .uid(uid), permissions: .everything)
    case .unknown:
      throw APIError("forbidden", "the kernel did not name the peer of this socket")
    case .address(let isLoopback):
      guard let host = HostName(head.authority), isAllowed(host, at: connection.localAddress) else {
        throw APIError(
          "host_not_allowed", "the Host header names another server; `allowed_hosts` lists the names accepted here")
      }
      guard isLoopback, !hasForeignSigns(head) else { throw unauthenticated }
      return Caller(principal: .local, permissions: local.permissions)
    }
  }

  /// The same caller with what they may do by now.
  func renewed(_ caller: Caller) -> Caller {
    caller.principal == .local ? Caller(principal: .local, permissions: local.permissions) : caller
  }

  /// Throws for a caller without the permission: 401 for `local`, to whom signing in would help, else 403.
  func require(_ permission: Permission, of caller: Caller) throws(APIError) {
    guard !caller.permissions.contains(permission) else { return }
    if caller.principal == .local { throw unauthenticated }
    throw APIError("forbidden", "this needs the permission \(permission.rawValue)")
  }

  /// Throws for everybody but an administrator on the unix socket.
  func requireAdministrator(_ caller: Caller) throws(APIError) {
    if case .uid = caller.principal, caller.permissions == .everything { return }
    if caller.principal == .local { throw unauthenticated }
    throw APIError("forbidden", "this needs an administrator on the unix socket")
  }

  private var unauthenticated: APIError {
    APIError("unauthenticated", wayIn, headers: [.wwwAuthenticate: "Bearer"])
  }

  private func isAllowed(_ host: HostName, at localAddress: String?) -> Bool {
    host.isLocalhost || allowedHosts.contains(host.text) || (localAddress.map { $0 == host.text } ?? false)
  }

  private func hasForeignSigns(_ head: HTTPRequest) -> Bool {
    let fields = head.headerFields
    if fields[.authorization] != nil || fields[.cookie] != nil || fields[.origin] != nil { return true }
    if Self.proxyFields.contains(where: { fields[$0] != nil }) { return true }
    if fields.contains(where: { $0.name.canonicalName.hasPrefix(Self.proxyPrefix) }) { return true }
    if fields[OldVersionMark.field] != nil { return true }
    if let site = fields[Self.fetchSite], site != "none" { return true }
    return false
  }
}

/// The name in a `Host` header, in lower case and without its port.
struct HostName: Sendable, Hashable {
  var text: String

  /// Nil for an absent, empty or malformed header.
  init?(_ authority: String?) {
    guard let authority, !authority.isEmpty, authority.utf8.count <= 255 else { return nil }
    var host = authority[...]
    if host.hasPrefix("[") {
      guard let end = host.firstIndex(of: "]"), Self.isPort(host[host.index(after: end)...]) else { return nil }
      host = host[host.index(after: host.startIndex)..<end]
    } else if let colon = host.firstIndex(of: ":") {
      guard Self.isPort(host[colon...]) else { return nil }
      host = host[..<colon]
    }
    guard !host.isEmpty else { return nil }
    text = host.lowercased()
  }

  var isLocalhost: Bool { ["localhost", "127.0.0.1", "::1"].contains(text) }

  /// Nothing, or a colon and digits.
  private static func isPort(_ text: Substring) -> Bool {
    text.isEmpty || (text.first == ":" && text.dropFirst().utf8.allSatisfy { (48...57).contains($0) })
  }
}
