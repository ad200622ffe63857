import AgentConfig
import AgentCore
import AgentTestKit
import HTTPTransport
import Testing

@testable import LLMProviders

@Suite("A remote provider", .timeLimit(.minutes(1))) struct RemoteProviderTests {
  static let streams: [(Dialect, String)] = [
    (.openai, OpenAIFixtures.text), (.anthropic, AnthropicFixtures.text),
  ]

  @Test("a streamed text comes in its pieces and whole", arguments: streams)
  func text(dialect: Dialect, stream: String) async throws {
    try await withProvider(dialect, LoopbackServer { _ in eventAnswer(stream) }) { provider in
      let deltas = Deltas()
      let reply = try await provider.complete(modelRequest()) { deltas.add($0) }
      #expect(reply.text == "Grüß dich, 漢字 😀")
      #expect(deltas.all.joined() == reply.text)
      #expect(reply.calls == [])
      #expect(reply.finish == .stop)
      #expect(reply.origin?.provider == "p" && reply.origin?.model == "m-1")
      #expect(reply.usage.isEstimated == false)
    }
  }

  @Test("is to the engine what its settings say") func traits() async throws {
    let change: (inout RemoteProviderSettings) -> Void = { settings in
      (settings.model, settings.contextTokens, settings.retries) = ("m-7", 8192, 7)
      settings.timeouts.total = .seconds(77)
    }
    try await withProvider(.openai, LoopbackServer { _ in "" }, change) { provider in
      #expect(
        provider.traits
          == ProviderTraits(model: "m-7", contextTokens: 8192, retries: 7, longestCall: .seconds(77)))
    }
  }

  @Test("a stream over HTTP/2 comes in its pieces and whole") func http2() async throws {
    let tls = try TLSFolder()
    try await tls.withHTTP2Server(events: OpenAIFixtures.text) { server in
      let transport = try CurlTransport()
      defer { transport.shutdown() }
      var values = settings(.openai, "https://127.0.0.1:\(server.port)/v1")
      values.certificateAuthorityFile = tls.certificate
      let provider = RemoteProvider(id: "p", settings: values, transport: transport, clock: ManualClock())
      for _ in 0..<2 {
        let deltas = Deltas()
        let reply = try await provider.complete(modelRequest()) { deltas.add($0) }
        #expect(reply.text == "Grüß dich, 漢字 😀" && deltas.all.joined() == reply.text)
      }
      #expect(try server.requests == ["0.1", "0.3"])
    }
  }

  @Test(
    "a connection of HTTP/2 that dies under a call is one request and an error to be tried again",
    arguments: [HTTP2Mode.goesAway, .refuses, .closes])
  func dyingHTTP2(mode: HTTP2Mode) async throws {
    let tls = try TLSFolder()
    try await tls.withHTTP2Server(mode, events: OpenAIFixtures.text) { server in
      let transport = try CurlTransport()
      defer { transport.shutdown() }
      var values = settings(.openai, "https://127.0.0.1:\(server.port)/v1")
      values.certificateAuthorityFile = tls.certificate
      let provider = RemoteProvider(id: "p", settings: values, transport: transport, clock: ManualClock())
      _ = try await provider.complete(modelRequest()) { _ in }
      let error = await failure(on: provider)
      #expect(
        error?.code == .unreachable && error?.isRetryable == true && error?.wasSent == true, "\(error?.detail ?? "")")
      #expect(try server.requests == ["0.1", "0.3"])
    }
  }

  static let callStreams: [(Dialect, String)] = [
    (.openai, OpenAIFixtures.parallelCalls), (.anthropic, AnthropicFixtures.thinkingAndCalls),
    (.openai, OpenAIFixtures.ollamaCalls), (.openai, OpenAIFixtures.llamaCalls),
  ]

  @Test("streamed tool calls come whole, under their dotted names", arguments: callStreams)
  func calls(dialect: Dialect, stream: String) async throws {
    try await withProvider(dialect, LoopbackServer { _ in eventAnswer(stream) }) { provider in
      let reply = try await provider.complete(modelRequest(tools: [fileRead])) { _ in }
      #expect(reply.finish == .toolCalls)
      let first = try #require(reply.calls.first)
      #expect(first.name == "file.read")
      #expect(first.arguments["path"]?.stringValue?.hasPrefix("a") == true)
      #expect(Set(reply.calls.map(\.id)).count == reply.calls.count)
    }
  }

  @Test("an answer that is one JSON text is taken too", arguments: [Dialect.openai, .anthropic])
  func whole(dialect: Dialect) async throws {
    let body = dialect == .openai ? OpenAIFixtures.whole : AnthropicFixtures.whole
    try await withProvider(dialect, LoopbackServer { _ in jsonAnswer(200, body) }) { provider in
      let deltas = Deltas()
      let reply = try await provider.complete(modelRequest(tools: [fileRead])) { deltas.add($0) }
      #expect(reply.text == "Hi." && deltas.all == ["Hi."])
      #expect(reply.calls.map(\.name) == ["file.read"])
      #expect(reply.usage == ModelUsage(inputTokens: 5, outputTokens: 7))
    }
  }
}
