/// Header fields whose values are sealed whatever the list of sensitive fields says, in requests and in answers.
package enum HTTPCredentials {
  /// The tool whose arguments and results have headers.
  package static let tool = "http.request"

  private static let names: Set<String> = ["authorization", "proxy-authorization", "cookie", "set-cookie"]

  package static func isSealed(header name: String) -> Bool { names.contains(name.lowercased()) }

  /// Whether a header's value hides nothing: references alone, or a scheme before them (`Bearer {{input.token}}`).
  static func isOpen(_ value: JSONValue) -> Bool {
    guard let text = value.stringValue else { return false }
    if value.isOnlyReferences || text == SealedMember.placeholder { return true }
    let parts = text.split(separator: " ", maxSplits: 1)
    return parts.count == 2 && schemes.contains(parts[0].lowercased())
      && JSONValue.string(String(parts[1])).isOnlyReferences
  }

  /// Of the registered ones (RFC 9110 section 16.4) those that a credential follows, and what services write besides.
  private static let schemes: Set<String> = ["bearer", "basic", "token", "apikey", "dpop", "negotiate", "ntlm"]

  /// What of such a value must not be shown elsewhere: the whole, and each credential in it.
  package static func parts(of value: String, in name: String) -> [String] {
    switch name.lowercased() {
    case "cookie", "set-cookie":
      let pairs = value.split(separator: ";")
      let values = pairs.prefix(name.lowercased() == "cookie" ? pairs.count : 1).compactMap { pair in
        pair.firstIndex(of: "=").map { String(pair[pair.index(after: $0)...]) }
      }
      return [value] + values.map { $0.hasPrefix("\"") && $0.hasSuffix("\"") ? String($0.dropFirst().dropLast()) : $0 }
    default:
      let credential = value.split(separator: " ", maxSplits: 1).dropFirst().first
      return [value] + (credential.map { [String($0)] } ?? [])
    }
  }
}
