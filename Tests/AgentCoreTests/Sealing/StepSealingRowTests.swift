import AgentCore
import Testing

/// Rows that were written under a shorter list.
@Suite struct StepSealingRowTests {
  private static let short = SensitiveFields.standard
  private static let long = SensitiveFields(["pin", "api_key", "password", "token"])
  private static let body = #"{"n":1e2,"pin":"1234"}"#
  private static let request: JSONValue = [
    "headers": ["Authorization": "Bearer abcdefghij"], "body": .string(body), "pin": "1234-long-pin",
  ]

  private func renewed(
    _ body: JSONValue, _ opened: JSONValue, _ type: JournalEventType, _ kind: StepKind = .toolCall,
    _ fields: SensitiveFields = Self.long
  ) -> JSONValue {
    StepSealing.body(body, opened: opened, of: type, kind: kind, name: "http.request", fields)
  }

  @Test("a request that hid its credentials hides a member of its body too, and keeps its exact bytes")
  func request() {
    var filter = SealedFilter()
    let input = StepSealing.input(
      callID: "c", arguments: Self.request, of: "http.request", Self.short, &filter)
    #expect(input["arguments"]?["body"] == .string(Self.body))
    let shown: JSONValue = ["input": StepSealing.shown(input)]
    let row = renewed(shown, ["input": input], .stepStarted)
    #expect(
      row["input"]?["arguments"] == [
        "headers": ["Authorization": "[sealed]"], "body": #"{"n":1e2,"pin":"[sealed]"}"#, "pin": "[sealed]",
      ])
    #expect(row["input"]?["sealed"]?["arguments"] == Self.request)
    let values = row["input"]?["sealed"]?["values"]?.arrayValue ?? []
    #expect(values == ["Bearer abcdefghij", "abcdefghij", "1234", "1234-long-pin"])
    // Again, and under a list that lost a name: nothing becomes clear, and nothing is done twice.
    let again: JSONValue = ["input": StepSealing.shown(row["input"] ?? .null)]
    #expect(renewed(again, row, .stepStarted) == again)
    #expect(renewed(again, row, .stepStarted, .toolCall, SensitiveFields(["other"])) == again)
  }

  @Test("an answer that hid its cookie hides a member of its body too") func answer() {
    var filter = SealedFilter()
    let text = #"{"body":"{\"pin\":\"1234-long-pin\"}","headers":{"set-cookie":"[sealed]","x":"1234-long-pin"}}"#
    let output = StepSealing.output(ofTool: ["text": .string(text)], hiding: ["s=1"], &filter)
    let row = renewed(["output": StepSealing.shown(output)], ["output": output], .stepFinished)
    #expect(
      row["output"] == [
        "text": #"{"body":"{\"pin\":\"[sealed]\"}","headers":{"set-cookie":"[sealed]","x":"[sealed]"}}"#,
        "sealed": ["values": ["s=1", "1234-long-pin"]],
      ])
  }

  @Test("a reply that hid one call hides the other too, as sent and as ours") func reply() {
    var filter = SealedFilter()
    let other: JSONValue = ["token": "hunter2-hunter2"]
    let call: JSONValue = ["body": .string(Self.body), "pin": "1234-long-pin"]
    let sent = [call, other].map { sent -> JSONValue in ["function": ["arguments": .string(sent.text)]] }
    let output = StepSealing.output(
      ofModel: [
        "text": "it is 1234-long-pin",
        "tool_calls": [
          ["id": "a", "name": "http.request", "arguments": call],
          ["id": "b", "name": "t", "arguments": other],
        ],
        "origin": ["provider": "p", "model": "m", "message": ["tool_calls": .array(sent)]],
      ], Self.short, &filter)
    #expect(output["sealed"]?["calls"] == ["b": other])
    let row = renewed(["output": StepSealing.shown(output)], ["output": output], .stepFinished, .modelCall)
    let shown: JSONValue = ["body": #"{"n":1e2,"pin":"[sealed]"}"#, "pin": "[sealed]"]
    #expect(row["output"]?["text"] == "it is [sealed]")
    #expect(row["output"]?["tool_calls"]?.arrayValue?.map { $0["arguments"] } == [shown, ["token": "[sealed]"]])
    #expect(row["output"]?["sealed"]?["calls"] == ["a": call, "b": other])
    #expect(row["output"]?["sealed"]?["values"] == ["hunter2-hunter2", "1234", "1234-long-pin"])
    #expect(row["output"]?["origin"]?["message"]?.text.contains("1234") == false)
  }

  @Test("a reply that went back as it came does so under a longer list, without what that hides in its calls")
  func hiddenOrigin() {
    let call: JSONValue = ["n": 1, "pin": "1234-long-pin"]
    func origin(_ call: JSONValue) -> JSONValue {
      let calls: JSONValue = [["function": ["arguments": .string(call.text)]]]
      return [
        "provider": "p", "model": "m", "message": ["tool_calls": calls, "search": ["token": "any"], "pin": "other"],
      ]
    }
    let reply: JSONValue = [
      "text": "", "tool_calls": [["id": "a", "name": "t", "arguments": call]], "origin": origin(call),
    ]
    for fields in [Self.short, SensitiveFields(["other"])] {
      var filter = SealedFilter()
      let output = StepSealing.output(ofModel: reply, fields, &filter)
      // Hidden already, or only now.
      #expect((StepSealing.origin(in: output) == origin(call)) == (fields == Self.short))
      let row = renewed(["output": StepSealing.shown(output)], ["output": output], .stepFinished, .modelCall)
      let now = row["output"] ?? .null
      #expect(StepSealing.origin(in: now) == origin(["n": 1, "pin": "[sealed]"]), "\(now.text)")
      #expect(now["origin"] == nil && now["sealed"]?["calls"] == ["a": call])
      let again: JSONValue = ["output": StepSealing.shown(now)]
      #expect(renewed(again, row, .stepFinished, .modelCall) == again)
    }
  }

  @Test("what was sealed where it stood is taken in as it was, and alone it stays there") func inPlace() {
    func row(_ pin: String) -> JSONValue {
      ["input": ["call_id": "c", "arguments": ["pin": .string(pin), "body": .string(Self.body)]]]
    }
    let (opened, shown) = (row("1234-long-pin"), row("[sealed]"))
    let now = renewed(shown, opened, .stepStarted)
    #expect(now["input"]?["arguments"] == ["pin": "[sealed]", "body": #"{"n":1e2,"pin":"[sealed]"}"#])
    #expect(now["input"]?["sealed"]?["arguments"] == opened["input"]?["arguments"])
    #expect(now["input"]?["sealed"]?["values"] == ["1234-long-pin", "1234"])
    #expect(renewed(shown, opened, .stepStarted, .toolCall, Self.short) == shown)
  }
}
