import AgentTestKit
import AgentCore
import AgentTools
import HTTPTransport
import Testing

@Suite(.timeLimit(.minutes(4))) struct HTTPRequestToolTests {
  @Test("an answer of any status is the result", arguments: ["GET", "POST", "PUT", "DELETE"], [200, 204, 404, 503])
  func anyStatus(method: String, status: Int) async throws {
    let server = try LoopbackServer { _ in
      answer(status, headers: ["Content-Type: text/plain"], body: status == 204 ? "" : "hi\n\"x\"")
    }
    try await HTTPToolFixture.with(server) { fixture in
      let result = try await fixture.call(["method": .string(method), "url": .string(server.url("/a?b"))])
      #expect(result["status"] == .integer(Int64(status)))
      #expect(result["body"] == .string(status == 204 ? "" : "hi\n\"x\""))
      #expect(result["headers"]?["content-type"] == "text/plain")
      #expect(result["body_cut"] == nil && result["body_incomplete"] == nil && result["headers_cut"] == nil)
      #expect(server.requests.map(\.method) == [method])
    }
  }

  @Test("a JSON body is sent as JSON and a string as it is") func bodies() async throws {
    let server = try LoopbackServer { _ in answer() }
    try await HTTPToolFixture.with(server) { fixture in
      let url = JSONValue.string(server.url())
      _ = try await fixture.call(["method": "post", "url": url, "body": ["b": 1, "a": ["x"]]])
      _ = try await fixture.call(["method": "POST", "url": url, "body": "a=b", "headers": ["content-type": "text/x"]])
      _ = try await fixture.call([
        "method": "POST", "url": url, "body": [1], "headers": ["Content-Type": "application/x+json"],
      ])
      #expect(server.requests.map(\.body) == [#"{"a":["x"],"b":1}"#, "a=b", "[1]"])
      #expect(
        server.requests.map { $0.headers["content-type"] } == ["application/json", "text/x", "application/x+json"])
      #expect(server.requests.allSatisfy { $0.headers["user-agent"] == "agent-system" && $0.headers["expect"] == nil })
    }
  }

  @Test("PUT carries the step's key, unless the caller gave one; nothing else does") func idempotencyKey() async throws
  {
    let server = try LoopbackServer { _ in answer() }
    try await HTTPToolFixture.with(server) { fixture in
      let url = JSONValue.string(server.url())
      _ = try await fixture.call(["method": "PUT", "url": url])
      _ = try await fixture.call(["method": "PUT", "url": url, "headers": ["idempotency-KEY": "mine"]])
      _ = try await fixture.call(["method": "POST", "url": url])
      _ = try await fixture.call(["method": "GET", "url": url])
      #expect(server.requests.map { $0.headers["idempotency-key"] } == ["task-7-step-3", "mine", nil, nil])
    }
  }

  @Test("credentials are never shown, neither the answer's nor an echo of the request's") func sealed() async throws {
    let server = try LoopbackServer { request in
      let token = request.headers["authorization"] ?? ""
      return answer(
        headers: [
          "Set-Cookie: a=secret", "Set-Cookie: b=secret", "Authorization: secret", "Cookie: secret",
          "Proxy-Authorization: secret", "X-Echo: \(token)",
        ],
        body: "you sent \(token), that is \(token.split(separator: " ").last ?? "")")
    }
    try await HTTPToolFixture.with(server) { fixture in
      let result = try await fixture.call(
        ["method": "GET", "url": .string(server.url()), "headers": ["AUTHORIZATION": "Bearer secret-token"]])
      #expect(!result.text.contains("secret"))
      for name in ["set-cookie", "authorization", "cookie", "proxy-authorization", "x-echo"] {
        #expect(result["headers"]?[name] == "[sealed]", "\(name)")
      }
      #expect(result["body"] == "you sent [sealed], that is [sealed]")
      #expect(server.requests.first?.headers["authorization"] == "Bearer secret-token")
    }
  }

  @Test(
    "a long body is cut to fit and marked, whatever it is made of",
    arguments: ["x", "\"", "\n", "\u{1}", "é", "漢", "😀"], [true, false])
  func cut(unit: String, isEndless: Bool) async throws {
    let whole = String(repeating: unit, count: ToolOutcome.maximumBytes / unit.utf8.count + 10)
    let server = try LoopbackServer { connection, _ in
      _ = connection.readRequest()
      guard isEndless else {
        connection.write(answer(body: whole))
        return
      }
      connection.write("HTTP/1.1 200 OK\r\n\r\n")
      while connection.write(whole) {}
    }
    try await HTTPToolFixture.with(server) { fixture in
      let result = try await fixture.call(["method": "GET", "url": .string(server.url())])
      #expect(result["body_cut"] == true)
      let body = try #require(result["body"]?.stringValue)
      #expect(whole.hasPrefix(body))
      #expect(result.text.utf8.count > ToolOutcome.maximumBytes - 16)
    }
  }

  @Test("a body at the limit is whole, and one byte more is cut") func cutBound() async throws {
    let frame = #"{"body":"","body_cut":true,"headers":{"content-length":"262000"},"status":200}"#.utf8.count
    let most = ToolOutcome.maximumBytes - frame
    let server = try LoopbackServer { answer(body: String(repeating: "x", count: Int($0.target.dropFirst()) ?? 0)) }
    try await HTTPToolFixture.with(server) { fixture in
      let whole = try await fixture.call(["method": "GET", "url": .string(server.url("/\(most)"))])
      #expect(whole["body_cut"] == nil)
      #expect(whole["body"]?.stringValue?.utf8.count == most)
      let cut = try await fixture.call(["method": "GET", "url": .string(server.url("/\(most + 1)"))])
      #expect(cut["body_cut"] == true)
      #expect(cut["body"]?.stringValue?.utf8.count == most)
    }
  }

  @Test(
    "a body that is no text is counted, not shown",
    arguments: [[0xFF, 0xFE], [0x61, 0x00, 0x62], [0xC3]] as [[UInt8]])
  func binary(bytes: [UInt8]) async throws {
    let server = try LoopbackServer { connection, _ in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(bytes.count)\r\n\r\n")
      connection.write(bytes)
    }
    try await HTTPToolFixture.with(server) { fixture in
      let result = try await fixture.call(["method": "GET", "url": .string(server.url())])
      #expect(result["body_omitted_bytes"] == .integer(Int64(bytes.count)))
      #expect(result["body"] == nil)
    }
  }

  @Test("many headers are cut and marked") func headersCut() async throws {
    let server = try LoopbackServer { _ in
      answer(headers: (100..<200).map { "X-\($0): " + String(repeating: "v", count: 1000) }, body: "b")
    }
    try await HTTPToolFixture.with(server) { fixture in
      let result = try await fixture.call(["method": "GET", "url": .string(server.url())])
      #expect(result["headers_cut"] == true)
      #expect(result["body"] == "b")
      #expect((20..<40).contains(result["headers"]?.objectValue?.count ?? 0))
    }
  }

  @Test("GET and HEAD follow up to five redirects; no other method follows one") func redirects() async throws {
    let server = try LoopbackServer { request in
      let number = Int(request.target.dropFirst()) ?? 0
      return number == 0 ? answer(body: "end") : answer(307, headers: ["Location: /\(number - 1)"])
    }
    try await HTTPToolFixture.with(server) { fixture in
      let five = try await fixture.call(["method": "GET", "url": .string(server.url("/5"))])
      #expect(five["body"] == "end")
      #expect(await fixture.failure(["method": "GET", "url": .string(server.url("/6"))])?.code == "too_many_redirects")
      for method in ["POST", "PUT", "DELETE"] {
        let result = try await fixture.call(["method": .string(method), "url": .string(server.url("/1"))])
        #expect(result["status"] == 307, "\(method)")
      }
    }
  }

  @Test("a redirect to a host with a sealed value in it is refused before its name is looked up") func sealedRedirect()
    async throws
  {
    // The name ends in one that every resolver knows to be this machine.
    let inner = try LoopbackServer { _ in answer(body: "reached") }
    defer { inner.stop() }
    let outer = try LoopbackServer { _ in
      answer(302, headers: ["Location: http://hunter2-hunter2.localhost:\(inner.port)/"])
    }
    try await HTTPToolFixture.with(outer, allowHosts: ["127.0.0.0/8", "::1/128"]) { fixture in
      var fixture = fixture
      fixture.context.filter = SealedFilter([Secret("hunter2-hunter2")])
      #expect(await fixture.failure(["method": "GET", "url": .string(outer.url())])?.code == "egress_denied")
      #expect(inner.accepted == 0)
    }
  }

  @Test("a redirect out of allow_hosts is refused") func redirectOut() async throws {
    let inner = try LoopbackServer { _ in answer() }
    defer { inner.stop() }
    let outer = try LoopbackServer { _ in answer(302, headers: ["Location: \(inner.url())"]) }
    try await HTTPToolFixture.with(outer) { fixture in
      #expect(await fixture.failure(["method": "GET", "url": .string(outer.url())])?.code == "egress_denied")
      #expect(inner.accepted == 0)
    }
  }
}
