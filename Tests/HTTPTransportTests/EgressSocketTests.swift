import AgentTestKit
import HTTPTransport
import Testing

@Suite(.timeLimit(.minutes(4))) struct EgressSocketTests {
  private let nothing = EgressRule(allowHosts: [], ownListeners: [])

  @Test("a permitted address is reached, by literal and by name") func permitted() async throws {
    try await withServer(LoopbackServer { _ in answer() }) { server in
      try await withTransport { transport in
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
          let url = "http://\(host):\(server.port)/"
          let response = try await transport.send(.init(url: url, egress: opening(server)))
          #expect(response.status == 200, "\(host)")
        }
      }
    }
  }

  @Test(
    "a name or spelling that leads to a denied address is not connected to",
    arguments: [
      "127.0.0.1", "localhost", "LOCALHOST.", "127.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001",
      "0177.0.0.1",
      "127.0.0.1.", "0.0.0.0", "0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
      "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
    ]) func denied(host: String) async throws
  {
    try await withServer(LoopbackServer { _ in answer() }) { server in
      try await withTransport { transport in
        let rule = EgressRule(allowHosts: ["localhost", "example.org", "10.0.0.0/8", "127.0.0.1:1"], ownListeners: [])
        let error = await failure(of: .init(url: "http://\(host):\(server.port)/", egress: rule), on: transport)
        #expect(error?.code == .egressDenied)
        #expect(error?.wasSent == false)
        #expect(server.accepted == 0)
      }
    }
  }

  @Test("a reused connection is judged again before each request") func reused() async throws {
    try await withServer(LoopbackServer { _ in answer() }) { server in
      try await withTransport { transport in
        // The name makes the early check pass, so that only the peer's address can decide.
        let url = "http://localhost:\(server.port)/"
        _ = try await transport.send(.init(url: url, egress: opening(server)))
        let rule = EgressRule(allowHosts: ["localhost"], ownListeners: [])
        let error = await failure(of: .init(url: url, egress: rule), on: transport)
        #expect(error?.code == .egressDenied)
        #expect(error?.wasSent == false)
        #expect(server.requests.count == 1)
        #expect(server.accepted == 1)
      }
    }
  }

  @Test("a transport without a rule warms no connection for one with a rule") func separate() async throws {
    try await withServer(LoopbackServer { _ in answer() }) { server in
      try await withTransport { providers in
        try await withTransport { tools in
          let url = "http://localhost:\(server.port)/"
          _ = try await providers.send(.init(url: url))
          let rule = EgressRule(allowHosts: ["localhost"], ownListeners: [])
          #expect(await failure(of: .init(url: url, egress: rule), on: tools)?.code == .egressDenied)
          #expect(server.accepted == 1)
          #expect(server.requests.count == 1)
        }
      }
    }
  }

  @Test("our own listener is denied though it is listed") func own() async throws {
    try await withServer(LoopbackServer { _ in answer() }) { server in
      try await withTransport { transport in
        let own = try #require(SocketAddress("0.0.0.0:\(server.port)"))
        let rule = EgressRule(allowHosts: ["127.0.0.1:\(server.port)", "0.0.0.0/0"], ownListeners: [own])
        for host in ["127.0.0.1", "0.0.0.0", "localhost", "[::ffff:127.0.0.1]"] {
          let error = await failure(of: .init(url: "http://\(host):\(server.port)/", egress: rule), on: transport)
          #expect(error?.code == .egressDenied, "\(host)")
        }
        #expect(server.accepted == 0)
      }
    }
  }

  @Test("through a proxy a listed name passes and a literal does not") func proxy() async throws {
    try await withServer(LoopbackServer { _ in answer(body: "proxied") }) { proxy in
      try await withTransport { transport in
        let rule = EgressRule(allowHosts: ["api.example.org", "127.0.0.1:\(proxy.port)"], ownListeners: [])
        let response = try await transport.send(
          .init(url: "http://api.example.org/x", egress: rule, proxy: proxy.url()))
        #expect(response.body == Array("proxied".utf8))
        #expect(proxy.requests.first?.target == "http://api.example.org/x")
        for url in [proxy.url(), "http://other.example/", "http://10.0.0.1/"] {
          #expect(
            await failure(of: .init(url: url, egress: rule, proxy: proxy.url()), on: transport)?.code == .egressDenied)
        }
        #expect(proxy.requests.count == 1)
      }
    }
  }

  @Test("no rule entry, no connection") func empty() async throws {
    try await withServer(LoopbackServer { _ in answer() }) { server in
      try await withTransport { transport in
        #expect(await failure(of: .init(url: server.url(), egress: nothing), on: transport)?.code == .egressDenied)
        #expect(server.accepted == 0)
      }
    }
  }
}
