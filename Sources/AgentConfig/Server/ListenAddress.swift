import Glibc

/// Where the service listens: a host and a TCP port.
package struct ListenAddress: Sendable, Hashable {
  /// An IPv4 address, an IPv6 address without brackets, or a name in lower case.
  package var host: String
  /// 0: the kernel picks a free one.
  package var port: Int

  package init(host: String, port: Int) { (self.host, self.port) = (host, port) }

  /// Reads `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`; nil for anything else.
  package init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let portText = text[text.index(after: colon)...]
    guard (1...5).contains(portText.utf8.count), portText.utf8.allSatisfy({ (48...57).contains($0) }),
      let port = Int(portText), port <= 65_535
    else { return nil }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
      guard HostText.isIPv6(host) else { return nil }
    } else {
      guard HostText.isIPv4(host) || HostText.isName(host) else { return nil }
    }
    self.init(host: host.lowercased(), port: port)
  }

  /// Only peers of this machine reach it: 127.0.0.0/8, `::1`, `localhost`.
  package var isLoopback: Bool {
    host == "localhost" || host == "::1" || (HostText.isIPv4(host) && host.hasPrefix("127."))
  }

  /// Reads the value of a flag as `server.yaml` reads `listen`.
  ///
  /// - Throws: `config_invalid`, or `plaintext_refused` for an address that is not loopback.
  package static func parse(_ text: String, flag: String) throws(ConfigError) -> ListenAddress {
    guard let address = ListenAddress(text) else {
      let issue = ConfigIssue(file: flag, code: .invalid, message: "'\(text)' \(malformed)")
      throw ConfigError(issues: [issue])
    }
    guard address.isLoopback else {
      throw ConfigError(issues: [ConfigIssue(file: flag, code: .plaintextRefused, message: refusal(text))])
    }
    return address
  }

  static let malformed = "is no address: write HOST:PORT, as in 127.0.0.1:8080, [::1]:8080 or localhost:8080"

  /// `text`: the address as it was given.
  static func refusal(_ text: String) -> String {
    "'\(text)' is not a loopback address, and this build has no TLS: put a proxy in front and listen on 127.0.0.1"
  }
}

extension ListenAddress: CustomStringConvertible {
  /// `127.0.0.1:8080`, `[::1]:8080`
  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Tells addresses and names apart, without resolving anything.
enum HostText {
  static func isIPv4(_ text: String) -> Bool {
    var address = in_addr()
    return inet_pton(AF_INET, text, &address) == 1
  }

  static func isIPv6(_ text: String) -> Bool {
    var address = in6_addr()
    return inet_pton(AF_INET6, text, &address) == 1
  }

  /// RFC 1123, section 2.1: labels of letters, digits and inner hyphens. A last label of digits alone is refused, so
  /// that `127.1` or `256.0.0.1` is no name.
  static func isName(_ text: String) -> Bool {
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...253).contains(text.utf8.count), let last = labels.last, !last.allSatisfy(\.isNumber) else {
      return false
    }
    return labels.allSatisfy { label in
      (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
        && label.utf8.allSatisfy {
          (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "-")
        }
    }
  }
}
