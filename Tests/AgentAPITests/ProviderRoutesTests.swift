import AgentConfig
import AgentCore
import AgentTestKit
import LLMProviders
import Testing

@testable import AgentAPI

@Suite struct ProviderRoutesTests {
  /// Answers, or fails with what its name says.
  private struct NamedProvider: ModelProvider {
    let id: ProviderID
    func complete(
      _ request: ModelRequest, onDelta: @escaping @Sendable (String) -> Void
    ) async throws(ProviderError) -> ModelReply {
      if id == "broken" { throw ProviderError(.keyInvalid, "the key is wrong", status: 401) }
      return ModelReply(
        text: "ok", calls: [], finish: .stop, usage: ModelUsage(inputTokens: 1, outputTokens: 1), model: "tiny")
    }
  }

  private static func harness(_ local: PermissionSet = .everything) -> APIHarness {
    var (broken, keyless) = (remote(), remote())
    (broken.apiKey, broken.baseURL) = (Secret("sk-very-secret"), "https://user:word@api.example.org/v1")
    keyless.needsKey = true
    var settings = ProviderSettings()
    settings.providers = [
      .init(id: "sandbox"), .init(id: "broken", kind: .remote(broken)), .init(id: "keyless", kind: .remote(keyless)),
    ]
    settings.namedDefault = "sandbox"
    let parts = ProviderDirectory.Parts(clock: ManualClock(), random: SeededRandom(seed: 1)) {
      NamedProvider(id: $0.id)
    }
    return APIHarness(local: local, providers: ProviderDirectory(settings, parts))
  }

  private static func remote() -> RemoteProviderSettings {
    RemoteProviderSettings(
      dialect: .openai, baseURL: "http://127.0.0.1:1/v1", model: "big", needsKey: false, maximumTokensName: "max_tokens"
    )
  }

  @Test("the list has each provider's row, without any secret")
  func list() async throws {
    let answer = try await Self.harness().send(.get, "/api/providers")
    let rows = try #require(answer.json["data"]?.arrayValue)
    #expect(rows.map { $0["name"] } == ["sandbox", "broken", "keyless"])
    #expect(rows.map { $0["type"] } == ["sandbox", "openai", "openai"])
    #expect(rows.map { $0["status"] } == ["ok", "ok", "no_key"])
    #expect(rows.map { $0["default"] } == [true, false, false])
    #expect(rows.map { $0["base_url"] } == [.null, "https://api.example.org/v1", "http://127.0.0.1:1/v1"])
    #expect(rows[1]["concurrency"] == ["in_use": 0, "waiting": 0, "max": .null])
    #expect(rows[1]["last_error"] == .null && rows[1]["closed_until"] == .null && rows[1]["model"] == "big")
    #expect(answer.json["next_cursor"] == .null)
    let text = String(decoding: answer.bytes, as: UTF8.self)
    #expect(!text.contains("secret") && !text.contains("word"))
  }

  @Test("a test answers 200 either way, and 404 for a name that nobody has")
  func test() async throws {
    let harness = Self.harness()
    let good = try await harness.send(.post, "/api/providers/sandbox/test")
    #expect(good.status == 200 && good.json == ["ok": true, "latency_ms": 0, "model": "tiny"])
    let bad = try await harness.send(.post, "/api/providers/broken/test")
    #expect(bad.status == 200)
    #expect(bad.json == ["ok": false, "error": ["code": "key_invalid", "detail": "the key is wrong"]])
    let rows = try await harness.send(.get, "/api/providers").json["data"]?.arrayValue
    #expect(rows?[1]["status"] == "key_invalid" && rows?[1]["last_error"]?["code"] == "key_invalid")
    let unknown = try await harness.send(.post, "/api/providers/nobody/test")
    #expect(unknown.status == 404 && unknown.code == "not_found")
  }

  @Test("the default is switched for a provider that can be asked, and refused with words for any other")
  func switchDefault() async throws {
    let harness = Self.harness()
    let switched = try await harness.send(.post, "/api/providers/default?provider=broken")
    #expect(switched.status == 200 && switched.json["name"] == "broken" && switched.json["default"] == true)
    #expect(harness.providers.defaultID == "broken")
    let keyless = try await harness.send(.post, "/api/providers/default?provider=keyless")
    #expect(keyless.status == 409 && keyless.code == "no_key")
    for query in ["?provider=nobody", "?provider=", ""] {
      let refused = try await harness.send(.post, "/api/providers/default\(query)")
      #expect(refused.status == 422 && refused.pointers == ["/provider"], "\(query)")
    }
    #expect(harness.providers.defaultID == "broken")
  }

  @Test(
    "without the permission nobody sees, tests or switches",
    arguments: [
      ("GET", "/api/providers"), ("POST", "/api/providers/sandbox/test"), ("POST", "/api/providers/default?provider=a"),
    ])
  func permissions(method: String, path: String) async throws {
    let answer = try await Self.harness(APIHarness.statusOnly).send(method == "GET" ? .get : .post, path)
    #expect(answer.status == 401)
  }
}
