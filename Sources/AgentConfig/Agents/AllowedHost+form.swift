import AgentCore

/// The form of an entry of `allow_hosts`. What it opens is the transport's to decide.
extension AllowedHost {
  static let rule = "is none of: a host name, a literal address with port (127.0.0.1:9000), a network (10.1.0.0/16)"

  /// What the rule reads, but for an address without port (which of its ports was meant?) and for names that are none
  /// by RFC 1123.
  static func isValid(_ text: String) -> Bool {
    switch AllowedHost(text) {
    case .endpoint, .network: true
    case .name: HostText.isName(text)
    case nil: false
    }
  }
}
