import AgentCore
import Testing

@Suite struct SealedReferenceTests {
  private static let clear = ClearValues(input: [
    "/api_key": "k-\"quoted\"\\", "/token": 42, "/login/password": "p\nq",
    "/password": ["user": "u", "list": ["a", "b"]],
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
      ("file.edit", ["old": "key=[sealed]", "new": "key=other"]),
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
  }

  @Test("who has only seen `[sealed]` of a passage is told how to name it") func passage() {
    let error = #expect(throws: ToolError.self) { try opened(["old": "a [sealed]", "new": "b"], "file.edit") }
    let start = "`old` holds `[sealed]`, which stands for a value that you cannot see: write its reference"
    #expect(error?.detail.hasPrefix(start) == true && error?.detail.contains("{{input.login.password}}") == true)
  }

  @Test("a path that two members share stands for neither, and both are looked for") func shared() {
    let clear = ClearValues(
      input: [
        "/a/b/token": "first-value", "/a.b/token": "second-value", "//api_key": "third-value",
        "/api_key": "fourth-value",
        "/login": ["password": "fifth-value", "pin": "sixth-value"], "/login/password": "fifth-value",
        "/login.pin": "seventh-value", "/a~1b/token": "eighth-value",
      ], steps: [])
    #expect(clear.paths == [".api_key", "a/b.token", "api_key", "login", "login.password"])
    #expect(clear.reveal(path: "login.password") == "fifth-value" && clear.reveal(path: ".api_key") == "third-value")
    #expect(SealedFilter(clear.revealTexts()).filtered("first-value second-value sixth-value").hasPrefix("[sealed] [s"))
    for path in ["a.b.token", "login.pin"] {
      let reference: JSONValue = ["text": .string(SealedReference.text(path))]
      let error = #expect(throws: ToolError.self) { try SealedReference.opened(reference, of: "file.write", clear) }
      #expect(error?.code == "tool_arguments_invalid" && error?.detail.contains("more than one member") == true)
    }
    // They alone are references, too.
    let alone = ClearValues(input: ["/a/b/token": 1, "/a.b/token": 2])
    #expect(alone.paths.isEmpty)
    #expect(throws: ToolError.self) {
      try SealedReference.opened(["text": "{{input.a.b.token}}"], of: "file.write", alone)
    }
  }

  @Test(
    "the host of a URL may come of a reference wherever one stands before its path",
    arguments: [
      ("http://{{input.token}}.evil.example/", true), ("{{input.url}}", true), ("http:{{input.slashes}}x/", true),
      ("http://u@{{input.a}}", true), ("http://a.example{{input.rest}}", true), ("http://a.example/{{input.a}}", false),
      ("http://a.example?{{input.a}}", false), ("http://a.example#{{input.a}}", false), ("http://a.example/", false),
    ])
  func host(url: String, isSealed: Bool) {
    #expect(SealedReference.standsInHost(of: ["url": .string(url)], of: "http.request") == isSealed)
    #expect(!SealedReference.standsInHost(of: ["url": .string(url)], of: "file.write"))
  }
}
