import AgentCore
import Testing

@testable import LLMProviders

@Suite("An answer in OpenAI's dialect") struct OpenAIAnswerTests {
  typealias Call = AssembledReply.Call

  private static func deltas(_ deltas: [String], finish: String = "tool_calls") -> String {
    openAIStream(
      deltas.map { #"{"choices":[{"index":0,"delta":\#($0),"finish_reason":null}]}"# }
        + [#"{"choices":[{"index":0,"delta":{},"finish_reason":"\#(finish)"}]}"#])
  }

  private static func calls(_ fragments: String...) -> String {
    deltas(fragments.map { #"{"tool_calls":[\#($0)]}"# })
  }

  static let assembled: [(String, String, [Call])] = [
    (
      "a new index", OpenAIFixtures.parallelCalls,
      [
        Call(id: "call_a", name: "file_read", arguments: #"{"path":"a.txt"}"#),
        Call(id: "call_b", name: "file_read", arguments: #"{"path":"b.txt"}"#),
      ]
    ),
    (
      "a new id at a known index", OpenAIFixtures.ollamaCalls,
      [
        Call(id: "call_1", name: "file_read", arguments: #"{"path":"a"}"#),
        Call(id: "call_2", name: "file_list", arguments: "{}"),
      ]
    ),
    (
      "a name after complete arguments, without ids",
      calls(
        #"{"index":0,"function":{"name":"a","arguments":"{}"}}"#,
        #"{"index":0,"function":{"name":"a","arguments":"{\"x\":"}}"#, #"{"index":0,"function":{"arguments":"1}"}}"#),
      [Call(id: "", name: "a", arguments: "{}"), Call(id: "", name: "a", arguments: #"{"x":1}"#)]
    ),
    (
      "no index at all",
      calls(
        #"{"function":{"name":"a","arguments":"{}"}}"#, #"{"id":"","function":{"name":"b","arguments":"{}"}}"#),
      [Call(id: "", name: "a", arguments: "{}"), Call(id: "", name: "b", arguments: "{}")]
    ),
    (
      "two without an index in one chunk",
      calls(#"{"function":{"name":"a","arguments":""}},{"function":{"name":"a","arguments":""}}"#),
      [Call(id: "", name: "a", arguments: ""), Call(id: "", name: "a", arguments: "")]
    ),
    (
      "an object in place of its text", calls(#"{"index":0,"id":"x","function":{"name":"a","arguments":{"b":1}}}"#),
      [Call(id: "x", name: "a", arguments: #"{"b":1}"#)]
    ),
    (
      "id and name again with each fragment",
      calls(
        #"{"index":0,"id":"x","function":{"name":"a","arguments":""}}"#,
        #"{"index":0,"id":"x","function":{"name":"a","arguments":"{}"}}"#,
        #"{"index":0,"id":"x","function":{"name":"a","arguments":""}}"#),
      [Call(id: "x", name: "a", arguments: "{}")]
    ),
    (
      "the same id for two calls",
      calls(
        #"{"index":0,"id":"x","function":{"name":"a","arguments":"{}"}}"#,
        #"{"index":1,"id":"x","function":{"name":"b","arguments":"{}"}}"#),
      [Call(id: "x", name: "a", arguments: "{}"), Call(id: "x", name: "b", arguments: "{}")]
    ),
    (
      "fragments of two calls in turns",
      calls(
        #"{"index":0,"id":"x","function":{"name":"a","arguments":"{\"n\":"}}"#,
        #"{"index":1,"id":"y","function":{"name":"b","arguments":"{\"n\":"}}"#,
        #"{"index":0,"function":{"arguments":"1}"}}"#, #"{"index":1,"function":{"arguments":"2}"}}"#),
      [Call(id: "x", name: "a", arguments: #"{"n":1}"#), Call(id: "y", name: "b", arguments: #"{"n":2}"#)]
    ),
    (
      "an id that comes late",
      calls(#"{"index":0,"function":{"name":"a"}}"#, #"{"index":0,"id":"x","function":{"arguments":"{}"}}"#),
      [Call(id: "x", name: "a", arguments: "{}")]
    ),
  ]

  @Test("has its calls put together", arguments: assembled)
  func assembles(what: String, stream: String, calls: [Call]) throws {
    let reply = try read(.openai, stream).reply
    #expect(reply.calls == calls, "\(what)")
  }

  static let reasons: [(String, FinishReason)] = [
    ("stop", .stop), ("tool_calls", .toolCalls), ("function_call", .toolCalls), ("length", .length),
    ("model_length", .length), ("content_filter", .refusal),
  ]

  @Test("ends for the reason it tells", arguments: reasons)
  func finishes(reason: String, finish: FinishReason) throws {
    #expect(try read(.openai, Self.deltas([#"{"content":"x"}"#], finish: reason)).reply.finish == finish)
  }

  @Test("that refuses says so, and its words are the text") func refusal() throws {
    let reply = try read(.openai, OpenAIFixtures.refusal).reply
    #expect(reply.finish == .refusal)
    #expect(reply.text == "I cannot do that.")
    #expect(reply.message["refusal"] == "I cannot do that.")
    #expect(reply.message["content"] == .null)
  }

  @Test("is kept with every member, known or not") func verbatim() throws {
    let reply = try read(.openai, OpenAIFixtures.extraMembers).reply
    #expect(
      reply.message == [
        "role": "assistant", "content": "Yes.", "reasoning_content": "Let me see.", "mood": ["level": 1],
        "tool_calls": [
          [
            "id": "c1", "type": "function", "function": ["name": "file_list", "arguments": "{}"],
            "extra_content": ["google": ["thought_signature": "sig"]],
          ]
        ],
      ])
    #expect(reply.thinkingBytes == "Let me see.".utf8.count)
    let whole = try read(.openai, OpenAIFixtures.whole, type: "application/json").reply
    #expect(whole.message["annotations"] == .array([]))
    #expect(whole.message["refusal"] == .null)
    #expect(whole.message["tool_calls"]?.arrayValue?.first?["id"] == "call_a")
  }

  @Test("may have content in parts") func parts() throws {
    let stream = Self.deltas(
      [
        #"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}"#, #"{"content":"So: "}"#,
        #"{"content":[{"type":"text","text":"yes"}]}"#,
      ], finish: "stop")
    let reply = try read(.openai, stream)
    #expect(reply.text == "So: yes" && reply.reply.text == "So: yes")
    #expect(reply.reply.message["content"]?.arrayValue?.count == 3)
  }

  @Test("tells its counts, the last value of each") func usage() throws {
    #expect(
      try read(.openai, OpenAIFixtures.text).reply.usage
        == TokenCounts(input: 20, output: 9, cached: 8, cacheWrite: 0, reasoning: 4))
    let running = openAIStream([
      #"{"choices":[{"index":0,"delta":{"content":"x"}}],"usage":{"prompt_tokens":7,"completion_tokens":1}}"#,
      #"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"completion_tokens":2,"prompt_tokens":null}}"#,
    ])
    #expect(try read(.openai, running).reply.usage == TokenCounts(input: 7, output: 2))
    #expect(try read(.openai, OpenAIFixtures.ollamaCalls).reply.usage == TokenCounts())
  }

  @Test("counts a choice once that comes beside others") func otherChoices() throws {
    let stream = openAIStream([
      #"{"choices":[{"index":1,"delta":{"content":"no"}},{"index":0,"delta":{"content":"yes"},"finish_reason":"stop"}]}"#
    ])
    #expect(try read(.openai, stream).reply.text == "yes")
  }
}
