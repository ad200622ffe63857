import AgentCore
import HTTPTransport
import Testing

@testable import LLMProviders

/// What is alike in both dialects: whole and cut answers, pieces of every size, bodies that are none.
@Suite("A provider's answer") struct AnswerTests {
  static let streams: [(Dialect, String)] = [
    (.openai, OpenAIFixtures.text), (.openai, OpenAIFixtures.parallelCalls), (.openai, OpenAIFixtures.refusal),
    (.openai, OpenAIFixtures.extraMembers), (.openai, OpenAIFixtures.llamaCalls),
    (.openai, OpenAIFixtures.ollamaCalls), (.anthropic, AnthropicFixtures.text),
    (.anthropic, AnthropicFixtures.thinkingAndCalls),
  ]

  @Test("is the same in pieces of every size, and cut in two at every byte", arguments: streams)
  func pieces(dialect: Dialect, stream: String) throws {
    let bytes = Array(stream.utf8)
    let whole = try read(dialect, [bytes])
    for size in [1, 2, 3, 7, 61] {
      let pieces = stride(from: 0, to: bytes.count, by: size).map {
        Array(bytes[$0..<min($0 + size, bytes.count)])
      }
      let same = try read(dialect, pieces)
      #expect(same.reply == whole.reply && same.text == whole.text, "pieces of \(size)")
    }
    for cut in 0...bytes.count {
      let same = try read(dialect, [Array(bytes[..<cut]), Array(bytes[cut...])])
      #expect(same.reply == whole.reply && same.text == whole.text, "cut at \(cut)")
    }
  }

  @Test("that ends before its stop reason is never taken for whole, wherever it is cut", arguments: streams)
  func cut(dialect: Dialect, stream: String) throws {
    let bytes = Array(stream.utf8)
    let mark = dialect == .openai ? "\"finish_reason\":" : "\"stop_reason\":\""
    // Of OpenAI's the last is the one that holds a reason.
    let reasonStart =
      dialect == .openai
      ? stream.ranges(of: mark).last { stream[$0.upperBound...].first == "\"" }?.lowerBound
      : stream.ranges(of: mark).last?.lowerBound
    let last = stream[..<(try #require(reasonStart))].utf8.count
    let whole = try read(dialect, [bytes]).reply
    for end in 0..<bytes.count {
      let text = String(decoding: bytes[..<end], as: UTF8.self)
      let error = failure(dialect, text)
      if end < last {
        #expect(error?.code == .streamTruncated, "cut at \(end)")
      } else if error == nil {
        // With its reason, and a clean end of the body: whole but for the counts.
        #expect(try read(dialect, text).reply.text == whole.text, "cut at \(end)")
      }
    }
  }

  @Test("without an end mark but with a stop reason and a clean end is whole")
  func cleanEnd() throws {
    let openAI = OpenAIFixtures.text.replacing("data: [DONE]\n\n", with: "")
    #expect(try read(.openai, openAI).reply.text == "Grüß dich, 漢字 😀")
    let anthropic = AnthropicFixtures.text.replacing(
      "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", with: "")
    #expect(anthropic != AnthropicFixtures.text)
    #expect(try read(.anthropic, anthropic).reply.text == "Grüß dich, 漢字 😀")
  }

  @Test("with an end mark but no stop reason is cut")
  func markAlone() {
    let openAI = openAIStream([#"{"choices":[{"index":0,"delta":{"content":"half"},"finish_reason":null}]}"#])
    #expect(failure(.openai, openAI)?.code == .streamTruncated)
    let anthropic = anthropicStream(
      [AnthropicFixtures.start] + AnthropicFixtures.textBlock(0, ["half"]) + [AnthropicFixtures.stop])
    #expect(failure(.anthropic, anthropic)?.code == .streamTruncated)
  }

  @Test("ends at its end mark: what follows is not read")
  func afterEndMark() throws {
    #expect(try read(.openai, OpenAIFixtures.text + "data: {broken\n\n").reply.text == "Grüß dich, 漢字 😀")
    #expect(try read(.anthropic, AnthropicFixtures.text + "data: {broken\n\n").reply.text == "Grüß dich, 漢字 😀")
  }

  static let malformed: [(Dialect, String, String?)] = [
    (.openai, "<html>secret page</html>", "text/html"), (.anthropic, "<html>secret page</html>", "text/html"),
    (.openai, "<html>secret page</html>", "application/json"), (.openai, "secret page", nil),
    (.openai, "<html>secret page</html>", nil),
    (.openai, "data: {\"choices\":[secret", "text/plain"), (.openai, "", "application/json"),
    (.openai, "[\"secret page\"]", "application/json"), (.openai, "{\"secret\":\"page\"}", "application/json"),
    (.anthropic, "{\"secret\":\"page\"}", "application/json"), (.openai, "data: {\"secret\n\n", "text/event-stream"),
    (.anthropic, "data: secret page\n\n", "text/event-stream"), (.openai, "data: 7\n\n", "text/event-stream"),
    (.openai, "data: {\"choices\":\"secret\"}\n\n", "text/event-stream"),
    (.openai, "data: {\"choices\":[\"secret\"]}\n\n", "text/event-stream"),
    (.openai, "data: {\"choices\":[{\"delta\":\"secret\"}]}\n\n", "text/event-stream"),
    (.openai, "data: {\"choices\":[{\"delta\":{\"content\":77}}]}\n\n", "text/event-stream"),
    (.openai, "data: {\"choices\":[{\"delta\":{\"tool_calls\":\"secret\"}}]}\n\n", "text/event-stream"),
    (.openai, "data: {\"choices\":[{\"delta\":{\"tool_calls\":[\"secret\"]}}]}\n\n", "text/event-stream"),
    (
      .openai, "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"arguments\":[7]}}]}}]}\n\n",
      "text/event-stream"
    ),
    (.anthropic, "data: {\"type\":\"message_start\",\"message\":\"secret\"}\n\n", "text/event-stream"),
    (.anthropic, "data: {\"type\":\"content_block_start\",\"content_block\":{}}\n\n", "text/event-stream"),
    (
      .anthropic, "data: {\"type\":\"content_block_delta\",\"index\":4,\"delta\":{\"text\":\"secret\"}}\n\n",
      "text/event-stream"
    ),
    (.anthropic, "data: {\"type\":\"message_delta\",\"delta\":\"secret\"}\n\n", "text/event-stream"),
    (
      .anthropic,
      "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\"}}\n\n"
        + "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":7}}\n\n",
      "text/event-stream"
    ),
    (.anthropic, "{\"type\":\"message\",\"content\":[\"secret\"]}", "application/json"),
  ]

  @Test("that cannot be read is `provider_malformed`, and no part of it is in the error", arguments: malformed)
  func unreadable(dialect: Dialect, body: String, type: String?) {
    let error = failure(dialect, body, type: type)
    #expect(error?.code == .providerMalformed)
    #expect(error?.isRetryable == false)
    #expect(error?.detail.contains("secret") == false, "\(error?.detail ?? "")")
  }

  static let unknownReasons: [(Dialect, String)] = [
    (
      .openai,
      openAIStream([#"{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"tired"}]}"#])
    ),
    (
      .anthropic,
      anthropicStream(
        [AnthropicFixtures.start] + AnthropicFixtures.textBlock(0, ["x"])
          + [AnthropicFixtures.end("tired"), AnthropicFixtures.stop])
    ), (.openai, openAIStream([#"{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":7}]}"#])),
    (.openai, openAIStream([#"{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":{}}]}"#])),
    (
      .anthropic,
      anthropicStream(
        [AnthropicFixtures.start] + AnthropicFixtures.textBlock(0, ["x"])
          + [#"{"type":"message_delta","delta":{"stop_reason":7}}"#, AnthropicFixtures.stop])
    ),
  ]

  @Test(
    "that is not UTF-8 is `provider_malformed`, as a stream and as one JSON body, but not after its end mark",
    arguments: [Dialect.openai, .anthropic])
  func invalidText(dialect: Dialect) throws {
    let (stream, whole) =
      dialect == .openai
      ? (OpenAIFixtures.text, OpenAIFixtures.whole) : (AnthropicFixtures.text, AnthropicFixtures.whole)
    for (text, mark, type) in [(stream, "dich", "text/event-stream"), (whole, "Hi.", "application/json")] {
      var bytes = Array(text.utf8)
      let place = try #require(text.utf8.ranges(of: mark.utf8).first)
      bytes.insert(0xC3, at: text.utf8.distance(from: text.utf8.startIndex, to: place.lowerBound))
      let error = #expect(throws: ProviderError.self) { try read(dialect, [bytes], type: type) }
      #expect(error?.code == .providerMalformed)
    }
    let after = Array(stream.utf8) + Array("data: ".utf8) + [0xFF, 0x0A, 0x0A]
    #expect(try read(dialect, [after]).reply.text == "Grüß dich, 漢字 😀")
  }

  @Test(
    "that ends for an unknown reason, or for one that is no text, is `provider_malformed`", arguments: unknownReasons)
  func unknownReason(dialect: Dialect, stream: String) {
    #expect(failure(dialect, stream)?.code == .providerMalformed)
  }

  @Test("without a type is read by what it begins with")
  func untyped() throws {
    #expect(try read(.openai, OpenAIFixtures.text, type: nil).reply.text == "Grüß dich, 漢字 😀")
    #expect(try read(.openai, OpenAIFixtures.llamaCalls, type: nil).reply.calls.count == 1)
    #expect(try read(.anthropic, AnthropicFixtures.text, type: nil).reply.text == "Grüß dich, 漢字 😀")
    #expect(try read(.openai, "\n" + OpenAIFixtures.whole, type: nil).reply.text == "Hi.")
    let bytes = Array(("\n " + OpenAIFixtures.text).utf8)
    #expect(try read(.openai, bytes.map { [$0] }, type: nil).reply.text == "Grüß dich, 漢字 😀")
    #expect(
      try read(.openai, OpenAIFixtures.whole, type: "Application/JSON; charset=utf-8").reply.text == "Hi.")
  }

  @Test(
    "without a type that begins with blanks is read once, in however many pieces they come", .timeLimit(.minutes(1)))
  func blanks() throws {
    let blanks = Array(repeating: Array(" \n".utf8), count: 200_000)
    #expect(try read(.openai, blanks + [Array(OpenAIFixtures.whole.utf8)], type: nil).reply.text == "Hi.")
  }

  @Test("that is compressed, or has a line over 1 MiB, is too large", arguments: [Dialect.openai, .anthropic])
  func tooLarge(dialect: Dialect) {
    do throws(ProviderError) {
      _ = try read(dialect, [], headers: [("content-encoding", "gzip")])
      Issue.record("it was read")
    } catch {
      #expect(error.code == .providerTooLarge)
    }
    let line = "data: " + String(repeating: "x", count: EventStreamParser.maximumLineBytes)
    #expect(failure(dialect, line)?.code == .providerTooLarge)
  }

  static let empty: [(Dialect, String, String)] = [
    (.openai, openAIStream([#"{"choices":[]}"#]), "text/event-stream"),
    (.openai, openAIStream([]), "text/event-stream"), (.openai, #"{"choices":[]}"#, "application/json"),
    (.openai, #"{"object":"chat.completion","model":"m"}"#, "application/json"),
    (.anthropic, anthropicStream([AnthropicFixtures.stop]), "text/event-stream"),
  ]

  @Test("without any choice is `provider_empty`, to be tried again", arguments: empty)
  func noChoice(dialect: Dialect, body: String, type: String) {
    let error = failure(dialect, body, type: type)
    #expect(error?.code == .providerEmpty)
    #expect(error?.isRetryable == true)
  }
}
