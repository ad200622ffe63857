import AgentConfig
import AgentCore

/// Makes a provider's words fit to be shown: without our secrets, on one line, not long.
struct Redaction: Sendable {
  private let secrets: [Secret]

  /// Enough for a sentence that says what is wrong; a provider may quote the request in it.
  static let longestText = 300

  init(_ secrets: [Secret]) {
    // The longest first: one may be a part of another.
    self.secrets = secrets.filter { !$0.isEmpty }
      .sorted { $0.reveal().utf8.count > $1.reveal().utf8.count }
  }

  /// Everything in the settings that is a secret or may be one.
  init(_ settings: RemoteProviderSettings) {
    var secrets = Array(settings.headers.values) + Array(settings.query.values)
    secrets += [settings.apiKey, settings.proxy].compactMap { $0 }
    if let userInfo = UserInfo(settings.baseURL) { secrets += [Secret(userInfo.text), userInfo.password] }
    if let proxy = settings.proxy, let userInfo = UserInfo(proxy.reveal()) {
      secrets += [Secret(userInfo.text), userInfo.password]
    }
    self.init(secrets)
  }

  func shown(_ text: String) -> String {
    var clear = text
    for secret in secrets { clear = clear.replacing(secret.reveal(), with: Secret.placeholder) }
    let line = String(String.UnicodeScalarView(clear.unicodeScalars.map { Self.isPlain($0) ? $0 : " " }))
    let words = line.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    return words.count <= Self.longestText ? words : words.prefix(Self.longestText) + "…"
  }

  /// No control character, no line or paragraph separator, nothing that turns the direction of writing.
  private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: false
    default: true
    }
  }
}

/// The `user:password` of a URL that carries one.
struct UserInfo: Sendable {
  /// As it stands in the URL.
  let text: String
  /// The URL without it.
  let remainder: String

  init?(_ url: String) {
    guard let scheme = url.range(of: "://") else { return nil }
    let rest = url[scheme.upperBound...]
    let authority = rest.prefix { !"/?#".contains($0) }
    guard let at = authority.lastIndex(of: "@") else { return nil }
    text = String(authority[..<at])
    remainder = String(url[..<scheme.upperBound]) + rest[rest.index(after: at)...]
  }

  var password: Secret { Secret(text.split(separator: ":", maxSplits: 1).dropFirst().first.map(String.init) ?? "") }
}
