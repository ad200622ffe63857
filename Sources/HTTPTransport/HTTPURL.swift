import AgentCore

/// An absolute `http` or `https` URL, read once and strictly, so that no second parser can see another host in it.
///
/// What goes to libcurl is `text`, made anew from the parts.
package struct HTTPURL: Sendable, Hashable {
  package enum Scheme: String, Sendable {
    case http, https
    package var defaultPort: UInt16 { self == .http ? 80 : 443 }
  }

  package typealias Host = NetworkHost

  /// Why a text is no URL for us.
  package struct Invalid: Error, Sendable, Hashable {
    /// A sentence without any part of the URL.
    package var detail: String
  }

  package let scheme: Scheme
  package let host: Host
  package let port: UInt16
  /// Path and query, beginning with `/`. A fragment is dropped.
  package let target: String

  /// Longer ones are refused by most servers.
  package static let maximumBytes = 8 * 1024

  package init(_ text: String) throws(Invalid) {
    guard text.utf8.count <= Self.maximumBytes else {
      throw Invalid(detail: "the URL is longer than \(Self.maximumBytes) bytes")
    }
    // A parser that takes `\` for `/`, or drops a line break or a tab, sees another host than we do.
    guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !#"\<>""#.utf8.contains($0) }) else {
      throw Invalid(detail: "the URL has a character that must be percent-encoded")
    }
    guard let end = text.range(ofSeparator: "://"), let scheme = Scheme(rawValue: text[..<end.lowerBound].lowercased())
    else { throw Invalid(detail: "the URL must begin with http:// or https://") }
    let rest = text[end.upperBound...]
    let authority = rest.prefix { !"/?#".contains($0) }
    guard !authority.contains("@") else { throw Invalid(detail: "the URL has a user name") }
    let (host, port) = try Self.split(authority, scheme)
    let target = rest[authority.endIndex...].prefix { $0 != "#" }
    (self.scheme, self.host, self.port) = (scheme, host, port)
    self.target = target.hasPrefix("/") ? String(target) : "/" + target
  }

  private static func split(_ authority: Substring, _ scheme: Scheme) throws(Invalid) -> (Host, UInt16) {
    var hostText = authority
    var port = scheme.defaultPort
    if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
      guard let number = UInt16(decimalDigits: authority[authority.index(after: colon)...]), number > 0 else {
        throw Invalid(detail: "the URL's port is not a number from 1 to 65535")
      }
      (hostText, port) = (authority[..<colon], number)
    }
    guard let host = Host(hostText) else {
      throw Invalid(detail: "the URL's host is neither a name nor an address")
    }
    return (host, port)
  }

  /// Scheme, host and port: `https://api.example.org`, `http://127.0.0.1:9000`.
  package var origin: String {
    "\(scheme.rawValue)://\(host.text)" + (port == scheme.defaultPort ? "" : ":\(port)")
  }

  package var text: String { origin + target }

  /// For error texts: no path and no query, in which keys may stand.
  package var hostAndPort: String { "\(host.text):\(port)" }
}

extension String {
  fileprivate func range(ofSeparator separator: String) -> Range<Index>? {
    guard let colon = firstIndex(of: ":"), self[colon...].hasPrefix(separator) else { return nil }
    return colon..<index(colon, offsetBy: separator.count)
  }
}
