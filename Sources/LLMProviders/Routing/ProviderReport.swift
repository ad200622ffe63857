import AgentConfig
import AgentCore

/// A provider as status pages show it.
package struct ProviderReport: Sendable, Hashable {
  package var id: ProviderID
  /// `openai`, `anthropic` or `sandbox`.
  package var type: String
  package var model: String?
  /// Without user-info; nil for the sandbox.
  package var baseURL: String?
  package var health: ProviderHealth.Snapshot
  package var isDefault: Bool
  /// Calls in flight, of all providers of the same key and address.
  package var inUse: Int
  /// Tasks that wait for a place.
  package var waiting: Int
  package var maxConcurrent: Int?
  /// A 429 has closed it until then.
  package var closedUntil: Timestamp?
}

extension ProviderSettings.Provider {
  /// As in `providers.*.type`.
  var type: String { remote?.dialect.rawValue ?? "sandbox" }

  /// `https://api.example.org/v1`: what stands between the scheme and an `@` is a credential.
  var shownBaseURL: String? {
    guard let text = remote?.baseURL else { return nil }
    guard let scheme = text.firstRange(ofText: "://") else { return text }
    let rest = text[scheme.upperBound...]
    let authority = rest.prefix { !"/?#".contains($0) }
    guard let at = authority.lastIndex(of: "@") else { return text }
    return String(text[..<scheme.upperBound]) + String(rest[rest.index(after: at)...])
  }
}

extension String {
  fileprivate func firstRange(ofText text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      formIndex(after: &start)
    }
    return nil
  }
}
