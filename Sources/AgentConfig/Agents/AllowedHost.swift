/// The form of an entry of `allow_hosts`. What it opens is the transport's to decide.
enum AllowedHost {
  static let rule = "is none of: a host name, a literal address with port (127.0.0.1:9000), a network (10.1.0.0/16)"

  static func isValid(_ text: String) -> Bool {
    if let slash = text.firstIndex(of: "/") {
      let (address, bits) = (String(text[..<slash]), text[text.index(after: slash)...])
      guard (1...3).contains(bits.utf8.count), bits.utf8.allSatisfy({ (48...57).contains($0) }), let length = Int(bits)
      else { return false }
      return HostText.isIPv4(address) && length <= 32 || HostText.isIPv6(address) && length <= 128
    }
    if HostText.isName(text) { return true }
    guard let address = ListenAddress(text), address.port > 0 else { return false }
    return HostText.isIPv4(address.host) || HostText.isIPv6(address.host)
  }
}
