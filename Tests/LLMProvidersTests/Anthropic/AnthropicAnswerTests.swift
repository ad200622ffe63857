import AgentCore
import Testing

@testable import LLMProviders

@Suite("An answer in Anthropic's dialect") struct AnthropicAnswerTests {
  typealias Fixtures = AnthropicFixtures

  @Test("is kept block by block, thoughts with their signatures") func verbatim() throws {
    let reply = try read(.anthropic, Fixtures.thinkingAndCalls).reply
    #expect(
      reply.message == [
        "role": "assistant",
        "content": [
          ["type": "thinking", "thinking": "Let me see.", "signature": "c2ln"],
          ["type": "redacted_thinking", "data": "b3BhcXVl"], ["type": "text", "text": "I read both."],
          ["type": "tool_use", "id": "toolu_1", "name": "file_read", "input": ["path": "a.txt"]],
          ["type": "tool_use", "id": "toolu_2", "name": "file_list", "input": [:]],
        ],
      ])
    #expect(reply.text == "I read both.")
    #expect(
      reply.calls == [
        .init(id: "toolu_1", name: "file_read", arguments: #"{"path": "a.txt"}"#),
        .init(id: "toolu_2", name: "file_list", arguments: "{}"),
      ])
    #expect(reply.finish == .toolCalls)
    #expect(reply.model == "claude-x-1")
    #expect(reply.thinkingBytes == "Let me see.".utf8.count)
  }

  @Test("keeps citations and members that nobody knows") func citations() throws {
    let stream = anthropicStream([
      Fixtures.start,
      #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"A","citations":[]}}"#,
      #"{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"n":1}}}"#,
      #"{"type":"content_block_delta","index":0,"delta":{"type":"mood_delta","mood":"we"}}"#,
      #"{"type":"content_block_delta","index":0,"delta":{"type":"mood_delta","mood":"ll"}}"#,
      #"{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"n":2}}}"#,
      #"{"type":"message_delta","delta":{"stop_reason":"stop_sequence","stop_sequence":"END"},"usage":{"output_tokens":3}}"#,
      Fixtures.stop,
    ])
    let (reply, text) = try read(.anthropic, stream)
    #expect(text == "A" && reply.finish == .stop)
    #expect(
      reply.message == [
        "role": "assistant",
        "content": [["type": "text", "text": "A", "mood": "well", "citations": [["n": 1], ["n": 2]]]],
      ])
  }

  @Test("keeps what stands around the content beside it, of each member the last value") func envelope() throws {
    let stream = anthropicStream([
      Fixtures.start,
      #"{"type":"message_delta","delta":{"stop_reason":"stop_sequence","stop_sequence":"END","container":{"id":"c1"}},"context_management":{"applied_edits":[]},"usage":{"output_tokens":3}}"#,
      Fixtures.stop,
    ])
    #expect(
      try read(.anthropic, stream).reply.envelope == [
        "id": "msg_1", "model": "claude-x-1", "stop_reason": "stop_sequence", "stop_sequence": "END",
        "container": ["id": "c1"], "context_management": ["applied_edits": []],
      ])
    #expect(
      try read(.anthropic, Fixtures.whole, type: "application/json").reply.envelope == [
        "id": "msg_2", "model": "claude-x-1", "stop_reason": "tool_use",
      ])
  }

  static let reasons: [(String, FinishReason)] = [
    ("end_turn", .stop), ("stop_sequence", .stop), ("tool_use", .toolCalls), ("max_tokens", .length),
    ("model_context_window_exceeded", .length), ("refusal", .refusal),
  ]

  @Test("ends for the reason it tells", arguments: reasons)
  func finishes(reason: String, finish: FinishReason) throws {
    let stream = anthropicStream(
      [Fixtures.start] + Fixtures.textBlock(0, ["x"]) + [Fixtures.end(reason), Fixtures.stop])
    #expect(try read(.anthropic, stream).reply.finish == finish)
  }

  @Test("counts what was read from the cache and written to it as input") func usage() throws {
    #expect(
      try read(.anthropic, Fixtures.text).reply.usage
        == TokenCounts(input: 125, output: 15, cached: 100, cacheWrite: 5))
    let stream = anthropicStream(
      [Fixtures.start] + Fixtures.textBlock(0, ["x"]) + [
        #"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":30,"cache_read_input_tokens":null,"output_tokens":4,"output_tokens_details":{"thinking_tokens":2}}}"#,
        Fixtures.stop,
      ])
    #expect(
      try read(.anthropic, stream).reply.usage
        == TokenCounts(input: 135, output: 4, cached: 100, cacheWrite: 5, reasoning: 2))
  }

  @Test("with a count of the cache that cannot be has no input count") func badCache() throws {
    let stream = Fixtures.text.replacing(#""cache_read_input_tokens":100"#, with: #""cache_read_input_tokens":-1"#)
    #expect(stream != Fixtures.text)
    #expect(try read(.anthropic, stream).reply.usage.input == nil)
  }

  @Test("keeps half a call as the text that came") func halfCall() throws {
    let stream = anthropicStream(
      [Fixtures.start] + Fixtures.callBlock(0, "toolu_1", "file_read", [#"{\"path\": \"a"#])
        + [Fixtures.end("max_tokens"), Fixtures.stop])
    let reply = try read(.anthropic, stream).reply
    #expect(reply.finish == .length)
    #expect(reply.calls.first?.arguments == #"{"path": "a"#)
    #expect(reply.message["content"]?.arrayValue?.first?["input"] == #"{"path": "a"#)
  }
}
