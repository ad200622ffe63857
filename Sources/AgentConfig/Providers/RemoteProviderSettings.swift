import AgentCore

/// A provider that is reached over HTTP, as `providers.yaml` describes it.
package struct RemoteProviderSettings: Sendable, Hashable {
  /// Whose messages it speaks.
  package enum Dialect: String, Sendable { case openai, anthropic }

  package struct Timeouts: Sendable, Hashable {
    package var connect: Duration = .seconds(5)
    package var firstByte: Duration = .seconds(60)
    package var idle: Duration = .seconds(60)
    package var total: Duration = .seconds(600)
    package init() {}
  }

  package var dialect: Dialect
  /// Without a slash at its end: `https://api.openai.com/v1`.
  package var baseURL: String
  /// Nil: none is sent.
  package var apiKey: Secret?
  /// Read anew by a reload; its content wins over `apiKey` and has been read into it.
  package var apiKeyFile: String?
  /// Only api.openai.com and who speaks Anthropic's messages want one, unless `headers` or the URL carry a credential.
  package var needsKey: Bool
  package var model: String
  package var maxConcurrent: Int?
  package var requestsPerMinute: Int?
  package var tokensPerMinute: Int?
  package var timeouts = Timeouts()
  package var retries = 3
  package var maximumResponseBytes = 16 * 1024 * 1024
  package var contextTokens: Int?
  /// Names of request headers and what they carry, which may be a credential.
  package var headers: [String: Secret] = [:]
  package var query: [String: Secret] = [:]
  /// A PEM file to trust in place of the system's.
  package var certificateAuthorityFile: String?
  /// `http://host:port`, which may carry a password.
  package var proxy: Secret?
  /// Members of each request's body besides ours; null takes one away.
  package var body: [String: JSONValue] = [:]
  /// What variables put into the bodies of requests, by this section and by agents': perhaps a credential.
  package var bodySecrets: [Secret] = []
  /// The request's member that carries the output limit.
  package var maximumTokensName: String
  /// Requests are marked for the provider's cache of prompts; of Anthropic's messages alone.
  package var cachesPrompts: Bool

  package init(dialect: Dialect, baseURL: String, model: String, needsKey: Bool, maximumTokensName: String) {
    (self.dialect, self.baseURL, self.model) = (dialect, baseURL, model)
    (self.needsKey, self.maximumTokensName) = (needsKey, maximumTokensName)
    cachesPrompts = dialect == .anthropic
  }
}
