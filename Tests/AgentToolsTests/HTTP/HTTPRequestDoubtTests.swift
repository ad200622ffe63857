import AgentTestKit
import AgentCore
import AgentTools
import HTTPTransport
import Testing

/// What a call that came to no answer says of its effect.
@Suite(.timeLimit(.minutes(4))) struct HTTPRequestDoubtTests {
  /// Answers `/warm`; of everything else it reads the body and closes.
  private func closingServer() throws -> LoopbackServer {
    try LoopbackServer { connection, _ in
      while let request = connection.readRequest(), request.target == "/warm" { connection.write(answer()) }
    }
  }

  private func arguments(_ method: String, _ url: String, key: Bool = false) -> JSONValue {
    key
      ? ["method": .string(method), "url": .string(url), "headers": ["Idempotency-Key": "k"]]
      : ["method": .string(method), "url": .string(url)]
  }

  @Test(
    "a once call whose answer was lost is in doubt and had one effect", arguments: ["POST", "DELETE", "PATCH", "PURGE"])
  func onceLost(method: String) async throws {
    let server = try closingServer()
    try await HTTPToolFixture.with(server) { fixture in
      _ = try await fixture.call(arguments("GET", server.url("/warm")))
      let error = await fixture.failure(arguments(method, server.url("/effect")))
      #expect(error?.code == "connection_lost")
      #expect(error?.mayHaveHappened == true)
      #expect(error?.isRetryable == false)
      #expect(server.requests.filter { $0.target == "/effect" }.count == 1)
    }
  }

  @Test(
    "a call that may be repeated is retryable and never in doubt",
    arguments: [("GET", false), ("HEAD", false), ("PUT", false), ("POST", true)])
  func repeatableLost(method: String, key: Bool) async throws {
    let server = try closingServer()
    try await HTTPToolFixture.with(server) { fixture in
      let error = await fixture.failure(arguments(method, server.url("/effect"), key: key))
      #expect(error?.code == "connection_lost")
      #expect(error?.mayHaveHappened == false)
      #expect(error?.isRetryable == true)
      let plan = ToolPlan(effect: .idempotent)
      #expect(await fixture.tool.recall(arguments(method, server.url()), plan: plan, in: fixture.context) == .notDone)
    }
  }

  @Test("a POST whose key is blank arrives with that field, once, and is in doubt", arguments: ["", " ", "\t"])
  func blankKey(key: String) async throws {
    let server = try closingServer()
    try await HTTPToolFixture.with(server) { fixture in
      let error = await fixture.failure([
        "method": "POST", "url": .string(server.url("/effect")),
        "headers": ["Idempotency-Key": .string(key), "X-Blank": .string(key), "X-Set": "  v  "],
      ])
      #expect(error?.mayHaveHappened == true)
      #expect(error?.isRetryable == false)
      #expect(server.requests.count == 1)
      let headers = server.requests.first?.headers
      #expect(headers?["idempotency-key"] == "")
      #expect(headers?["x-blank"] == "")
      #expect(headers?["x-set"] == "v")
    }
  }

  @Test("a once call that was never sent is in no doubt") func unsent() async throws {
    let server = try closingServer()
    try await HTTPToolFixture.with(server) { fixture in
      server.stop()
      let error = await fixture.failure(arguments("POST", server.url()))
      #expect(error?.code == "unreachable")
      #expect(error?.mayHaveHappened == false && error?.hadNoEffect == true)
    }
  }

  @Test("a once call that got a status has its answer, even if the body breaks off") func brokenBody() async throws {
    let server = try LoopbackServer { connection, _ in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nabc")
    }
    try await HTTPToolFixture.with(server) { fixture in
      let result = try await fixture.call(arguments("POST", server.url()))
      #expect(result["status"] == 201)
      #expect(result["body"] == "abc")
      #expect(result["body_incomplete"] == "connection_lost")
      let error = await fixture.failure(arguments("GET", server.url()))
      #expect(error?.code == "connection_lost")
      #expect(error?.isRetryable == true)
    }
  }

  @Test("silence past the limit is a timeout", arguments: [("POST", true, false), ("GET", false, true)])
  func silence(method: String, isInDoubt: Bool, isRetryable: Bool) async throws {
    let server = try LoopbackServer { connection, _ in
      _ = connection.readRequest()
      connection.waitForClose()
    }
    try await HTTPToolFixture.with(server, total: .milliseconds(150)) { fixture in
      let error = await fixture.failure(arguments(method, server.url()))
      #expect(error?.code == "timeout")
      #expect(error?.mayHaveHappened == isInDoubt)
      #expect(error?.isRetryable == isRetryable)
    }
  }

  @Test(
    "a cancelled call ends at once; a once call that was sent stays in doubt",
    arguments: [("POST", true), ("GET", false)]
  )
  func cancelled(method: String, isInDoubt: Bool) async throws {
    let arrived = [Signal(), Signal(), Signal()]
    let server = try LoopbackServer { connection, index in
      _ = connection.readRequest()
      arrived[index].set()
      connection.waitForClose()
    }
    try await HTTPToolFixture.with(server) { fixture in
      let arguments = arguments(method, server.url())
      var elapsed: [Duration] = []
      for signal in arrived {
        let call = await CancelledCall(after: signal) { await fixture.failure(arguments) }
        #expect(call.value?.code == "cancelled")
        #expect(call.value?.mayHaveHappened == isInDoubt && call.value?.hadNoEffect == false)
        #expect(call.value?.isRetryable == false)
        elapsed.append(call.endedAt - call.cancelledAt)
      }
      // Of three, since other programs share the machine's cores.
      #expect(elapsed.contains { $0 < .milliseconds(100) }, "\(elapsed)")
    }
  }

  @Test("what the plan called once is done once, whatever the method") func planStands() async throws {
    let server = try LoopbackServer { _ in answer(302, headers: ["Location: /again"]) }
    try await HTTPToolFixture.with(server) { fixture in
      let outcome = try await fixture.tool.perform(
        arguments("GET", server.url()), plan: ToolPlan(effect: .once), in: fixture.context)
      #expect(outcome.text.contains("302"))
      #expect(server.requests.count == 1)
    }
  }

  @Test("our own listener is never reached, listed or not") func ownListener() async throws {
    let server = try LoopbackServer { _ in answer() }
    let own = try #require(SocketAddress("0.0.0.0:\(server.port)"))
    try await HTTPToolFixture.with(server, allowHosts: ["127.0.0.0/8"], own: [own]) { fixture in
      #expect(await fixture.failure(arguments("GET", server.url()))?.code == "egress_denied")
      #expect(await fixture.failure(arguments("GET", "http://localhost:\(server.port)/"))?.code == "egress_denied")
      #expect(server.accepted == 0)
    }
  }
}
