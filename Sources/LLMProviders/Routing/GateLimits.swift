import AgentConfig

/// What configuration allows towards one account of a provider; nil: any number.
struct GateLimits: Sendable, Hashable {
  var maxConcurrent: Int?
  var requestsPerMinute: Int?
  var tokensPerMinute: Int?

  /// Of several entries for one account the smallest holds: it is one limit at the provider.
  func combined(with other: GateLimits) -> GateLimits {
    func least(_ one: Int?, _ other: Int?) -> Int? { [one, other].compactMap(\.self).min() }
    return GateLimits(
      maxConcurrent: least(maxConcurrent, other.maxConcurrent),
      requestsPerMinute: least(requestsPerMinute, other.requestsPerMinute),
      tokensPerMinute: least(tokensPerMinute, other.tokensPerMinute))
  }
}

extension RemoteProviderSettings {
  var limits: GateLimits {
    GateLimits(
      maxConcurrent: maxConcurrent, requestsPerMinute: requestsPerMinute, tokensPerMinute: tokensPerMinute)
  }
}
