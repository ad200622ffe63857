import AgentCore
import Testing

@Suite struct StepSealingTests {
  private static let fields = SensitiveFields.standard

  @Test("a call without anything sensitive is written as it is") func plain() {
    var filter = SealedFilter()
    let arguments: JSONValue = ["path": "a", "text": "t", "token": "{{input.token}}"]
    let input = StepSealing.input(callID: "c", arguments: arguments, of: "file.write", Self.fields, &filter)
    #expect(input == ["call_id": "c", "arguments": arguments] && filter.isEmpty)
  }

  @Test("an HTTP request shows no credentials and no sensitive member of its body, and is kept as it was")
  func request() {
    var filter = SealedFilter()
    let body = #"{"n":1e2,"password":"hunter2-hunter2"}"#
    let exact: JSONValue = [
      "method": "PUT", "url": "http://h/?q=hunter2-hunter2", "body": .string(body),
      "headers": [
        "Authorization": "Bearer abcdefghij", "COOKIE": "a=123456789; b=2", "X": "y", "cookie2": "c",
        "Proxy-Authorization": "Bearer {{input.token}}",
      ],
    ]
    let input = StepSealing.input(callID: "c", arguments: exact, of: "http.request", Self.fields, &filter)
    #expect(
      input["arguments"] == [
        "method": "PUT", "url": "http://h/?q=[sealed]", "body": #"{"n":1e2,"password":"[sealed]"}"#,
        "headers": [
          "Authorization": "[sealed]", "COOKIE": "[sealed]", "X": "y", "cookie2": "c",
          "Proxy-Authorization": "Bearer {{input.token}}",
        ],
      ])
    #expect(input["sealed"]?["arguments"] == exact)
    #expect(filter.filtered("abcdefghij 123456789") == "[sealed] [sealed]")
    // What is shown once hides nothing more: the store's walk finds nothing in it.
    let shown = input["arguments"] ?? .null
    #expect(!shown.hasSensitive(Self.fields))
    #expect(StepSealing.shown(input)["sealed"] == ["arguments": "[sealed]", "values": "[sealed]"])
  }

  @Test("a reply is masked in its calls, as sent and as ours, and its words are filtered", arguments: [true, false])
  func reply(isOpenAI: Bool) {
    var filter = SealedFilter()
    let arguments: JSONValue = ["path": "a", "password": "hunter2-hunter2"]
    let message: JSONValue =
      isOpenAI
      ? [
        "content": .null,
        "tool_calls": [["id": "x", "function": ["name": "t", "arguments": .string(arguments.text)]]],
      ]
      : ["content": [["type": "text", "text": "hm"], ["type": "tool_use", "id": "x", "input": arguments]]]
    let output = StepSealing.output(
      ofModel: [
        "text": "with hunter2-hunter2", "finish": "tool_calls",
        "tool_calls": [
          ["id": "call_1", "name": "other", "arguments": arguments], ["id": "call_2", "name": "b", "arguments": [:]],
        ],
        "origin": ["provider": "p", "model": "m", "message": message, "envelope": ["id": "hunter2-hunter2"]],
      ], Self.fields, &filter)
    let shown: JSONValue = ["path": "a", "password": "[sealed]"]
    #expect(output["text"] == "with [sealed]")
    #expect(output["tool_calls"]?.arrayValue?.first?["arguments"] == shown)
    #expect(output["sealed"]?["calls"] == ["call_1": arguments])
    #expect(output["origin"]?["envelope"] == ["id": "[sealed]"])
    let text = output["origin"]?["message"]?.text ?? ""
    #expect(text.contains("[sealed]") && !text.contains("hunter2"))
  }

  @Test("a reply whose other words give a value away does not go back as it came") func origin() {
    var filter = SealedFilter([Secret("hunter2-hunter2")])
    let output = StepSealing.output(
      ofModel: [
        "text": "ok", "tool_calls": [],
        "origin": ["provider": "p", "model": "m", "message": ["content": "ok", "reasoning": "it is hunter2-hunter2"]],
      ], Self.fields, &filter)
    #expect(output == ["text": "ok", "tool_calls": []])
  }

  @Test("a reply with a sensitive member beside its calls is kept whole, where nobody sees it") func hiddenOrigin() {
    var filter = SealedFilter()
    let origin: JSONValue = [
      "provider": "p", "model": "m", "message": ["content": "ok", "logprobs": [["token": "anything"]]],
      "envelope": ["id": "i"],
    ]
    let reply: JSONValue = ["text": "ok anything", "tool_calls": [], "origin": origin]
    let output = StepSealing.output(ofModel: reply, Self.fields, &filter)
    #expect(
      output == [
        "text": "ok anything", "tool_calls": [], "sealed": ["calls": [:], "values": [], "origin": origin],
      ])
    #expect(StepSealing.origin(in: output) == origin && StepSealing.origin(in: StepSealing.shown(output)) == nil)
    // It may be any word: nothing else is hidden for it.
    #expect(filter.isEmpty)
  }

  @Test("a tool's result is filtered, what it hides is kept") func result() {
    var filter = SealedFilter([Secret("hunter2-hunter2")])
    let output = StepSealing.output(
      ofTool: ["text": "hunter2-hunter2 and abcdefghij", "files": [["path": "abcdefghij", "size": 12_345_678]]],
      hiding: ["abcdefghij", 12_345_678], &filter)
    #expect(
      output == [
        "text": "[sealed] and [sealed]", "files": [["path": "[sealed]", "size": 12_345_678]],
        "sealed": ["values": ["abcdefghij", 12_345_678]],
      ])
  }
}
