import HTTPTransport

/// Where the server is.
enum ServerAddress: Sendable, Hashable, CustomStringConvertible {
  /// Without a final slash: `http://localhost:8080`.
  case url(String)
  /// A unix socket's path.
  case socket(String)

  /// The environment variable that names the server.
  static let variable = "AGENT_SYSTEM_SERVER"
  /// Where the installed service listens unless `server.yaml` puts its socket elsewhere.
  static let installedSocket = "/run/agent-system/api.sock"
  /// Where a service without a socket listens.
  static let defaultURL = "http://localhost:8080"
  /// What `sockaddr_un` holds, without its final NUL.
  private static let maximumSocketPathBytes = 107

  /// Why a text names no server.
  struct Invalid: Error, Sendable, Equatable {
    /// A sentence without any part of a URL, in which a password might stand.
    var detail: String
  }

  /// Reads `unix:PATH` or an `http` or `https` URL, which may have a path that all routes lie below.
  init(_ text: String) throws(Invalid) {
    if text.hasPrefix("unix:") {
      var path = String(text.dropFirst(5))
      // `unix:///path` is how some tools write it.
      if path.hasPrefix("///") { path = String(path.dropFirst(2)) }
      guard !path.isEmpty, !path.utf8.contains(0) else {
        throw Invalid(detail: "after unix: the socket's path is missing")
      }
      guard path.utf8.count <= Self.maximumSocketPathBytes else {
        throw Invalid(detail: "the socket's path is longer than \(Self.maximumSocketPathBytes) bytes")
      }
      self = .socket(path)
      return
    }
    let url: HTTPURL
    do throws(HTTPURL.Invalid) { url = try HTTPURL(text) } catch {
      throw Invalid(detail: "\(error.detail) (or write unix:PATH)")
    }
    guard !url.target.contains("?") else { throw Invalid(detail: "the URL has a query") }
    var base = url.text
    while base.hasSuffix("/") { base.removeLast() }
    self = .url(base)
  }

  /// The flag, else the variable, else the socket that `server.yaml` names or else the installed one, where there is one,
  /// else `defaultURL`.
  ///
  /// Throws `usage` for a bad flag and `configuration` for a bad variable. An empty variable counts as unset.
  ///
  /// - Parameter configured: The socket's path as `server.yaml` has it, or its default; asked only where it counts.
  static func discovered(
    flag: String?, environment: [String: String], configured: () -> String, socketExists: (String) -> Bool
  ) throws(ClientError) -> ServerAddress {
    if let flag {
      do throws(Invalid) { return try ServerAddress(flag) } catch {
        throw .usage("--server: \(error.detail)")
      }
    }
    if let text = environment[variable], !text.isEmpty {
      do throws(Invalid) { return try ServerAddress(text) } catch {
        throw .configuration("\(variable): \(error.detail)")
      }
    }
    let own = configured()
    if socketExists(own) { return .socket(own) }
    // Until a restart the service listens where it did.
    if socketExists(installedSocket) { return .socket(installedSocket) }
    // A path of somebody's own says that no service listens without a socket: another server would be a stranger.
    return own == installedSocket ? .url(defaultURL) : .socket(own)
  }

  /// The URL of a route; over a socket the host is only a name.
  func url(of target: String) -> String {
    switch self {
    case .url(let base): base + target
    case .socket: "http://localhost" + target
    }
  }

  var socketPath: String? { if case .socket(let path) = self { path } else { nil } }

  /// As `--server` takes it.
  var description: String {
    switch self {
    case .url(let base): base
    case .socket(let path): "unix:\(path)"
    }
  }
}
