import AgentCore
import AgentTestKit
import Testing

@testable import LLMProviders

/// What is booked of a call whose answer was an error, over real sockets.
@Suite("The usage of an answer that is an error", .timeLimit(.minutes(1))) struct ErrorUsageTests {
  private static let told = #"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#
  private static let usage = ModelUsage(inputTokens: 7, outputTokens: 3)
  /// 20 fresh ones, 100 read from the cache, 5 written to it.
  private static let anthropicUsage = ModelUsage(
    inputTokens: 125, outputTokens: 15, cachedTokens: 100, cacheWriteTokens: 5)

  private static func chunk(_ reason: String, _ content: String = "") -> String {
    #"{"choices":[{"index":0,"delta":{"content":"\#(content)"},"finish_reason":"\#(reason)"}]}"#
  }

  struct Answer: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var dialect: Dialect
    var body: String
    var code: ProviderError.Code
    var usage: ModelUsage?

    init(_ name: String, _ dialect: Dialect, _ body: String, _ code: ProviderError.Code, _ usage: ModelUsage?) {
      (testDescription, self.dialect, self.body, self.code, self.usage) = (name, dialect, body, code, usage)
    }
  }

  static let answers: [Answer] = [
    Answer("empty", .openai, openAIStream([chunk("stop"), told]), .providerEmpty, usage),
    Answer(
      "empty, Anthropic", .anthropic,
      anthropicStream(
        [AnthropicFixtures.start, AnthropicFixtures.end("end_turn"), AnthropicFixtures.stop]), .providerEmpty,
      anthropicUsage),
    Answer(
      "ends for a reason of its own", .openai, openAIStream([chunk("whim", "hi"), told]), .providerMalformed, usage),
    Answer(
      "ends for a reason of its own, Anthropic", .anthropic,
      anthropicStream(
        [AnthropicFixtures.start] + AnthropicFixtures.textBlock(0, ["hi"])
          + [AnthropicFixtures.end("whim"), AnthropicFixtures.stop]), .providerMalformed, anthropicUsage),
    Answer(
      "an error behind its counts", .openai,
      openAIStream(
        [chunk("stop", "hi"), told, #"{"error":{"message":"oops","type":"server_error"}}"#], endMark: false),
      .providerError, usage),
    Answer(
      "not JSON behind its counts", .openai, openAIStream([chunk("stop", "hi"), told, "{broken"], endMark: false),
      .providerMalformed, usage),
    // What is counted at the start of a message is no count of the whole.
    Answer(
      "an error before the last count", .anthropic,
      anthropicStream([AnthropicFixtures.start, #"{"type":"error","error":{"type":"api_error","message":"oops"}}"#]),
      .providerError, nil),
    Answer("empty, and not counted", .openai, openAIStream([chunk("stop")]), .providerEmpty, nil),
    Answer("cut behind its counts", .openai, openAIStream([told], endMark: false), .streamTruncated, nil),
  ]

  @Test("is what its provider told, unless the answer was cut", arguments: answers)
  func booked(answer: Answer) async throws {
    let server = try LoopbackServer { connection, _ in
      _ = connection.readRequest()
      connection.write(eventAnswer(answer.body))
    }
    try await withProvider(answer.dialect, server) { provider in
      let error = await failure(on: provider)
      #expect(error?.code == answer.code && error?.wasSent == true)
      #expect(error?.usage == answer.usage)
    }
  }

  @Test("that cannot be is our own count", arguments: ["-1", "9223372036854775807", "0", "\"3\""])
  func absurd(count: String) async throws {
    let counts = #"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":\#(count)}}"#
    let body = openAIStream([Self.chunk("whim", "123456789"), counts])
    let server = try LoopbackServer { connection, _ in
      _ = connection.readRequest()
      connection.write(eventAnswer(body))
    }
    try await withProvider(.openai, server) { provider in
      let usage = await failure(on: provider)?.usage
      #expect(usage == ModelUsage(inputTokens: 7, outputTokens: 3, isEstimated: true))
    }
  }
}
