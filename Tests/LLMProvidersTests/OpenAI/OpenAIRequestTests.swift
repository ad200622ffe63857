import AgentConfig
import AgentCore
import Testing

@testable import LLMProviders

@Suite("A request in OpenAI's dialect") struct OpenAIRequestTests {
  private func body(_ request: ModelRequest) throws -> JSONValue {
    try JSONValue(stored: WireRequest(request, provider: "p", settings(.openai)).body)
  }

  @Test("holds messages, tools, limit and temperature, and nothing else") func whole() throws {
    var request = modelRequest(
      [
        .system("be brief"), .user("hello"),
        .assistant(text: "", calls: [ToolCall(id: "c1", name: "file.read", arguments: ["path": "a"])]),
        .toolResult(callID: "c1", name: "file.read", text: "content", isError: false),
        .assistant(text: "so", calls: []),
        .assistant(text: "", calls: []), .user("and?"),
      ], tools: [fileRead])
    request.temperature = 0.25
    #expect(
      try body(request) == [
        "model": "m-1", "stream": true, "stream_options": ["include_usage": true], "max_tokens": 4096,
        "temperature": 0.25.json,
        "messages": [
          ["role": "system", "content": "be brief"], ["role": "user", "content": "hello"],
          [
            "role": "assistant", "content": nil,
            "tool_calls": [
              ["id": "c1", "type": "function", "function": ["name": "file_read", "arguments": #"{"path":"a"}"#]]
            ],
          ], ["role": "tool", "tool_call_id": "c1", "content": "content"], ["role": "assistant", "content": "so"],
          ["role": "user", "content": "and?"],
        ],
        "tools": [
          [
            "type": "function",
            "function": ["name": "file_read", "description": "reads a file", "parameters": fileRead.parameters],
          ]
        ],
      ])
  }

  @Test("shows pictures as data URIs") func pictures() throws {
    let image = ChatImage(mediaType: "image/png", digest: "d", bytes: [1, 2, 3])
    let sent = try body(modelRequest([.user("look", images: [image]), .user("", images: [image])]))
    let picture: JSONValue = ["type": "image_url", "image_url": ["url": "data:image/png;base64,AQID"]]
    #expect(sent["messages"]?.arrayValue?.first?["content"] == [["type": "text", "text": "look"], picture])
    #expect(sent["messages"]?.arrayValue?.last?["content"] == [picture])
  }

  @Test("gives a reply back to its own provider and model as it came, whatever it holds") func verbatim() throws {
    let reply = try read(.openai, OpenAIFixtures.extraMembers).reply
    let calls = [ToolCall(id: "c1", name: "file.list", arguments: [:])]
    let turn = ChatMessage.assistant(
      text: reply.text, calls: calls, origin: ReplyOrigin(provider: "p", model: "m-1", message: reply.message))
    let sent = try body(modelRequest([.user("go"), turn]))
    #expect(sent["messages"]?.arrayValue?.last == reply.message)
  }

  @Test("gives calls of its own whose ids were missing or doubled the ids that their results have") func ownIDs() throws
  {
    let function: JSONValue = ["name": "file_list", "arguments": "{}"]
    let message: JSONValue = [
      "role": "assistant", "content": "",
      "tool_calls": [
        ["id": "a", "type": "function", "function": function], ["id": "a", "type": "function", "function": function],
        ["type": "function", "function": function],
      ],
    ]
    let calls = ["a", "call_1_2", "call_1_3"].map { ToolCall(id: $0, name: "file.list", arguments: [:]) }
    let origin = ReplyOrigin(provider: "p", model: "m-1", message: message)
    let turn =
      [ChatMessage.assistant(text: "", calls: calls, origin: origin)]
      + calls.map { .toolResult(callID: $0.id, name: $0.name, text: "", isError: false) }
    let sent = try body(modelRequest([.user("go")] + turn + turn))["messages"]?.arrayValue ?? []
    let sentIDs = sent.flatMap { $0["tool_calls"]?.arrayValue ?? [] }.map { $0["id"]?.stringValue }
    #expect(sentIDs == ["a", "call_1_2", "call_1_3", "a_2", "call_1_2_2", "call_1_3_2"])
    #expect(sent.compactMap { $0["tool_call_id"]?.stringValue } == sentIDs)
  }

  static let strict: [(JSONValue, Bool)] = [
    (
      ["type": "object", "properties": ["a": ["type": "string"]], "required": ["a"], "additionalProperties": false],
      true
    ),
    (["type": "object", "properties": ["a": ["type": "string"]], "required": ["a"]], false),
    (["type": "object", "properties": ["a": ["type": "string"]], "additionalProperties": false], false),
    (
      [
        "type": "object", "properties": ["a": ["type": "object", "properties": [:]]], "required": ["a"],
        "additionalProperties": false,
      ], false
    ), (["type": "array", "items": ["type": "string"]], false),
  ]

  private static func holding(_ node: JSONValue, _ more: [String: JSONValue] = [:]) -> JSONValue {
    let members: [String: JSONValue] = [
      "type": "object", "properties": ["a": node], "required": ["a"], "additionalProperties": false,
    ]
    return .object(members.merging(more) { $1 })
  }

  private static let deep = (1...4).reduce(holding(["type": "string"])) { node, _ in holding(node) }
  private static let list: JSONValue = ["type": "array", "items": ["type": "string"]]

  /// What stands at one place of a schema that is strict otherwise.
  static let strictNodes: [(JSONValue, Bool)] = [
    (["type": "string", "description": "x", "enum": ["a", "b"]], true), (["type": "string", "const": "x"], true),
    (["type": ["string", "null"]], true), (["$ref": "#"], true), (["anyOf": [["type": "null"], ["$ref": "#"]]], true),
    (list, true), (["type": "array", "items": holding(list)], true), (["type": "object"], false),
    // No type.
    ([:], false), (["enum": ["a"]], false), (["description": "x"], false), (["type": "strange"], false),
    (["type": []], false), (["anyOf": [[:]]], false), (["anyOf": []], false),
    // A list without items, items without a list.
    (["type": "array"], false), (["type": ["array", "null"]], false), (["type": "array", "items": [:]], false),
    (["type": "string", "items": ["type": "string"]], false),
    // An object among other types, and members of what is none.
    (["type": ["object", "null"]], false), (["type": ["object", "null"], "properties": [:], "required": []], false),
    (["type": "string", "properties": [:]], false),
    (
      ["type": ["object", "null"], "properties": [:], "required": [], "additionalProperties": false], true
    ),
    // More than every server knows.
    (["type": "string", "format": "date"], false), (["type": "string", "format": "my-own"], false),
    (["type": "string", "minLength": 1], false), (["type": "string", "enum": []], false),
    (["$ref": "#", "description": "x"], false), (["$ref": "http://x/y"], false),
    (["type": "string", "anyOf": [["type": "string"]]], false), (["type": "string", "$defs": [:]], false),
  ]

  @Test("takes a schema for strict by each of its nodes", arguments: strictNodes)
  func strictNode(node: JSONValue, isStrict: Bool) {
    #expect(StrictSchema.meets(Self.holding(node)) == isStrict)
    #expect(StrictSchema.meets(Self.holding(["$ref": "#/$defs/n"], ["$defs": ["n": node]])) == isStrict)
  }

  @Test("takes a schema for strict by its top and its depth") func strictTop() {
    #expect(StrictSchema.meets(Self.deep) && !StrictSchema.meets(Self.holding(Self.deep)))
    for more in [["anyOf": [["type": "string"]]], ["type": ["object", "null"]], ["$defs": []], ["required": []]]
      as [[String: JSONValue]]
    {
      #expect(!StrictSchema.meets(Self.holding(["type": "string"], more)))
    }
    #expect(!StrictSchema.meets(["$ref": "#"]) && !StrictSchema.meets(Self.list))
  }

  @Test("asks for the output's shape, `strict` only where the schema meets its rules", arguments: strict)
  func schema(schema: JSONValue, isStrict: Bool) throws {
    var format: [String: JSONValue] = ["name": "output", "schema": schema]
    if isStrict { format["strict"] = true }
    #expect(
      try body(modelRequest(schema: schema))["response_format"] == [
        "type": "json_schema", "json_schema": .object(format),
      ])
  }
}

extension Double {
  fileprivate var json: JSONValue { .double(self) }
}
