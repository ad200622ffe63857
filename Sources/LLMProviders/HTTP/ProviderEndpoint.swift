import AgentConfig
import AgentCore
import HTTPTransport

/// Where and how the requests of one provider go: URL, header fields, limits.
struct ProviderEndpoint: Sendable {
  private let settings: RemoteProviderSettings

  /// The version of Anthropic's API that this build speaks.
  static let anthropicVersion = "2023-06-01"

  init(_ settings: RemoteProviderSettings) { self.settings = settings }

  func exchange(body: [UInt8]) -> HTTPExchange.Request {
    HTTPExchange.Request(
      method: "POST", url: url, headers: headers, body: body,
      timeouts: .init(
        connect: settings.timeouts.connect, firstByte: settings.timeouts.firstByte, idle: settings.timeouts.idle,
        total: settings.timeouts.total),
      maximumResponseBytes: settings.maximumResponseBytes, proxy: settings.proxy?.reveal(),
      certificateAuthorityFile: settings.certificateAuthorityFile)
  }

  private var url: String {
    let base = UserInfo(settings.baseURL)?.remainder ?? settings.baseURL
    let path =
      switch settings.dialect {
      case .openai: "/chat/completions"
      case .anthropic: base.hasSuffix("/v1") ? "/messages" : "/v1/messages"
      }
    let pairs = settings.query.sorted { $0.key < $1.key }.map { "\($0.key.escaped)=\($0.value.reveal().escaped)" }
    return base + path + (pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&"))
  }

  /// The settings' own fields stand in place of ours of the same name.
  private var headers: [(String, String)] {
    var fields = [
      ("Content-Type", "application/json"), ("Accept", "text/event-stream, application/json"),
      ("User-Agent", "agent-system"),
    ]
    if settings.dialect == .anthropic { fields.append(("anthropic-version", Self.anthropicVersion)) }
    if let key = settings.apiKey, !key.isEmpty {
      fields.append(
        settings.dialect == .anthropic ? ("x-api-key", key.reveal()) : ("Authorization", "Bearer \(key.reveal())"))
    } else if let userInfo = UserInfo(settings.baseURL) {
      fields.append(("Authorization", "Basic " + userInfo.basicCredentials))
    }
    let given = Set(settings.headers.keys.map { $0.lowercased() })
    fields.removeAll { given.contains($0.0.lowercased()) }
    return fields + settings.headers.sorted { $0.key < $1.key }.map { ($0.key, $0.value.reveal()) }
  }
}

extension String {
  /// Percent-encoded but for the unreserved characters of RFC 3986.
  var escaped: String {
    utf8.map { byte in
      let character = Character(Unicode.Scalar(byte))
      if character.isPlain || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "~") { return String(character) }
      let digits = String(byte, radix: 16, uppercase: true)
      return "%" + (digits.count == 1 ? "0" : "") + digits
    }.joined()
  }
}
