/// How a model call went wrong: a closed list of codes, each retried or not.
package struct ProviderError: Error, Sendable, Hashable {
  package enum Code: String, Sendable, CaseIterable {
    case unreachable, timeout
    case tlsFailed = "tls_failed"
    case streamTruncated = "stream_truncated"
    case providerError = "provider_error"
    case providerMalformed = "provider_malformed"
    case providerTooLarge = "provider_too_large"
    case providerRejected = "provider_rejected"
    case providerEmpty = "provider_empty"
    case providerUnknown = "provider_unknown"
    case modelUnknown = "model_unknown"
    case contextTooLong = "context_too_long"
    case keyInvalid = "key_invalid"
    case rateLimited = "rate_limited"
    case providerRedirect = "provider_redirect"
    case refused, truncated, cancelled
  }
  package var code: Code
  package var detail: String
  package var status: Int?
  package var retryAfter: Duration?
  /// The request may have reached the provider: its tokens settle at the reservation.
  package var wasSent: Bool
  /// What the call used, where its provider told it all the same: then its tokens settle at that.
  package var usage: ModelUsage?

  package init(
    _ code: Code, _ detail: String, status: Int? = nil, retryAfter: Duration? = nil, wasSent: Bool = false,
    usage: ModelUsage? = nil
  ) {
    (self.code, self.detail, self.status, self.retryAfter, self.wasSent) = (code, detail, status, retryAfter, wasSent)
    self.usage = usage
  }

  /// Another try may go better.
  package var isRetryable: Bool {
    switch code {
    case .unreachable, .timeout, .streamTruncated, .providerError, .providerEmpty, .rateLimited: true
    default: false
    }
  }
}

/// What a provider is by configuration, as the engine needs to know it.
package struct ProviderTraits: Sendable, Hashable {
  /// The model it asks for when an agent names none.
  package var model: String?
  /// The most tokens that one request may take of its model's context; nil: the agent's own limit alone.
  package var contextTokens: Int?
  /// Further tries within a step after the first.
  package var retries: Int
  /// How long one call may take in all.
  package var longestCall: Duration
  package init(
    model: String? = nil, contextTokens: Int? = nil, retries: Int = 3, longestCall: Duration = .seconds(600)
  ) {
    (self.model, self.contextTokens, self.retries, self.longestCall) = (model, contextTokens, retries, longestCall)
  }
}

/// The right to make one call now. Given back by `release`, once; letting go of it does not.
package struct ProviderPlace: Sendable {
  package let release: @Sendable () -> Void
  package init(release: @escaping @Sendable () -> Void) { self.release = release }
  /// Of a provider that takes any number of calls.
  package static let unlimited = ProviderPlace {}
}

/// Whether a call may be made.
package enum ProviderAdmission: Sendable {
  case granted(ProviderPlace)
  /// Not now: the task is to wait, without a worker, for about that long. It keeps its turn. The error's `retryAfter` is
  /// what the provider itself makes everybody wait: a task that cannot wait so long fails with it. Nil: all is a guess.
  case later(Duration, ProviderError)
}

/// A source of model replies.
package protocol ModelProvider: Sendable {
  var id: ProviderID { get }
  var traits: ProviderTraits { get }

  /// Asked before each call's reservation, by its task; `tokens` is what the call may use. Waits at most 5 seconds for
  /// a place; a cancelled caller gets `.later` at once.
  func admit(task: TaskID, tokens: Int64) async -> ProviderAdmission

  /// One call, one try. `onDelta` gets the reply's text as it comes, for live readers alone. A cancelled caller gets
  /// `.cancelled` within 100 ms.
  func complete(
    _ request: ModelRequest, onDelta: @escaping @Sendable (String) -> Void
  ) async throws(ProviderError) -> ModelReply
}

extension ModelProvider {
  package var traits: ProviderTraits { ProviderTraits() }
  package func admit(task: TaskID, tokens: Int64) async -> ProviderAdmission { .granted(.unlimited) }
}

/// The providers of the configuration in force.
package protocol ProviderRegistry: Sendable {
  /// Nil asks for the default provider; throws `.providerUnknown` for a name that configuration does not have.
  func provider(named id: ProviderID?) throws(ProviderError) -> any ModelProvider
}
