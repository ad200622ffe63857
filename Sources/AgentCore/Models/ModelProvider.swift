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
    case refused, truncated, cancelled
  }
  package var code: Code
  package var detail: String
  package var status: Int?
  package var retryAfter: Duration?
  /// The request may have reached the provider: its tokens settle at the reservation.
  package var wasSent: Bool

  package init(
    _ code: Code, _ detail: String, status: Int? = nil, retryAfter: Duration? = nil, wasSent: Bool = false
  ) {
    (self.code, self.detail, self.status, self.retryAfter, self.wasSent) = (code, detail, status, retryAfter, wasSent)
  }

  /// Another try may go better.
  package var isRetryable: Bool {
    switch code {
    case .unreachable, .timeout, .streamTruncated, .providerError, .providerEmpty, .rateLimited: true
    default: false
    }
  }
}

/// A source of model replies.
package protocol ModelProvider: Sendable {
  var id: ProviderID { get }

  /// One call, one try. `onDelta` gets the reply's text as it comes, for live readers alone. A cancelled caller gets
  /// `.cancelled` within 100 ms.
  func complete(
    _ request: ModelRequest, onDelta: @escaping @Sendable (String) -> Void
  ) async throws(ProviderError) -> ModelReply
}

/// The providers of the configuration in force.
package protocol ProviderRegistry: Sendable {
  /// Nil asks for the default provider; throws `.providerUnknown` for a name that configuration does not have.
  func provider(named id: ProviderID?) throws(ProviderError) -> any ModelProvider
}
