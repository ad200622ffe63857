import AgentConfig
import AgentCore
import Testing

@testable import LLMProviders

/// What is alike in both dialects.
@Suite("A request on the wire") struct RequestTests {
  private func body(
    _ request: ModelRequest, _ settings: RemoteProviderSettings, provider: ProviderID = "p"
  ) throws -> JSONValue {
    try JSONValue(stored: WireRequest(request, provider: provider, settings).body)
  }

  @Test("names the model that was asked for, else the provider's", arguments: [Dialect.openai, .anthropic])
  func model(dialect: Dialect) throws {
    #expect(try body(modelRequest(), settings(dialect))["model"] == "m-1")
    #expect(try body(modelRequest(model: "m-2"), settings(dialect))["model"] == "m-2")
  }

  @Test(
    "asks for a stream and says the output limit under its configured name", arguments: [Dialect.openai, .anthropic])
  func limit(dialect: Dialect) throws {
    var values = settings(dialect)
    values.maximumTokensName = "max_completion_tokens"
    let sent = try body(modelRequest(), values)
    #expect(sent["stream"] == true)
    #expect(sent["max_completion_tokens"] == 4096)
    #expect(sent["max_tokens"] == nil)
    #expect(sent["temperature"] == nil && sent["tools"] == nil)
  }

  @Test(
    "has the provider's members laid over ours, and the agent's over those; null takes one away",
    arguments: [Dialect.openai, .anthropic])
  func laidOver(dialect: Dialect) throws {
    var values = settings(dialect)
    values.body = ["a": 1, "b": 2, "temperature": nil, "c": 3]
    var request = modelRequest(body: ["b": 20, "c": nil, "d": ["e": "f"]])
    request.temperature = 0.5
    let sent = try body(request, values)
    #expect(sent["a"] == 1 && sent["b"] == 20 && sent["d"] == ["e": "f"])
    for name in ["c", "temperature"] { #expect(sent.objectValue?.keys.contains(name) == false) }
  }

  @Test(
    "always says the output limit, whatever a body has", arguments: [Dialect.openai, .anthropic], [nil, 1_000_000])
  func limitStays(dialect: Dialect, other: JSONValue?) throws {
    var values = settings(dialect)
    (values.maximumTokensName, values.body) = ("max_new_tokens", ["max_new_tokens": other ?? .null])
    #expect(try body(modelRequest(), values)["max_new_tokens"] == 4096)
    #expect(try body(modelRequest(body: values.body), values)["max_new_tokens"] == 4096)
  }

  @Test(
    "leaves members out that are refused without tools, where it offers none", arguments: [Dialect.openai, .anthropic])
  func toolMembers(dialect: Dialect) throws {
    let choice: [String: JSONValue] = ["tool_choice": "auto", "parallel_tool_calls": false]
    var values = settings(dialect)
    for (provider, agent) in [(choice, [:]), ([:], choice)] as [([String: JSONValue], [String: JSONValue])] {
      values.body = provider
      let without = try body(modelRequest(body: agent), values)
      #expect(without["tool_choice"] == nil && without["parallel_tool_calls"] == nil)
      let with = try body(modelRequest(tools: [fileRead], body: agent), values)
      #expect(with["tool_choice"] == "auto" && with["parallel_tool_calls"] == false)
    }
  }

  private static let foreignCalls = [
    ToolCall(id: "call:1", name: "file.read", arguments: ["path": "a"]),
    ToolCall(id: "call 1", name: "made.up tool", arguments: "{\"path\":"),
    ToolCall(id: "", name: "file.read", arguments: [:]),
    ToolCall(id: String(repeating: "x", count: 60), name: "file.read", arguments: [:]),
  ]

  private static let foreignTurn: [ChatMessage] =
    [
      .assistant(
        text: "reading", calls: foreignCalls,
        origin: ReplyOrigin(provider: "other", model: "m-1", message: ["role": "assistant", "content": "secret"]))
    ] + foreignCalls.map { .toolResult(callID: $0.id, name: $0.name, text: "result of \($0.id)", isError: false) }

  /// Ids of the calls and of the results in a body, whichever the dialect.
  private func ids(_ body: JSONValue) -> (calls: [String], results: [String]) {
    var (calls, results): ([String], [String]) = ([], [])
    for message in body["messages"]?.arrayValue ?? [] {
      calls += (message["tool_calls"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
      if let id = message["tool_call_id"]?.stringValue { results.append(id) }
      for block in message["content"]?.arrayValue ?? [] {
        if block["type"] == "tool_use", let id = block["id"]?.stringValue { calls.append(id) }
        if let id = block["tool_use_id"]?.stringValue { results.append(id) }
      }
    }
    return (calls, results)
  }

  @Test(
    "gives calls of another provider plain ids that are unique in the conversation, and their results the same",
    arguments: [Dialect.openai, .anthropic])
  func foreignIDs(dialect: Dialect) throws {
    let turns = [ChatMessage.user("go")] + Self.foreignTurn + Self.foreignTurn
    let sent = ids(try body(modelRequest(turns, tools: [fileRead]), settings(dialect)))
    #expect(sent.calls == sent.results)
    #expect(sent.calls.count == 8 && Set(sent.calls).count == 8)
    #expect(sent.calls.prefix(3) == ["call_1", "call_1_2", "call"])
    for id in sent.calls { #expect(id.wholeMatch(of: /[a-zA-Z0-9_-]{1,40}/) != nil, "\(id)") }
    // A longer conversation begins with the ids of the shorter one, for the provider's cache.
    let shorter = ids(
      try body(modelRequest([.user("go")] + Self.foreignTurn, tools: [fileRead]), settings(dialect)))
    #expect(Array(sent.calls.prefix(4)) == shorter.calls)
  }

  @Test(
    "tells a reply of another provider or model as text and calls alone, mended",
    arguments: [Dialect.openai, .anthropic], [("p", "m-1"), ("other", "m-2")])
  func foreign(dialect: Dialect, pair: (String, String)) throws {
    let request = modelRequest(
      [.user("go")] + Self.foreignTurn, model: pair.1 == "m-1" ? nil : pair.1, tools: [fileRead])
    let text = try body(request, settings(dialect), provider: ProviderID(pair.0)).text
    #expect(!text.contains("secret"))
    #expect(text.contains("reading") && text.contains("made_up_tool"))
    #expect(!text.contains("path\\\":\""))
  }

  /// The reply of this provider whose calls came with these arguments, and thoughts before them.
  private func ownReply(_ dialect: Dialect, _ sent: [String], as arguments: [JSONValue]) -> ChatMessage {
    let calls = arguments.enumerated().map { ToolCall(id: "c\($0.offset)", name: "file.write", arguments: $0.element) }
    let blocks = zip(calls, sent).map { call, text -> JSONValue in
      let function: JSONValue = ["name": "file_write", "arguments": .string(text)]
      // `try?`: what is no JSON is kept as the text that came.
      let input = (try? JSONValue(parsing: text)) ?? .string(text)
      return dialect == .openai
        ? ["id": .string(call.id), "type": "function", "function": function, "extra_content": "sig-1"]
        : ["type": "tool_use", "id": .string(call.id), "name": "file_write", "input": input]
    }
    let thought: JSONValue = ["type": "thinking", "thinking": "hm", "signature": "sig-1"]
    let message: JSONValue =
      dialect == .openai
      ? ["role": "assistant", "content": nil, "reasoning_content": "hm", "tool_calls": .array(blocks)]
      : ["role": "assistant", "content": .array([thought] + blocks)]
    return .assistant(text: "", calls: calls, origin: ReplyOrigin(provider: "p", model: "m-1", message: message))
  }

  private func sentArguments(_ dialect: Dialect, _ turn: ChatMessage) throws -> (arguments: [JSONValue?], text: String)
  {
    let sent = try body(modelRequest([.user("go"), turn]), settings(dialect))
    let message = try #require(sent["messages"]?.arrayValue?.last)
    let calls = message["content"]?.arrayValue?.filter { $0["type"] == "tool_use" }
    let arguments =
      message["tool_calls"]?.arrayValue?.map { $0["function"]?["arguments"] } ?? calls?.map { $0["input"] }
    return (arguments ?? [], message.text)
  }

  @Test("never carries a call without arguments that are an object", arguments: [Dialect.openai, .anthropic])
  func mended(dialect: Dialect) throws {
    let broken = ["{\"path\":", "[1]", "null"]
    let blank = ["", " ", "\n", " \r\n\t"]
    let turn = ownReply(
      dialect, broken + blank, as: broken.map(JSONValue.string) + blank.map { _ in .object([:]) })
    let sent = try sentArguments(dialect, turn).arguments
    #expect(sent == Array(repeating: dialect == .openai ? "{}" : [:], count: 7))
  }

  @Test(
    "gives arguments back in the words that came, and those that gave way to a marker as they are by now, thoughts kept",
    arguments: [Dialect.openai, .anthropic])
  func elided(dialect: Dialect) throws {
    let came = [#"{ "text": "a long text", "path": "x" }"#, #"{"n": 1.0,  "m": 1e2}"#]
    let elided: JSONValue = ["text": "[11 bytes elided]", "path": "x"]
    // As the journal gives numbers back.
    let numbers = try JSONValue(stored: JSONValue(parsing: came[1]).encoded())
    let (arguments, text) = try sentArguments(dialect, ownReply(dialect, came, as: [elided, numbers]))
    #expect(arguments == (dialect == .openai ? [.string(elided.text), .string(came[1])] : [elided, numbers]))
    #expect(text.contains("hm") && text.contains("sig-1") && !text.contains("a long text"))
  }

  static let names: [(JSONValue, String)] = [
    ("file_read", "file_read"), ("file.read", "file_read"), ("a.b.c d", "a_b_c_d"), ("", "unknown_tool"),
    (5, "unknown_tool"), (nil, "unknown_tool"), ("wörld", "w_rld"),
    (.string(String(repeating: "x", count: 65)), String(repeating: "x", count: 64)),
  ]

  @Test("gives a call's name back as it came where an API takes it, else mended, under the same id", arguments: names)
  func callNames(sent: JSONValue, shown: String) throws {
    let call = ToolCall(id: "c1", name: sent.stringValue ?? "", arguments: [:])
    let messages: [(Dialect, JSONValue)] = [
      (
        .openai,
        [
          "role": "assistant", "content": nil,
          "tool_calls": [["id": "c1", "type": "function", "function": ["name": sent, "arguments": "{}"]]],
        ]
      ),
      (
        .anthropic,
        ["role": "assistant", "content": [["type": "tool_use", "id": "c1", "name": sent, "input": [:]]]]
      ),
    ]
    for (dialect, message) in messages {
      for provider in [ProviderID("p"), "other"] {
        let origin = ReplyOrigin(provider: provider, model: "m-1", message: message)
        let turns: [ChatMessage] = [
          .user("go"), .assistant(text: "", calls: [call], origin: origin),
          .toolResult(callID: "c1", name: call.name, text: "no such tool", isError: true),
        ]
        let sent = try body(modelRequest(turns, tools: [fileRead]), settings(dialect))
        let turn = sent["messages"]?.arrayValue?[1]
        let name = turn?["tool_calls"]?.arrayValue?[0]["function"]?["name"] ?? turn?["content"]?.arrayValue?[0]["name"]
        #expect(name == .string(shown))
        #expect(ids(sent).calls == ["c1"] && ids(sent).results == ["c1"])
      }
    }
  }
}
