import AgentCore

/// A provider's `base_url` or `proxy`, read once and strictly. The transport reads it again before it connects.
struct ProviderURL {
  /// Lower case; IPv6 in brackets.
  var host: String
  /// Without slashes at its end.
  var text: String

  /// Why a text is no URL for us: half a sentence without any part of it, in which a password may stand.
  struct Invalid: Error { var detail: String }

  static let maximumBytes = 4096

  init(_ text: String) throws(Invalid) {
    guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !#"\<>""#.utf8.contains($0) }) else {
      throw Invalid(detail: "has a character that must be percent-encoded")
    }
    guard let scheme = ["http://", "https://"].first(where: { text.lowercased().hasPrefix($0) }) else {
      throw Invalid(detail: "must begin with http:// or https://")
    }
    guard !text.contains("?"), !text.contains("#") else {
      throw Invalid(detail: "must have neither query nor fragment (the key 'query' adds to each request's)")
    }
    let rest = text.dropFirst(scheme.count)
    let authority = rest.prefix { $0 != "/" }
    var place = authority[(authority.lastIndex(of: "@").map { authority.index(after: $0) } ?? authority.startIndex)...]
    if let colon = place.lastIndex(of: ":"), !place[colon...].contains("]") {
      let digits = place[place.index(after: colon)...]
      guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }),
        let port = Int(digits), (1...65_535).contains(port)
      else { throw Invalid(detail: "has a port that is no number from 1 to 65535") }
      place = place[..<colon]
    }
    switch NetworkHost(place) {
    case .name, .address: host = NetworkHost(place)?.text ?? ""
    case .irregular, nil: throw Invalid(detail: "has a host that is neither a name nor an address")
    }
    var base = scheme + rest
    while base.hasSuffix("/") { base.removeLast() }
    self.text = base
  }
}
