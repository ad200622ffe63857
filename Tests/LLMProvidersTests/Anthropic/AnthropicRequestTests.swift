import AgentConfig
import AgentCore
import Testing

@testable import LLMProviders

@Suite("A request in Anthropic's dialect") struct AnthropicRequestTests {
  private func body(_ request: ModelRequest, _ extra: [String: JSONValue] = [:]) throws -> JSONValue {
    var values = settings(.anthropic)
    values.body = extra
    values.cachesPrompts = false
    return try JSONValue(stored: WireRequest(request, provider: "p", values).body)
  }

  private func result(_ id: String, _ text: String, isError: Bool = false) -> ChatMessage {
    .toolResult(callID: id, name: "file.read", text: text, isError: isError)
  }

  @Test("has the system's words apart, and the results of one turn in one message") func whole() throws {
    let calls = ["c1", "c2", "c3"].map { ToolCall(id: $0, name: "file.read", arguments: ["path": .string($0)]) }
    var request = modelRequest(
      [
        .system("be brief"), .system(" "), .system("be kind"), .user("hello"), .assistant(text: " \n", calls: calls),
        result("c1", "one"), result("c2", "gone", isError: true), result("c3", ""), .user("and?"), .user(" "),
        .assistant(text: "", calls: []), .assistant(text: "so", calls: []), .user("next"),
      ], tools: [fileRead])
    request.temperature = 0.25
    let toolUses: [JSONValue] = ["c1", "c2", "c3"].map {
      ["type": "tool_use", "id": .string($0), "name": "file_read", "input": ["path": .string($0)]]
    }
    #expect(
      try body(request) == [
        "model": "m-1", "stream": true, "max_tokens": 4096, "temperature": .double(0.25),
        "system": "be brief\n\nbe kind",
        "messages": [
          ["role": "user", "content": [["type": "text", "text": "hello"]]],
          ["role": "assistant", "content": .array(toolUses)],
          [
            "role": "user",
            "content": [
              ["type": "tool_result", "tool_use_id": "c1", "content": "one"],
              ["type": "tool_result", "tool_use_id": "c2", "content": "gone", "is_error": true],
              ["type": "tool_result", "tool_use_id": "c3"], ["type": "text", "text": "and?"],
            ],
          ], ["role": "assistant", "content": [["type": "text", "text": "so"]]],
          ["role": "user", "content": [["type": "text", "text": "next"]]],
        ],
        "tools": [
          ["name": "file_read", "description": "reads a file", "input_schema": fileRead.parameters]
        ],
      ])
  }

  @Test("shows pictures as base64 sources, before the words") func pictures() throws {
    let image = ChatImage(mediaType: "image/webp", digest: "d", bytes: [1, 2, 3])
    let sent = try body(modelRequest([.user("look", images: [image])]))
    #expect(
      sent["messages"]?.arrayValue?.first?["content"] == [
        ["type": "image", "source": ["type": "base64", "media_type": "image/webp", "data": "AQID"]],
        ["type": "text", "text": "look"],
      ])
  }

  private static let thinking: JSONValue = ["type": "thinking", "thinking": "hm", "signature": "c2ln"]
  private static let toolUse: JSONValue = [
    "type": "tool_use", "id": "toolu_1", "name": "file_read", "input": ["path": "a"],
  ]
  private static let call = ToolCall(id: "toolu_1", name: "file.read", arguments: ["path": "a"])

  private func turn(provider: ProviderID, model: String = "m-1") -> ChatMessage {
    let message: JSONValue = [
      "role": "assistant", "stop_reason": "tool_use",
      "content": [
        Self.thinking, ["type": "text", "text": ""],
        ["type": "text", "text": "x", "cache_control": ["type": "ephemeral"]], Self.toolUse,
      ],
    ]
    return .assistant(
      text: "x", calls: [Self.call], origin: ReplyOrigin(provider: provider, model: model, message: message))
  }

  @Test("gives a reply back to its own provider and model block by block, without empty texts") func verbatim() throws {
    let sent = try body(modelRequest([.user("go"), turn(provider: "p"), result("toolu_1", "r")]))
    #expect(
      sent["messages"]?.arrayValue?[1] == [
        "role": "assistant",
        "content": [
          Self.thinking, ["type": "text", "text": "x", "cache_control": ["type": "ephemeral"]], Self.toolUse,
        ],
      ])
  }

  @Test("gives back what was read from a stream unchanged") func roundTrip() throws {
    let reply = try read(.anthropic, AnthropicFixtures.thinkingAndCalls).reply
    let calls = try reply.calls.map {
      ToolCall(id: $0.id, name: $0.name, arguments: try JSONValue(parsing: $0.arguments))
    }
    let turn = ChatMessage.assistant(
      text: reply.text, calls: calls, origin: ReplyOrigin(provider: "p", model: "m-1", message: reply.message))
    let sent = try body(modelRequest([.user("go"), turn]))
    #expect(sent["messages"]?.arrayValue?.last?["content"] == reply.message["content"])
  }

  static let thinkingCases: [([String], Bool)] = [
    (["user"], true), (["user", "own", "result"], true), (["user", "foreign", "result"], false),
    (["user", "otherModel", "result"], false), (["user", "plain"], false),
    (["user", "foreign", "result", "own", "result"], false), (["user", "foreign", "result", "user"], true),
    (["user", "foreign", "result", "user", "own", "result"], true),
  ]

  @Test("thinks only where no foreign reply stands since the user last spoke", arguments: thinkingCases)
  func thinking(turns: [String], thinks: Bool) throws {
    let messages = turns.map { name -> ChatMessage in
      switch name {
      case "user": .user("go")
      case "own": turn(provider: "p")
      case "foreign": turn(provider: "q")
      case "otherModel": turn(provider: "p", model: "m-9")
      case "plain": .assistant(text: "x", calls: [])
      default: result("toolu_1", "r")
      }
    }
    let thinking: JSONValue = ["type": "enabled", "budget_tokens": 2000]
    let sent = try body(modelRequest(messages), ["thinking": thinking])
    #expect(sent["thinking"] == (thinks ? Optional(thinking) : Optional.none))
    // No thought of another pair is ever sent.
    let text = sent.text
    #expect(text.contains("c2ln") == turns.contains("own"))
  }

  @Test(
    "that offers no tools, of a conversation that holds calls, defines those that it names and lets none be called",
    arguments: [ProviderID("p"), "q"])
  func noToolsOffered(provider: ProviderID) throws {
    let made = ToolCall(id: "c2", name: "made.up tool", arguments: [:])
    let messages: [ChatMessage] = [
      .user("go"), turn(provider: provider), result("toolu_1", "r"), .assistant(text: "", calls: [made, made]),
      result("c2", "no such tool", isError: true), .user("now as JSON"),
    ]
    let sent = try body(modelRequest(messages), ["tool_choice": ["type": "any"]])
    #expect(sent["tools"]?.arrayValue?.map { $0["name"] } == ["file_read", "made_up_tool"])
    #expect(sent["tools"]?.arrayValue?.allSatisfy { $0["input_schema"] == ["type": "object"] } == true)
    #expect(sent["tool_choice"] == ["type": "none"])
    // Where there were no calls there is nothing to define, and where tools are offered the choice is configuration's.
    let plain = try body(modelRequest([.user("go"), .assistant(text: "x", calls: []), .user("again")]))
    #expect(plain["tools"] == nil && plain["tool_choice"] == nil)
    let offered = try body(modelRequest(messages, tools: [fileRead]), ["tool_choice": ["type": "any"]])
    #expect(offered["tools"]?.arrayValue?.count == 1 && offered["tool_choice"] == ["type": "any"])
  }

  static let schemas: [(JSONValue, JSONValue?)] = [
    (
      ["type": "object", "properties": ["a": ["type": "integer", "minimum": 1]], "required": ["a"]],
      [
        "type": "object", "properties": ["a": ["type": "integer", "description": "{minimum: 1}"]], "required": ["a"],
        "additionalProperties": false,
      ]
    ),
    (
      [
        "type": "array", "minItems": 3,
        "items": ["oneOf": [["const": "x"], ["type": "null"]], "description": "either"],
      ],
      [
        "type": "array", "description": "{minItems: 3}",
        "items": ["anyOf": [["const": "x"], ["type": "null"]], "description": "either"],
      ]
    ),
    (
      ["$ref": "#/$defs/n", "$defs": ["n": ["type": "string", "maxLength": 3, "description": "short"]]],
      ["$ref": "#/$defs/n", "$defs": ["n": ["type": "string", "description": "short\n\n{maxLength: 3}"]]]
    ), (["type": "object"], nil),
    (["type": "object", "properties": [:], "additionalProperties": ["type": "string"]], nil),
    (["description": "anything"], nil),
  ]

  @Test("asks for the output's shape in the form that structured outputs take", arguments: schemas)
  func schema(schema: JSONValue, sentSchema: JSONValue?) throws {
    let sent = try body(modelRequest(schema: schema), ["output_config": ["effort": "low"]])["output_config"]
    var expected: [String: JSONValue] = ["effort": "low"]
    if let sentSchema { expected["format"] = ["type": "json_schema", "schema": sentSchema] }
    #expect(sent == .object(expected))
  }

  @Test("tells the model of a schema that structured outputs do not take, unless the engine has told it")
  func toldSchema() throws {
    let (told, sendable): (JSONValue, JSONValue) = (["type": "object"], ["type": "string"])
    let words = OutputInstruction.text(told)
    #expect(try body(modelRequest(schema: told))["system"]?.stringValue == words)
    let messages: [ChatMessage] = [.system("be good"), .user("go")]
    #expect(try body(modelRequest(messages, schema: told))["system"]?.stringValue == "be good\n\n" + words)
    #expect(try body(modelRequest(messages, schema: sendable))["system"] == "be good")
    let repair = messages + [.user("It must fit \(told.text)")]
    #expect(try body(modelRequest(repair, schema: told))["system"] == "be good")
  }
}
