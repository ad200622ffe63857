import AgentCore
import AgentTestKit
import AgentTools
import HTTPTransport
import Testing

/// Answers whose sealed values are not all there is to see of them.
@Suite(.timeLimit(.minutes(4))) struct HTTPSealedAnswerTests {
  private static let value = "kX9-long-lived-0123456789-abcdef-wxyz"

  /// A body that gives the value away at its beginning and has it as a token so that `inside` bytes of it stand before the
  /// limit of what is read.
  private static func body(inside: Int, nested: Bool = false) -> String {
    let echo = #"{"echo":"look: \#(value) or \#(value.replacing("-", with: "%2d"))","pad":""#
    let name = nested ? #"","inner":"{\"token\":\""# : #"","token":""#
    let pad = ToolOutcome.maximumBytes - echo.utf8.count - name.utf8.count - inside
    return echo + String(repeating: "x", count: pad) + name + value + (nested ? #"\"}"}"# : #""}"#)
  }

  @Test(
    "a value within which reading ends is read whole, and hidden where it stands before as well",
    arguments: [0, 1, 7, 8, 20, value.utf8.count - 1, value.utf8.count], [true, false])
  func acrossTheLimit(inside: Int, nested: Bool) async throws {
    let body = Self.body(inside: inside, nested: nested)
    let server = try LoopbackServer { _ in answer(body: body) }
    try await HTTPToolFixture.with(server, total: .seconds(120)) { fixture in
      let result = try await fixture.call(["method": "GET", "url": .string(server.url())])
      #expect(result["body"]?.stringValue?.hasPrefix(#"{"echo":"look: [sealed] or [sealed]","pad":"xx"#) == true)
      #expect(result["body_cut"] == true && !result.text.contains("kX9"))
    }
  }

  /// A POST's answer, which counts however little of it came.
  private func torn(_ body: String, headers: String = "") async throws -> (shown: JSONValue, hidden: [JSONValue]) {
    let server = try LoopbackServer { connection, _ in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\(headers)\r\n" + body)
    }
    var found: (JSONValue, [JSONValue]) = (.null, [])
    try await HTTPToolFixture.with(server, total: .seconds(120)) { fixture in
      let arguments: JSONValue = ["method": "POST", "url": .string(server.url())]
      let plan = try await fixture.tool.plan(arguments, in: fixture.context)
      let outcome = try await fixture.tool.perform(arguments, plan: plan, in: fixture.context)
      found = (try JSONValue(parsing: outcome.text), outcome.hidden)
    }
    return found
  }

  @Test("nothing is shown from where the beginning of a value stands that never came whole") func beginning()
    async throws
  {
    let body =
      #"{"a":"b","token":"first-token-whole","echo":"\#(Self.value)","c":"first-token-whole","token":"kX9-long-"#
    let (shown, hidden) = try await torn(body, headers: "X-Seen: \(Self.value)\r\nX-Other: first-token-whole!\r\n")
    #expect(shown["body"] == #"{"a":"b","token":"[sealed]","echo":""#)
    #expect(shown["body_cut"] == true && shown["body_incomplete"] == "connection_lost", "\(shown.text)")
    #expect(shown["headers"]?["x-seen"] == "[sealed]" && shown["headers"]?["x-other"] == "[sealed]!")
    #expect(hidden == ["first-token-whole", "kX9-long-"])
  }

  @Test("an answer that ends so early in a value that it cannot be searched for it is not shown", arguments: 0...7)
  func early(count: Int) async throws {
    let (shown, hidden) = try await torn(#"{"echo":"\#(Self.value)","token":"\#(Self.value.prefix(count))"#)
    #expect(shown["withheld"]?.stringValue?.contains("cut within a sealed value") == true, "\(shown.text)")
    #expect(shown["status"] == 200 && shown["body_incomplete"] == "connection_lost" && shown["body"] == nil)
    #expect(hidden.isEmpty && !shown.text.contains("kX9"))
  }

  @Test("a value of more bytes than are read at most hides what begins like it") func endless() async throws {
    let long = Self.value + String(repeating: "0123456789abcdef", count: 40_000)
    let server = try LoopbackServer { _ in answer(body: #"{"a":1,"token":"\#(long)","echo":"\#(long)"}"#) }
    try await HTTPToolFixture.with(server, total: .seconds(120)) { fixture in
      let result = try await fixture.call(["method": "GET", "url": .string(server.url())])
      #expect(
        result["body"] == #"{"a":1,"token":"[sealed]""# && result["body_cut"] == true, "\(result.text.prefix(300))")
    }
  }

  @Test("of a known value that comes back longer than is read at most nothing is shown", arguments: [524_288, 530_000])
  func longEcho(count: Int) async throws {
    let value = String((0..<count / 8).map { String(10_000_000 + $0) }.joined().prefix(count))
    for (written, shown) in [
      (value, "before [sealed]"), (String(value.map { $0 == "1" ? "\\u0031" : "\($0)" }.joined()), "before [sealed]"),
    ] {
      let server = try LoopbackServer { _ in answer(body: "before " + written) }
      try await HTTPToolFixture.with(server, total: .seconds(120)) { fixture in
        var knowing = fixture
        knowing.context.filter = SealedFilter([Secret(value)])
        let result = try await knowing.call(["method": "GET", "url": .string(server.url())])
        #expect(result["body"]?.stringValue == shown, "\(result.text.prefix(300))")
      }
    }
  }

  @Test("an answer with more sealed values than a task may have is not shown", arguments: [2000, 2001])
  func many(count: Int) async throws {
    let items = (0..<count).map { #"{"token":"token number \#($0)"}"# }.joined(separator: ",")
    let server = try LoopbackServer { _ in answer(body: #"{"list":[\#(items)],"last":"token number \#(count - 1)"}"#) }
    try await HTTPToolFixture.with(server, total: .seconds(120)) { fixture in
      let result = try await fixture.call(["method": "GET", "url": .string(server.url())])
      #expect(!result.text.contains("token number"))
      if count == 2000 {
        #expect(result["body"]?.stringValue?.hasSuffix(#"],"last":"[sealed]"}"#) == true)
      } else {
        #expect(result["withheld"]?.stringValue?.contains("more than 2000") == true, "\(result.text.prefix(300))")
      }
      // The task's own count.
      var full = fixture
      full.context.filter = SealedFilter([Secret("another value")])
      let beside = try await full.call(["method": "GET", "url": .string(server.url())])
      #expect(beside["withheld"] != nil, "\(beside.text.prefix(300))")
    }
  }
}
