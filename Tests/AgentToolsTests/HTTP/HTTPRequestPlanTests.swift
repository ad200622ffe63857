import AgentCore
import AgentTools
import HTTPTransport
import Testing

@Suite struct HTTPRequestPlanTests {
  @Test(
    "the effect goes by the method, and for POST by the key",
    arguments: [
      ("GET", nil, .pure), ("get", nil, .pure), ("HEAD", nil, .pure), ("PUT", nil, .idempotent), ("POST", nil, .once),
      ("POST", "Idempotency-Key", .idempotent), ("post", "IDEMPOTENCY-key", .idempotent),
      ("POST", "X-Idempotency-Key", .once),
      ("PATCH", "Idempotency-Key", .once), ("DELETE", nil, .once), ("DELETE", "Idempotency-Key", .once),
      ("OPTIONS", nil, .once),
      ("PURGE", nil, .once), ("Get2", nil, .once),
    ] as [(String, String?, EffectClass)]
  ) func effects(method: String, header: String?, effect: EffectClass) async throws {
    try await HTTPToolFixture.with(allowHosts: ["api.example.org"]) { fixture in
      var arguments: [String: JSONValue] = ["method": .string(method), "url": "https://api.example.org/x?key=1"]
      if let header { arguments["headers"] = .object([header: "k"]) }
      let plan = try await fixture.tool.plan(.object(arguments), in: fixture.context)
      #expect(plan.effect == effect)
      #expect(
        plan.evidence
          == (effect == .pure
            ? nil
            : ["method": .string(method.hasPrefix("post") ? "POST" : method), "origin": "https://api.example.org"]))
    }
  }

  @Test("an empty or blank key is no key", arguments: ["", " ", "\t", " \t "]) func emptyKey(key: String) async throws {
    try await HTTPToolFixture.with(allowHosts: ["a.example"]) { fixture in
      let plan = try await fixture.tool.plan(
        ["method": "POST", "url": "https://a.example", "headers": ["Idempotency-Key": .string(key)]],
        in: fixture.context)
      #expect(plan.effect == .once)
    }
  }

  static let badArguments: [JSONValue] = [
    nil, [], [:], ["method": "GET"], ["url": "http://a.example"], ["method": 1, "url": "http://a.example"],
    ["method": "GET", "url": 1],
    ["method": "", "url": "http://a.example"], ["method": "G ET", "url": "http://a.example"],
    ["method": "GET\r\nX: y", "url": "http://a.example"],
    ["method": "CONNECT", "url": "http://a.example"], ["method": "trace", "url": "http://a.example"],
    ["method": .string(String(repeating: "A", count: 33)), "url": "http://a.example"],
    ["method": "GET", "url": "a.example"], ["method": "GET", "url": "ftp://a.example"],
    ["method": "GET", "url": "file:///etc/passwd"],
    ["method": "GET", "url": "http://u:p@a.example"], ["method": "GET", "url": "http://a.example/\r\nX: y"],
    ["method": "GET", "url": "http://a.example/a b"],
    ["method": "GET", "url": "http://a.example", "header": [:]],
    ["method": "GET", "url": "http://a.example", "headers": []],
    ["method": "GET", "url": "http://a.example", "headers": ["X": 1]],
    ["method": "GET", "url": "http://a.example", "headers": ["X": "a\nb"]],
    ["method": "GET", "url": "http://a.example", "headers": ["X": "a\rb"]],
    ["method": "GET", "url": "http://a.example", "headers": ["X": "a\u{0}b"]],
    ["method": "GET", "url": "http://a.example", "headers": ["X Y": "a"]],
    ["method": "GET", "url": "http://a.example", "headers": ["": "a"]],
    ["method": "GET", "url": "http://a.example", "headers": ["X:": "a"]],
    ["method": "GET", "url": "http://a.example", "headers": ["x": "1", "X": "2"]],
    ["method": "GET", "url": "http://a.example", "headers": ["hOST": "b.example"]],
    ["method": "POST", "url": "http://a.example", "headers": ["Content-Length": "1"]],
    ["method": "POST", "url": "http://a.example", "headers": ["transfer-encoding": "chunked"]],
    ["method": "GET", "url": "http://a.example", "headers": ["X": .string(String(repeating: "v", count: 16 * 1024))]],
    [
      "method": "GET", "url": "http://a.example",
      "headers": .object(Dictionary(uniqueKeysWithValues: (0..<65).map { ("X-\($0)", "v") })),
    ],
    ["method": "GET", "url": "http://a.example", "body": "x"],
    ["method": "POST", "url": "http://a.example", "body": .string(String(repeating: "x", count: 1024 * 1024 + 1))],
    ["method": "POST", "url": "http://a.example", "body": [.string(String(repeating: "x", count: 1024 * 1024 - 3))]],
  ]

  @Test("bad arguments are refused before anything is sent", arguments: badArguments)
  func refuses(arguments: JSONValue) async throws {
    try await HTTPToolFixture.with(allowHosts: ["a.example"]) { fixture in
      let error = await fixture.planFailure(arguments)
      #expect(error?.code == "tool_arguments_invalid")
      #expect(error?.mayHaveHappened == false)
    }
  }

  @Test("arguments at their bounds pass") func bounds() async throws {
    try await HTTPToolFixture.with(allowHosts: ["a.example"]) { fixture in
      let most: [JSONValue] = [
        ["method": "POST", "url": "http://a.example", "body": .string(String(repeating: "x", count: 1024 * 1024))],
        [
          "method": "POST", "url": "http://a.example",
          "body": [.string(String(repeating: "x", count: 1024 * 1024 - 4))],
        ],
        ["method": "GET", "url": "http://a.example", "body": nil, "headers": nil],
        [
          "method": "GET", "url": "http://a.example",
          "headers": .object(Dictionary(uniqueKeysWithValues: (0..<64).map { ("X-\($0)", "v") })),
        ],
      ]
      for arguments in most {
        #expect(await fixture.planFailure(arguments) == nil)
      }
    }
  }

  @Test(
    "a host that no entry can open is denied at once",
    arguments: [
      "http://b.example/", "http://127.0.0.1/", "http://127.0.0.1:9001/", "http://localhost:9001/",
      "http://[::1]:9000/", "http://127.1:9000/",
      "http://0x7f.1:9000/", "http://2130706433:9000/", "http://127.0.0.1.:9000/", "http://169.254.169.254/latest/",
      "http://8.8.8.8/",
      "http://a.example.evil.example/", "http://x.a.example/",
    ]) func denied(url: String) async throws
  {
    try await HTTPToolFixture.with(allowHosts: ["a.example", "127.0.0.1:9000"]) { fixture in
      let error = await fixture.planFailure(["method": "GET", "url": .string(url)])
      #expect(error?.code == "egress_denied")
      #expect(error?.isRetryable == false)
    }
  }

  @Test(
    "a host with a sealed value in it must be listed by its name, or be an address",
    arguments: ["tok-en", "hunter2-hunter2"])
  func sealedHost(value: String) async throws {
    try await HTTPToolFixture.with(allowHosts: ["127.0.0.0/8", "10.0.0.0/8", "\(value).listed.example"]) { fixture in
      var fixture = fixture
      // A short value is none that the filter finds.
      fixture.context.filter = SealedFilter([Secret(value)])
      fixture.context.hasSealedHost = value.utf8.count < SealedFilter.shortestBytes
      func failure(_ host: String) async -> ToolError? {
        await fixture.planFailure(["method": "GET", "url": .string("http://\(host)/")])
      }
      let denied = await failure("\(value).evil.example")
      #expect(denied?.code == "egress_denied" && denied?.isRetryable == false)
      #expect(await failure("\(value).listed.example") == nil)
      #expect(await failure("10.0.0.1") == nil)
      fixture.context.hasSealedHost = false
      #expect(await failure("other.example") == nil)
    }
  }

  @Test("the descriptor names the tool as models see it") func descriptor() async throws {
    try await HTTPToolFixture.with { fixture in
      #expect(fixture.tool.descriptor.name == "http.request")
      #expect(fixture.tool.descriptor.parameters["required"] == ["method", "url"])
    }
  }
}
