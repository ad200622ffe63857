import AgentCore
import Testing

@testable import LLMProviders

@Suite struct ProviderHealthTests {
  private static let now = Timestamp(milliseconds: 1000)

  @Test(
    "what a call tells of its provider",
    arguments: [
      (.keyInvalid, false, .keyInvalid), (.unreachable, false, .unreachable), (.tlsFailed, false, .unreachable),
      (.timeout, false, .unreachable), (.timeout, true, .ok), (.streamTruncated, true, .ok),
      (.providerError, true, .ok), (.rateLimited, true, .ok), (.providerRejected, true, .ok), (.refused, true, .ok),
    ] as [(ProviderError.Code, Bool, ProviderStatus)])
  func first(code: ProviderError.Code, wasSent: Bool, expected: ProviderStatus) {
    let health = ProviderHealth(lacksKey: false, at: Self.now)
    let change = health.note(ProviderError(code, "detail", wasSent: wasSent), at: Self.now)
    #expect(health.snapshot.status == expected && (change == nil) == (expected == .ok))
    #expect(health.snapshot.lastError == .init(code: code.rawValue, detail: "detail", at: Self.now))
    // The same again is no news, and a good call clears all of it.
    #expect(health.note(ProviderError(code, "detail", wasSent: wasSent), at: Self.now) == nil)
    _ = health.note(nil, at: Self.now)
    #expect(health.snapshot.status == .ok && health.snapshot.lastError == nil)
  }

  @Test("only a good call clears a refused key; any answer shows that a provider can be reached")
  func clearing() {
    let (key, reach) = (
      ProviderHealth(lacksKey: false, at: Self.now), ProviderHealth(lacksKey: false, at: Self.now)
    )
    _ = key.note(ProviderError(.keyInvalid, ""), at: Self.now)
    _ = reach.note(ProviderError(.unreachable, ""), at: Self.now)
    for code in [ProviderError.Code.unreachable, .timeout, .rateLimited, .providerError] {
      #expect(key.note(ProviderError(code, ""), at: Self.now) == nil)
    }
    #expect(reach.note(ProviderError(.rateLimited, ""), at: Self.now).map { [$0.from, $0.to] } == [.unreachable, .ok])
  }
}
