import AgentCore
import Testing

@Suite("What is sensitive in a value")
struct SensitiveWalkTests {
  private static let seal = JSONValue.string(SealedMember.placeholder)

  @Test(
    "A name counts in lower case and without - and _",
    arguments: [
      ("api_key", true), ("apiKey", true), ("API-KEY", true), ("ApiKey", true), ("a_p_i_k_e_y", true),
      ("api_keys", false), ("max_tokens", false), ("tokens", false), ("Token", true), ("TOKEN_", true), ("", false),
      ("pass word", false), ("to\u{212A}en", true), ("tökén", false), ("passwört", false),
    ])
  func names(name: String, isSensitive: Bool) {
    #expect(SensitiveFields.standard.contains(name) == isSensitive)
  }

  @Test("Names outside ASCII are compared in lower case too")
  func otherScripts() {
    let fields = SensitiveFields(["PASSWÖRT", "密码"])
    #expect(fields.contains("passwört") && fields.contains("pass-WÖRT") && fields.contains("密_码"))
    #expect(!fields.contains("passwort"))
  }

  @Test(
    "Members are found at any depth and of any type, and shown as [sealed]",
    arguments: [
      (["api_key": "s"], ["api_key": seal], ["/api_key"]),
      (["a": [["token": 12]]], ["a": [["token": seal]]], ["/a/0/token"]),
      (["password": ["deep": ["token": "x"]]], ["password": seal], ["/password"]),
      (["api_key": nil], ["api_key": seal], ["/api_key"]),
      (["x": "token", "max_tokens": 5], ["x": "token", "max_tokens": 5], []),
      (["a/b~c": ["token": true]], ["a/b~c": ["token": seal]], ["/a~1b~0c/token"]),
      (["token": "{{input.api_key}}"], ["token": "{{input.api_key}}"], []),
      (["token": "{{input.a}}{{input.b.0}}"], ["token": "{{input.a}}{{input.b.0}}"], []),
      (["token": "{{input.a}} "], ["token": seal], ["/token"]),
      (["token": "x{{input.a}}"], ["token": seal], ["/token"]),
      (["token": "{{input.}}"], ["token": seal], ["/token"]),
      (["token": "{{input.a}"], ["token": seal], ["/token"]),
      (["token": "[sealed]", "a": "[sealed]"], ["token": "[sealed]", "a": "[sealed]"], []),
      (["a": ["$sealed": "AQE"]], ["a": seal], ["/a"]),
      (["a": ["$sealed": "AQE", "b": 1]], ["a": seal], ["/a"]),
    ] as [(JSONValue, JSONValue, [String])])
  func members(value: JSONValue, shown: JSONValue, pointers: [String]) {
    let fields = SensitiveFields.standard
    #expect(value.masked(fields) == shown)
    #expect(value.sensitiveMembers(fields).map(\.pointer) == pointers)
    #expect(value.hasSensitive(fields) == !pointers.isEmpty)
  }

  @Test(
    "Arguments that are JSON text are walked, cut ones are sealed whole",
    arguments: [
      (#"{"api_key":"s","b":1e2}"#, #"{"api_key":"[sealed]","b":100.0}"#, ["/f/arguments/api_key"]),
      (#"{"b":1e2}"#, #"{"b":1e2}"#, []),
      (#"{"api_key":"s"#, "[sealed]", ["/f/arguments"]),
      (#"{"apiKey":"s"#, "[sealed]", ["/f/arguments"]),
      (#"{"b":"s"#, #"{"b":"s"#, []),
      (#"[{"token":1}]"#, "[sealed]", ["/f/arguments"]),
      ("plain", "plain", []),
    ])
  func argumentText(text: String, shown: String, pointers: [String]) {
    let value: JSONValue = ["f": ["arguments": .string(text)]]
    #expect(value.masked(.standard) == ["f": ["arguments": .string(shown)]])
    #expect(value.sensitiveMembers(.standard).map(\.pointer) == pointers)
  }

  @Test("Our own envelope is never walked, whatever the list names")
  func envelope() {
    let fields = SensitiveFields([
      "id", "name", "finish", "model", "text", "input", "output", "arguments", "call_id", "output_schema", "metadata",
    ])
    let reply: JSONValue = [
      "output": [
        "text": "hi", "finish": "stop", "model": "m", "tool_calls": [["id": "1", "name": "n", "arguments": [:]]],
      ]
    ]
    #expect(JournalEventType.stepFinished.masked(reply, .body, fields) == reply)
    let intent: JSONValue = ["input": ["call_id": "1", "arguments": ["path": "a"]]]
    #expect(JournalEventType.stepStarted.masked(intent, .body, fields) == intent)
    let submitted: JSONValue = ["input": "do it", "metadata": ["k": 1], "output_schema": ["text": ["id": 1]]]
    #expect(JournalEventType.taskSubmitted.masked(submitted, .body, fields) == submitted)
  }

  @Test("What is walked in each row")
  func rows() {
    let secret: JSONValue = ["token": "s"]
    let masked: JSONValue = ["token": Self.seal]
    let table: [(JournalEventType, WalkedMember.Column, JSONValue, JSONValue)] = [
      (.taskSubmitted, .head, ["labels": secret, "agent": "a"], ["labels": masked, "agent": "a"]),
      (
        .taskSubmitted, .body, ["input": secret, "metadata": secret, "output_schema": secret],
        ["input": masked, "metadata": masked, "output_schema": secret]
      ),
      (
        .stepStarted, .body, ["input": ["arguments": secret, "sealed": ["body": "x"], "model": secret]],
        ["input": ["arguments": masked, "sealed": ["body": Self.seal], "model": secret]]
      ),
      (
        .stepFinished, .body,
        ["output": ["tool_calls": [["arguments": secret]], "origin": ["message": secret, "envelope": secret]]],
        ["output": ["tool_calls": [["arguments": masked]], "origin": ["message": masked, "envelope": masked]]]
      ),
      (.stepResolved, .body, ["output": secret], ["output": masked]),
      (.taskCompleted, .body, ["output": ["json": secret]], ["output": ["json": secret]]),
      (.stepStarted, .head, ["evidence": secret], ["evidence": secret]),
    ]
    for (type, column, value, shown) in table { #expect(type.masked(value, column, .standard) == shown, "\(type)") }
  }
}
