import AgentCore
import Testing

@Suite struct SealedReferenceTests {
  private static let clear = ClearValues(input: [
    "api_key": "k-\"quoted\"\\", "token": 42, "login.password": "p\nq", "password": ["user": "u", "list": ["a", "b"]],
  ])

  private func opened(_ arguments: JSONValue, _ tool: String) throws -> JSONValue {
    try SealedReference.opened(arguments, of: tool, Self.clear)
  }

  @Test("values stand where their references stood") func opened() throws {
    #expect(
      try opened(["path": "{{input.token}}", "text": "a {{input.api_key}}{{input.token}} b"], "file.write")
        == ["path": "{{input.token}}", "text": "a k-\"quoted\"\\42 b"])
    #expect(
      try opened(["path": "p", "old": "{{input.token}}", "new": "{{input.password.list.1}}"], "file.edit")
        == ["path": "p", "old": "42", "new": "b"])
    #expect(
      try opened(
        [
          "method": "{{input.token}}", "url": "http://h/{{input.token}}",
          "headers": ["A": "Bearer {{input.api_key}}", "{{input.token}}": "x"],
          "body": ["a": ["{{input.api_key}}"], "n": 1],
        ], "http.request")
        == [
          "method": "{{input.token}}", "url": "http://h/42",
          "headers": ["A": "Bearer k-\"quoted\"\\", "{{input.token}}": "x"],
          "body": ["a": ["k-\"quoted\"\\"], "n": 1],
        ])
  }

  @Test("in JSON text a value is escaped, in other text it is not") func bodies() throws {
    func body(_ text: String, _ headers: JSONValue = [:]) throws -> String? {
      try opened(["body": .string(text), "headers": headers], "http.request")["body"]?.stringValue
    }
    #expect(try body(#"{"k":"{{input.api_key}}","n":1e2}"#) == #"{"k":"k-\"quoted\"\\","n":1e2}"#)
    #expect(try body(#" ["{{input.login.password}}"]"#) == #" ["p\nq"]"#)
    #expect(try body(#"k={{input.api_key}}"#) == #"k=k-"quoted"\"#)
    #expect(try body(#""{{input.api_key}}""#, ["content-TYPE": "application/json"]) == #""k-\"quoted\"\\""#)
    #expect(try body("{{input.password}}") == #"{"list":["a","b"],"user":"u"}"#)
  }

  private static let invalidArguments: [(String, JSONValue)] =
    [
      ("file.write", ["text": "{{input.prompt}}"]), ("file.write", ["text": "{{input.api_key"]),
      ("file.write", ["text": "x [sealed]"]), ("file.edit", ["new": "[sealed]"]),
      ("http.request", ["url": "http://h/{{input.login.password}}"]),
      ("http.request", ["headers": ["A": "{{input.login.password}}"]]),
      ("http.request", ["headers": ["Authorization": "[sealed]"]]), ("http.request", ["body": ["a": ["[sealed]"]]]),
      ("http.request", ["url": "{{input.password.nothing}}"]), ("http.request", ["body": "{{input.password.list.2}}"]),
    ]

  @Test(
    "a reference to nothing sealed, a value that breaks a line, and `[sealed]` are invalid", arguments: invalidArguments
  )
  func invalid(tool: String, arguments: JSONValue) {
    let error = #expect(throws: ToolError.self) { try opened(arguments, tool) }
    #expect(error?.code == "tool_arguments_invalid")
    #expect(error?.detail.contains("{{input.api_key}}") == true, "it names the references: \(error?.detail ?? "")")
    #expect(error?.detail.contains("quoted") == false)
  }

  @Test("other tools, and tasks without sealed values, have no references") func none() throws {
    let arguments: JSONValue = ["text": "{{input.title}}", "pattern": "{{input.token}}"]
    #expect(try SealedReference.opened(arguments, of: "file.write", .none) == arguments)
    #expect(try opened(arguments, "file.search") == arguments)
    #expect(try opened(["old": "[sealed]"], "file.edit") == ["old": "[sealed]"])
  }
}
