import AgentTestKit
import HTTPTransport
import Testing

/// libcurl sends a request again by itself when a reused connection closes without an answer.
@Suite(.timeLimit(.minutes(4))) struct RepeatedRequestTests {
  /// Answers `GET /warm`, and closes on every other request after reading its body: the effect has happened.
  static func closingServer() throws -> LoopbackServer {
    try LoopbackServer { connection, _ in
      while let request = connection.readRequest(), request.target == "/warm" { connection.write(answer()) }
    }
  }

  @Test(
    "a request whose connection closes without an answer has one effect, on a fresh connection and on a reused one",
    .timeLimit(.minutes(2)), arguments: ["POST", "PUT", "GET"], [true, false]
  ) func oneEffect(method: String, isFresh: Bool) async throws {
    try await withServer(Self.closingServer()) { server in
      try await withTransport { transport in
        _ = try await transport.send(.init(url: server.url("/warm")))
        let error = await failure(
          of: .init(
            method: method, url: server.url("/effect"), body: method == "GET" ? nil : Array("x".utf8),
            freshConnection: isFresh), on: transport)
        #expect(server.requests.filter { $0.target == "/effect" }.count == 1)
        #expect(error?.code == (isFresh ? .connectionLost : .unreachable))
        #expect(error?.wasSent == true)
        // On the reused one libcurl did connect again to repeat it, and was stopped before the first byte.
        await server.accepted(2)
        #expect(server.accepted == 2)
      }
    }
  }

  @Test("a fresh connection is neither taken from the kept ones nor kept") func freshIsAlone() async throws {
    try await withServer(LoopbackServer { _ in answer() }) { server in
      try await withTransport { transport in
        _ = try await transport.send(.init(url: server.url()))
        _ = try await transport.send(.init(method: "POST", url: server.url(), freshConnection: true))
        _ = try await transport.send(.init(method: "POST", url: server.url(), freshConnection: true))
        #expect(server.accepted == 3)
        _ = try await transport.send(.init(url: server.url()))
        #expect(server.accepted == 3)
      }
    }
  }

  @Test("a kept connection that its server has closed in peace is replaced without a failure") func closedWhileIdle()
    async throws
  {
    let closed = Signal()
    let script: LoopbackServer.Script = { connection, index in
      _ = connection.readRequest()
      connection.write(answer(body: "\(index)"))
      if index == 0 { shutdownConnection(connection) } else { connection.waitForClose() }
      closed.set()
    }
    try await withServer(LoopbackServer(script)) { server in
      try await withTransport { transport in
        _ = try await transport.send(.init(url: server.url()))
        await closed.wait()
        let response = try await transport.send(.init(method: "POST", url: server.url()))
        #expect(response.body == Array("1".utf8))
      }
    }
  }
}
