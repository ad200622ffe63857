import AgentCore
import Testing

@testable import LLMProviders

/// What one answer may be, in either dialect: how deep, of how many parts, and what becomes of half a character.
@Suite("Bounds of an answer", .timeLimit(.minutes(2))) struct AnswerBoundTests {
  private static func nested(_ levels: Int) -> String {
    String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
  }

  /// An answer in which so many lists lie in each other, at the place that comes to lie deepest in the journal.
  private static func deep(_ dialect: Dialect, _ levels: Int) -> [(text: String, type: String)] {
    let lists = nested(levels)
    switch dialect {
    case .openai:
      return [
        (
          openAIStream([
            #"{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}],"more":\#(lists)}"#
          ]), "text/event-stream"
        ),
        (
          #"{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}],"more":\#(lists)}"#,
          "application/json"
        ),
      ]
    case .anthropic:
      let block = #"{"type":"text","text":"x","more":\#(lists)}"#
      return [
        (
          anthropicStream([
            AnthropicFixtures.start, #"{"type":"content_block_start","index":0,"content_block":\#(block)}"#,
            AnthropicFixtures.end("end_turn"), AnthropicFixtures.stop,
          ]), "text/event-stream"
        ),
        (#"{"type":"message","content":[\#(block)],"stop_reason":"end_turn"}"#, "application/json"),
      ]
    }
  }

  @Test("nested as deep as a caller's body may be is taken, and its row can be read back; deeper is not an answer")
  func depth() throws {
    // How many values lie around that place: of a stream, and of a whole answer.
    for (dialect, around) in [(Dialect.openai, [0, 0]), (.anthropic, [1, 2])] {
      for (index, outer) in around.enumerated() {
        let most = JSONValue.maximumDepth - outer
        let (text, type) = Self.deep(dialect, most)[index]
        let reply = try read(dialect, text, type: type).reply
        let origin = ReplyOrigin(provider: "p", model: "m", message: reply.message, envelope: reply.envelope)
        let row: JSONValue = ["output": ["text": "x", "origin": origin.json]]
        #expect(row.text.contains(Self.nested(most)), "\(dialect), \(type)")
        #expect(!row.isDeeper(than: JSONValue.maximumStoredDepth - 10))
        #expect(try JSONValue(stored: row.encoded()) == row)
        for levels in [most + 1, 100, 128, 5000] {
          let (text, type) = Self.deep(dialect, levels)[index]
          let error = failure(dialect, text, type: type)
          #expect(error?.code == .providerMalformed, "\(dialect), \(type), \(levels)")
          #expect(error?.detail == "a part of the answer is nested deeper than 64")
        }
      }
    }
  }

  @Test("arguments that are nested deeper are no arguments, and the model is told so", arguments: [64, 65, 100])
  func arguments(levels: Int) throws {
    let text = #"{"a":\#(Self.nested(levels))}"#
    let said = JSONValue.string(text)
    let fits = levels <= JSONValue.maximumDepth
    // `try?`: whether it is read is what is asked.
    let isRead = (try? JSONValue(parsing: text)) != nil
    #expect(isRead == fits)
    if !fits { #expect(said.faultAsArguments == "the arguments are nested deeper than 64") }
    let quoted = said.text
    let stream = openAIStream([
      #"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":\#(quoted)}}]},"finish_reason":"tool_calls"}]}"#
    ])
    #expect(try read(.openai, stream).reply.calls.map(\.arguments) == [text])
    let anthropic = anthropicStream(
      [AnthropicFixtures.start] + AnthropicFixtures.callBlock(0, "c", "f", [String(quoted.dropFirst().dropLast())])
        + [AnthropicFixtures.end("tool_use"), AnthropicFixtures.stop])
    let reply = try read(.anthropic, anthropic).reply
    #expect(reply.calls.map(\.arguments) == [text])
    #expect((reply.message["content"]?.arrayValue?.first?["input"]?.objectValue != nil) == fits)
  }

  private static func calls(_ dialect: Dialect, _ count: Int) -> [(text: String, type: String)] {
    switch dialect {
    case .openai:
      let calls = (0..<count).map { #"{"index":\#($0),"id":"c\#($0)","function":{"name":"f","arguments":"{}"}}"# }
      let stream = openAIStream(
        calls.map { #"{"choices":[{"index":0,"delta":{"tool_calls":[\#($0)]}}]}"# }
          + [#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#])
      let whole =
        #"{"choices":[{"message":{"tool_calls":[\#(calls.joined(separator: ","))]},"finish_reason":"tool_calls"}]}"#
      return [(stream, "text/event-stream"), (whole, "application/json")]
    case .anthropic:
      let blocks = (0..<count).map { #"{"type":"tool_use","id":"c\#($0)","name":"f","input":{}}"# }
      return parts(blocks, "tool_use")
    }
  }

  private static func parts(_ blocks: [String], _ reason: String) -> [(text: String, type: String)] {
    let events = blocks.enumerated().map {
      #"{"type":"content_block_start","index":\#($0.offset),"content_block":\#($0.element)}"#
    }
    let stream = anthropicStream(
      [AnthropicFixtures.start] + events + [AnthropicFixtures.end(reason), AnthropicFixtures.stop])
    let whole = #"{"type":"message","content":[\#(blocks.joined(separator: ","))],"stop_reason":"\#(reason)"}"#
    return [(stream, "text/event-stream"), (whole, "application/json")]
  }

  @Test("holds 128 tool calls and no more", arguments: [Dialect.openai, .anthropic])
  func manyCalls(dialect: Dialect) throws {
    for (text, type) in Self.calls(dialect, 128) {
      #expect(try read(dialect, text, type: type).reply.calls.map(\.id) == (0..<128).map { "c\($0)" })
    }
    for (text, type) in Self.calls(dialect, 129) + Self.calls(dialect, 20_000) {
      let error = failure(dialect, text, type: type)
      #expect(error?.code == .providerMalformed && error?.detail == "the answer has more than 128 tool calls")
    }
  }

  @Test("holds 1,024 content blocks and no more")
  func manyBlocks() throws {
    for (count, isTaken) in [(1024, true), (1025, false), (20_000, false)] {
      let blocks = Array(repeating: #"{"type":"text","text":"x"}"#, count: count)
      for (text, type) in Self.parts(blocks, "end_turn") {
        guard !isTaken else {
          #expect(try read(.anthropic, text, type: type).reply.text.utf8.count == count)
          continue
        }
        let error = failure(.anthropic, text, type: type)
        #expect(error?.code == .providerMalformed && error?.detail == "the answer has more than 1024 content blocks")
      }
    }
  }

  @Test("is not copied for each delta, however deep it grows", .timeLimit(.minutes(1)))
  func nestedGrowth() {
    var message = GrowingMessage()
    let piece: [String: JSONValue] = ["a": ["b": ["text": .string(String(repeating: "x", count: 200))]]]
    for _ in 0..<50_000 { message.take(piece) }
    #expect(message.members["a"]?["b"]?["text"]?.stringValue?.utf8.count == 10_000_000)
  }

  @Test("may be cut between the halves of a character: each is U+FFFD", arguments: [Dialect.openai, .anthropic])
  func halves(dialect: Dialect) throws {
    let pieces = [#"a\ud83d"#, #"\ude00b"#, #"\ud83d\ude00"#]
    let stream =
      dialect == .openai
      ? openAIStream(
        pieces.map { #"{"choices":[{"index":0,"delta":{"content":"\#($0)"}}]}"# }
          + [#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#])
      : anthropicStream(
        [AnthropicFixtures.start] + AnthropicFixtures.textBlock(0, pieces)
          + [AnthropicFixtures.end("end_turn"), AnthropicFixtures.stop])
    let (reply, text) = try read(dialect, stream)
    #expect(reply.text == "a\u{FFFD}\u{FFFD}b😀" && text == reply.text)
  }
}
