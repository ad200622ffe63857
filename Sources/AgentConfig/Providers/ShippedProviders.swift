/// The providers of an installation whose folder has no `providers.yaml`, and what the type of a provider decides for
/// it. The shipped file says the same.
enum ShippedProviders {
  /// As the file would say it.
  static let text = """
    providers:
      openai: {type: openai}
      anthropic: {type: anthropic}
      sandbox: {type: sandbox}
    """

  /// What a dialect's own service is.
  struct Service {
    var baseURL: String
    /// Its host, where a key is wanted.
    var host: String
    /// For a site that sets only a key. Each is the newest that speaks the dialect with tools as of the date beside it.
    var model: String
  }

  static func service(of dialect: RemoteProviderSettings.Dialect) -> Service {
    switch dialect {
    case .openai:
      // 2026-11-30: the models after it take tools through another API (responses) alone.
      Service(baseURL: "https://api.openai.com/v1", host: "api.openai.com", model: "gpt-5.2-2025-12-11")
    case .anthropic:
      // 2026-11-30; its ids have no date since 4.6.
      Service(baseURL: "https://api.anthropic.com", host: "api.anthropic.com", model: "claude-sonnet-5-5")
    }
  }

  /// api.openai.com's reasoning models refuse `max_tokens`; Mistral and others refuse `max_completion_tokens`.
  static func maximumTokensName(host: String) -> String {
    host == service(of: .openai).host ? "max_completion_tokens" : "max_tokens"
  }
}
