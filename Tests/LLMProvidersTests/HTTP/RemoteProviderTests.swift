import AgentConfig
import AgentCore
import AgentTestKit
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
