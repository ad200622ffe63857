import AgentConfig
import AgentCore
import Testing

@testable import LLMProviders

/// Whose limits are whose.
@Suite struct ProviderAccountTests {
  enum Difference: CaseIterable {
    case key, address, header, query
    case model, places, tries

    var isOfTheAccount: Bool { [.key, .address, .header, .query].contains(self) }

    func make(_ settings: inout RemoteProviderSettings) {
      switch self {
      case .key: settings.apiKey = Secret("other")
      case .address: settings.baseURL = "http://other/v1"
      case .header: settings.headers = ["api-key": Secret("one")]
      case .query: settings.query = ["key": Secret("one")]
      case .model: settings.model = "other"
      case .places: settings.maxConcurrent = 3
      case .tries: settings.retries = 0
      }
    }
  }

  private static func account(_ change: (inout RemoteProviderSettings) -> Void) throws -> ProviderAccount {
    try #require(ProviderSettings.Provider.remote("a", key: "k") { change(&$0) }.remote).account
  }

  @Test("who asks is the address, the key, and whatever else may be a credential", arguments: Difference.allCases)
  func parts(difference: Difference) throws {
    let (one, other) = (try Self.account { _ in }, try Self.account { difference.make(&$0) })
    #expect((one != other) == difference.isOfTheAccount)
  }

  @Test("how a header is written makes no other account, what it carries does; and none of it can be printed")
  func headers() throws {
    let spellings = [("Api-Key", "hush-one"), ("api-key", "hush-one"), ("api-key", "hush-two")]
    let accounts = try spellings.map { name, value in try Self.account { $0.headers = [name: Secret(value)] } }
    let one = accounts[0]
    #expect(one == accounts[1] && one != accounts[2])
    var dumped = ""
    dump(one, to: &dumped)
    #expect(!dumped.contains("hush") && !"\(one)".contains("hush"))
  }

  @Test(
    "the limits of the configuration are the gate's",
    arguments: [
      (nil, nil, nil), (4, nil, nil), (nil, 60, nil), (nil, nil, 90_000), (1, 2, 3),
    ] as [(Int?, Int?, Int?)])
  func limits(concurrent: Int?, requests: Int?, tokens: Int?) throws {
    let remote = try #require(
      ProviderSettings.Provider.remote("a") {
        ($0.maxConcurrent, $0.requestsPerMinute, $0.tokensPerMinute) = (concurrent, requests, tokens)
      }.remote)
    #expect(
      remote.limits
        == GateLimits(maxConcurrent: concurrent, requestsPerMinute: requests, tokensPerMinute: tokens))
  }

  @Test(
    "of two entries for one account the smaller limit holds",
    arguments: [
      (GateLimits(maxConcurrent: 2), GateLimits(maxConcurrent: 5), GateLimits(maxConcurrent: 2)),
      (GateLimits(), GateLimits(requestsPerMinute: 5), GateLimits(requestsPerMinute: 5)),
      (
        GateLimits(requestsPerMinute: 9, tokensPerMinute: 10), GateLimits(requestsPerMinute: 7, tokensPerMinute: 20),
        GateLimits(requestsPerMinute: 7, tokensPerMinute: 10)
      ), (GateLimits(), GateLimits(), GateLimits()),
    ])
  func combined(one: GateLimits, other: GateLimits, expected: GateLimits) {
    #expect(one.combined(with: other) == expected && other.combined(with: one) == expected)
  }
}
