import AgentConfig
import AgentCore
import Foundation

/// Makes a provider's words fit to be shown: without our secrets, on one line, not long.
struct Redaction: Sendable {
  private let secrets: [Secret]
  /// Those of which a piece tells too much as well.
  private let longSecrets: [Secret]

  /// Enough for a sentence that says what is wrong; a provider may quote the request in it.
  static let longestText = 300
  /// How much of a text is searched for pieces: several times what is shown, for pieces give way to shorter words.
  private static let longestSearch = 4 * 1024

  /// `addresses` are hidden as a whole alone: their words stand in many a sentence.
  init(_ secrets: [Secret], addresses: [Secret] = []) {
    self.init(secrets: secrets + addresses, longSecrets: secrets)
  }

  /// The same without the texts in these values, which went into a request's body: short ones are words, and stay.
  func hiding(_ values: [JSONValue]) -> Redaction {
    let texts = values.flatMap(\.leafTexts).filter { $0.utf8.count >= Self.shortestInBody }
    guard !texts.isEmpty else { return self }
    return Redaction(secrets: secrets + texts.map { Secret($0) }, longSecrets: longSecrets + texts.map { Secret($0) })
  }

  private static let shortestInBody = 8

  private init(secrets: [Secret], longSecrets: [Secret]) {
    // The longest first: one may be a part of another.
    self.secrets = secrets.filter { !$0.isEmpty }
      .sorted { $0.reveal().utf8.count > $1.reveal().utf8.count }
    self.longSecrets = longSecrets.filter { $0.reveal().count >= SecretRuns.shortestSecret }
  }

  /// Everything in the settings that is a secret or may be one, as it stands there and as it is sent.
  init(_ settings: RemoteProviderSettings) {
    var secrets = [settings.apiKey].compactMap { $0 }
    for value in settings.headers.values { secrets += [value] + Self.token(of: value) }
    for value in settings.query.values { secrets += [value, Secret(value.reveal().escaped)] }
    for url in [settings.baseURL, settings.proxy?.reveal()] {
      if let url, let userInfo = UserInfo(url) { secrets += userInfo.secrets }
    }
    secrets += settings.bodySecrets.filter { $0.reveal().utf8.count >= Self.shortestInBody }
    self.init(secrets, addresses: [settings.proxy].compactMap { $0 })
  }

  /// What stands behind a scheme in a header's value, as in `Bearer TOKEN`: a provider may quote it alone. Short words
  /// are no secrets, and would be missed from every sentence.
  private static func token(of value: Secret) -> [Secret] {
    let parts = value.reveal().split(separator: " ", maxSplits: 1)
    return parts.count == 2 && parts[1].utf8.count >= 8 ? [Secret(String(parts[1]))] : []
  }

  /// With a mark at its end where it was longer than so many characters.
  func shown(_ text: String, atMost longest: Int = longestText) -> String {
    var clear = text
    for secret in secrets { clear = clear.replacing(secret.reveal(), with: Secret.placeholder) }
    let line = String(String.UnicodeScalarView(clear.unicodeScalars.map { Self.isPlain($0) ? $0 : " " }))
    let words = line.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    let searched = words.prefix(Self.longestSearch)
    let safe = SecretRuns(longSecrets.map { $0.reveal() }).hidden(in: String(searched), by: Secret.placeholder)
    let isWhole = safe.count <= longest && searched.endIndex == words.endIndex
    return isWhole ? safe : safe.prefix(longest) + "…"
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

  /// What `Basic` is followed by: base64 of the decoded text.
  var basicCredentials: String { Data(decoded.utf8).base64EncodedString() }

  /// All that must not be shown: the whole and its password, as they stand in the URL, decoded, and as they are sent.
  var secrets: [Secret] {
    [text, Self.password(of: text), decoded, Self.password(of: decoded), basicCredentials].map { Secret($0) }
  }

  private var decoded: String { text.removingPercentEncoding ?? text }

  private static func password(of text: String) -> String {
    text.split(separator: ":", maxSplits: 1).dropFirst().first.map(String.init) ?? ""
  }
}
