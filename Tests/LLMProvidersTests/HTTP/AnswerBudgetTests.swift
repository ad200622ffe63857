import AgentCore
import Testing

@testable import LLMProviders

/// What of an answer is kept beside its text and calls.
@Suite("What an answer leaves behind", .timeLimit(.minutes(2))) struct AnswerBudgetTests {
  private static let most = JSONValue.maximumAnswerValues

  private static func numbers(_ count: Int) -> String {
    "[" + Array(repeating: "1", count: count).joined(separator: ",") + "]"
  }

  /// A whole answer with a member of the message, or block, besides.
  private static func whole(_ dialect: Dialect, inside: String = "", around: String = "") -> String {
    switch dialect {
    case .openai: #"{"choices":[{"message":{"content":"x"\#(inside)},"finish_reason":"stop"}]\#(around)}"#
    case .anthropic:
      #"{"type":"message","content":[{"type":"text","text":"x"\#(inside)}],"stop_reason":"end_turn"\#(around)}"#
    }
  }

  @Test("an answer of 250,000 values is read, and one of more is too large", arguments: [Dialect.openai, .anthropic])
  func values(dialect: Dialect) throws {
    let others = dialect == .openai ? 6 : 7
    let text = Self.whole(dialect, around: #","z":\#(Self.numbers(Self.most - others - 1))"#)
    #expect(try read(dialect, text, type: "application/json").reply.text == "x")
    for count in [Self.most - others + 1, 3_000_000] {
      let text = Self.whole(dialect, around: #","z":\#(Self.numbers(count))"#)
      let error = failure(dialect, text, type: "application/json")
      #expect(error?.code == .providerTooLarge && error?.detail == "the answer holds more than 250000 JSON values")
    }
  }

  @Test("a stream that grows a list of more is too large, also one of a member that is known")
  func streamed() {
    let events = (0..<6).map { _ in
      #"{"choices":[{"index":0,"delta":{"content":"x","reasoning_details":\#(Self.numbers(50_000))}}]}"#
    }
    let error = failure(.openai, openAIStream(events))
    #expect(error?.code == .providerTooLarge && error?.detail == "the answer holds more than 250000 JSON values")
  }

  @Test("arguments of more values are no arguments, and the model is told so")
  func arguments() {
    let text = #"{"z":\#(Self.numbers(Self.most))}"#
    #expect(throws: JSONSyntaxError.self) { try JSONValue(arguments: text) }
    #expect(JSONValue.string(text).faultAsArguments == "the arguments hold more than 250000 JSON values")
    #expect((try? JSONValue(arguments: #"{"z":\#(Self.numbers(1000))}"#)) != nil)
  }

  @Test(
    "a further member is kept while it is small; of a large one stays a mark of its size",
    arguments: [Dialect.openai, .anthropic])
  func further(dialect: Dialect) throws {
    let long = String(repeating: "y", count: AnswerBudget.furtherBytes)
    for place in ["inside", "around"] {
      func reply(_ value: String) throws -> AssembledReply {
        let member = #","z":"\#(value)""#
        let text = place == "inside" ? Self.whole(dialect, inside: member) : Self.whole(dialect, around: member)
        return try read(dialect, text, type: "application/json").reply
      }
      let small = try reply("kept")
      #expect("\(small.message.text)\(small.envelope)".contains("kept") && small.envelope["omitted_bytes"] == nil)
      let large = try reply(long)
      #expect(!"\(large.message.text)\(large.envelope)".contains("yyyy"), "\(dialect), \(place)")
      #expect((large.envelope["omitted_bytes"]?.integerValue ?? 0) >= Int64(long.utf8.count))
      #expect(large.text == "x" && large.finish == .stop)
    }
  }

  @Test("one that grows past it in a stream is left out whole, and what only repeats itself is not")
  func growing() throws {
    let piece = String(repeating: "y", count: 1000)
    let events = (0..<400).map { _ in
      #"{"id":"c","more":"\#(piece)","choices":[{"index":0,"delta":{"content":"x","z":"\#(piece)","n":1}}]}"#
    }
    let stream = openAIStream(events + [#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#])
    let reply = try read(.openai, stream).reply
    #expect(reply.text.utf8.count == 400 && reply.message["z"] == nil && reply.message["n"] == 1)
    #expect(reply.envelope["id"] == "c" && (reply.envelope["omitted_bytes"]?.integerValue ?? 0) > 0)
  }

  @Test("answers below a megabyte are read at once, larger ones in turn")
  func turns() async {
    let large = LargeAnswers()
    #expect(await large.turn(for: LargeAnswers.bytes) == nil)
    let first = await large.turn(for: LargeAnswers.bytes + 1)
    #expect(first != nil)
    async let second = large.turn(for: LargeAnswers.bytes + 1)
    first?()
    let giveBack = await second
    #expect(giveBack != nil)
    giveBack?()
  }
}
