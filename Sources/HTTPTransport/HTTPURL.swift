/// An absolute `http` or `https` URL, read once and strictly, so that no second parser can see another host in it.
///
/// What goes to libcurl is `text`, made anew from the parts.
package struct HTTPURL: Sendable, Hashable {
  package enum Scheme: String, Sendable {
    case http, https
    package var defaultPort: UInt16 { self == .http ? 80 : 443 }
  }

  package enum Host: Sendable, Hashable {
    /// Lower case, without a final dot.
    case name(String)
    case address(IPAddress)
    /// Some parsers take it for an address (`127.1`, `0x7f.1`, `2130706433`, `127.0.0.1.`).
    case irregular(String)

    /// Reads a host name, an IPv4 address, or an IPv6 address in brackets; nil for what is none of these.
    package init?(_ text: some StringProtocol) {
      if text.hasPrefix("["), text.hasSuffix("]") {
        guard let address = IPAddress(text.dropFirst().dropLast()), case .v6 = address else { return nil }
        self = .address(address)
        return
      }
      let hasDot = text.hasSuffix(".")
      let name = (hasDot ? String(text.dropLast()) : String(text)).lowercased()
      let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
      guard name.utf8.count <= 253, let last = labels.last, labels.allSatisfy({ Self.isLabel($0) }) else { return nil }
      if Self.isNumber(last) {
        if !hasDot, let address = IPAddress(name) { self = .address(address) } else { self = .irregular(name) }
      } else {
        self = .name(name)
      }
    }

    /// As it stands in a URL.
    package var text: String {
      switch self {
      case .name(let name), .irregular(let name): name
      case .address(.v4(let number)): IPAddress.v4(number).description
      case .address(.v6(let number)): "[\(IPAddress.v6(number))]"
      }
    }

    private static func isLabel(_ label: some Collection<UInt8>) -> Bool {
      (1...63).contains(label.count)
        && label.allSatisfy { (48...57).contains($0) || (97...122).contains($0) || $0 == 0x2D || $0 == 0x5F }
    }

    /// As the WHATWG URL standard's "ends in a number": such a host is an IPv4 address or nothing.
    private static func isNumber(_ label: some Collection<UInt8>) -> Bool {
      if label.allSatisfy({ (48...57).contains($0) }) { return true }
      let digits = label.dropFirst(2)
      return label.starts(with: "0x".utf8) && digits.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
  }

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
