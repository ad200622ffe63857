import AgentTestKit
import Dispatch
import HTTPTransport
import Testing

@Suite(.timeLimit(.minutes(4))) struct CurlTransportTests {
  @Test(
    "method, target, headers and body arrive as they were given",
    arguments: [
      ("GET", nil), ("POST", "hello"), ("POST", ""), ("POST", nil), ("PUT", "x"), ("PATCH", nil), ("DELETE", nil),
      ("DELETE", "x"),
      ("PROPFIND", "x"), ("OPTIONS", nil),
    ] as [(String, String?)]
  ) func sends(method: String, body: String?) async throws {
    try await withServer(LoopbackServer { _ in answer(201, headers: ["X-One: a", "x-one:  b "], body: "done") }) {
      server in
      try await withTransport { transport in
        let response = try await transport.send(
          .init(
            method: method, url: server.url("/a/../b?c=d#e"), headers: [("X-Key", "v"), ("X-Empty", "")],
            body: body.map { Array($0.utf8) }))
        #expect(response.status == 201)
        #expect(response.body == Array("done".utf8))
        #expect(response.headers.filter { $0.name == "x-one" }.map(\.value) == ["a", "b"])
        #expect(response.head.value(of: "X-ONE") == "a")
        let request = try #require(server.requests.first)
        #expect(request.method == method)
        #expect(request.target == "/a/../b?c=d")
        #expect(request.body == body ?? "")
        #expect(request.headers["x-key"] == "v")
        #expect(request.headers["x-empty"] == "")
        #expect(request.headers["content-type"] == nil)
        #expect(request.headers["expect"] == nil)
        #expect(request.headers["host"] == "127.0.0.1:\(server.port)")
      }
    }
  }

  @Test("HEAD ends with the head") func head() async throws {
    try await withServer(LoopbackServer { _ in "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" }) { server in
      try await withTransport { transport in
        let response = try await transport.send(.init(method: "HEAD", url: server.url(), maximumResponseBytes: 10))
        #expect(response.body.isEmpty)
        #expect(response.head.value(of: "content-length") == "99999999")
      }
    }
  }

  @Test("a body of a megabyte goes up and comes back whole, with interim answers left out") func largeBody()
    async throws
  {
    let script: LoopbackServer.Script = { connection, _ in
      while let request = connection.readRequest() {
        connection.write("HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + answer(body: request.body))
      }
    }
    try await withServer(LoopbackServer(script)) { server in
      try await withTransport { transport in
        let body = (0..<(1 << 20)).map { UInt8(97 + $0 % 26) }
        let response = try await transport.send(.init(method: "POST", url: server.url(), body: body))
        #expect(response.status == 200)
        #expect(response.headers.map(\.name) == ["content-length"])
        #expect(response.body == body)
      }
    }
  }

  @Test("many transfers at once all get their own answer") func concurrent() async throws {
    try await withServer(LoopbackServer { answer(body: $0.target) }) { server in
      try await withTransport { transport in
        let bodies = try await withThrowingTaskGroup(of: Bool.self, returning: [Bool].self) { group in
          for number in 0..<100 {
            group.addTask {
              let response = try await transport.send(.init(url: server.url("/\(number)")))
              return response.body == Array("/\(number)".utf8)
            }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(bodies.count == 100 && bodies.allSatisfy { $0 })
      }
    }
  }

  @Test(
    "a request that must not go on the wire is refused unsent",
    arguments: [
      .init(method: "GE T", url: "http://127.0.0.1:1/"), .init(method: "", url: "http://127.0.0.1:1/"),
      .init(method: "HEAD", url: "http://127.0.0.1:1/", body: [1]),
      .init(url: "ftp://127.0.0.1/"), .init(url: "file:///etc/passwd"), .init(url: "http://a@127.0.0.1/"),
      .init(url: "http://127.0.0.1:1/", headers: [("X", "a\r\nY: b")]),
      .init(url: "http://127.0.0.1:1/", headers: [("X:", "a")]),
      .init(url: "http://127.0.0.1:1/", headers: [("content-Length", "5")]),
      .init(url: "http://127.0.0.1:1/", headers: [("Transfer-Encoding", "chunked")]),
    ] as [HTTPExchange.Request]
  ) func malformedRequest(request: HTTPExchange.Request) async throws {
    try await withTransport { transport in
      let error = await failure(of: request, on: transport)
      #expect(error?.code == .malformed)
      #expect(error?.wasSent == false)
    }
  }

  @Test("a port where nobody listens is unreachable, unsent, and the detail has no path") func refused() async throws {
    let server = try LoopbackServer { _ in answer() }
    server.stop()
    try await withTransport { transport in
      let error = await failure(of: .init(url: server.url("/secret?key=secret")), on: transport)
      #expect(error?.code == .unreachable)
      #expect(error?.wasSent == false)
      #expect(error?.detail.contains("secret") == false)
    }
  }

  @Test(
    "an answer that is not HTTP is malformed, and one that is cut is lost",
    arguments: [
      ("SSH-2.0-x\r\n", .malformed), ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", .malformed),
      ("HTTP/1.1 101 X\r\n\r\n", .malformed),
      ("", .connectionLost), ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", .connectionLost),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", .connectionLost),
    ] as [(String, TransportError.Code)]
  ) func badAnswers(text: String, code: TransportError.Code) async throws {
    let script: LoopbackServer.Script = { connection, _ in
      _ = connection.readRequest()
      connection.write(text)
    }
    try await withServer(LoopbackServer(script)) { server in
      try await withTransport { transport in
        let error = await failure(of: .init(url: server.url()), on: transport)
        #expect(error?.code == code)
        #expect(error?.wasSent == true)
        if text.contains(" 101 ") { #expect(error?.detail.contains("is 101, a change to another protocol") == true) }
      }
    }
  }

  @Test("an answer is taken up to the limit, and past it given up", arguments: [true, false])
  func sizeLimit(isDeclared: Bool) async throws {
    let answers: @Sendable (LoopbackRequest) -> String = { request in
      let body = String(repeating: "x", count: request.target == "/most" ? 1000 : 1001)
      if isDeclared { return answer(body: body) }
      return
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(String(body.count, radix: 16))\r\n\(body)\r\n0\r\n\r\n"
    }
    try await withServer(LoopbackServer(answer: answers)) { server in
      try await withTransport { transport in
        let response = try await transport.send(.init(url: server.url("/most"), maximumResponseBytes: 1000))
        #expect(response.body.count == 1000)
        let error = await failure(of: .init(url: server.url("/more"), maximumResponseBytes: 1000), on: transport)
        #expect(error?.code == .tooLarge)
      }
    }
  }

  @Test("a head without end is given up, and so is one of a long line", arguments: [1000, 400_000])
  func endlessHead(lineBytes: Int) async throws {
    let script: LoopbackServer.Script = { connection, _ in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\n")
      while connection.write("X-Filler: \(String(repeating: "y", count: lineBytes))\r\n") {}
    }
    try await withServer(LoopbackServer(script)) { server in
      try await withTransport { transport in
        let error = await failure(of: .init(url: server.url()), on: transport)
        #expect(error?.code == .tooLarge && error?.wasSent == true)
      }
    }
  }

  @Test(
    "a peer that is silent, stops amid the answer or drips too long runs into its own limit",
    arguments: ["no answer came", "the answer stopped", "the answer took too long in all"])
  func timeouts(sentence: String) async throws {
    let script: LoopbackServer.Script = { connection, _ in
      _ = connection.readRequest()
      if sentence != "no answer came" { connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc") }
      if sentence.hasSuffix("in all") { connection.drip("d") }
      connection.waitForClose()
    }
    let short = Duration.milliseconds(150)
    let timeouts = HTTPExchange.Timeouts(
      firstByte: sentence == "no answer came" ? short : .seconds(30),
      idle: sentence == "the answer stopped" ? short : .seconds(30),
      total: sentence.hasSuffix("in all") ? short : nil)
    try await withServer(LoopbackServer(script)) { server in
      try await withTransport { transport in
        let error = await failure(of: .init(url: server.url(), timeouts: timeouts), on: transport)
        #expect(error?.code == .timeout)
        #expect(error?.wasSent == true)
        #expect(error?.detail.hasSuffix(sentence) == true, "\(error?.detail ?? "")")
      }
    }
  }

  @Test("requests over a unix socket reach it, and no address") func unixSocket() async throws {
    let folder = try TemporaryFolder("unix")
    let path = folder.appending("s")
    let script: LoopbackServer.Script = { connection, _ in
      while let request = connection.readRequest() { connection.write(answer(body: request.target)) }
    }
    try await withServer(LoopbackServer(unixPath: path, script)) { server in
      try await withTransport { transport in
        for _ in 0..<2 {
          let response = try await transport.send(.init(url: "http://localhost/api", unixSocketPath: path))
          #expect(response.body == Array("/api".utf8))
        }
        #expect(server.accepted == 1)
        #expect(server.requests.first?.headers["host"] == "localhost")
        let gone = await failure(of: .init(url: "http://localhost/", unixSocketPath: path + "x"), on: transport)
        #expect(gone?.code == .unreachable)
        #expect(gone?.wasSent == false)
        let rule = EgressRule(allowHosts: ["localhost"], ownListeners: [])
        let ruled = await failure(
          of: .init(url: "http://localhost/", unixSocketPath: path, egress: rule), on: transport)
        #expect(ruled?.code == .egressDenied)
      }
    }
  }

  @Test("events arrive over a unix socket while the stream goes on") func events() async throws {
    let folder = try TemporaryFolder("events")
    let path = folder.appending("s")
    let firstWasRead = DispatchSemaphore(value: 0)
    let script: LoopbackServer.Script = { connection, _ in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: 1\ndata: a\n\nid: 2\nda")
      firstWasRead.wait()
      connection.write("ta: b\n\n")
    }
    try await withServer(LoopbackServer(unixPath: path, script)) { _ in
      try await withTransport { transport in
        let response = try await transport.stream(
          .init(url: "http://localhost/api/events", unixSocketPath: path, maximumResponseBytes: nil))
        var parser = EventStreamParser()
        var events: [ServerSentEvent] = []
        for try await bytes in response.body {
          events += try parser.consume(bytes)
          if events.count == 1 { firstWasRead.signal() }
        }
        #expect(events == [.init(data: "a", lastEventID: "1"), .init(data: "b", lastEventID: "2")])
        #expect(parser.lastEventID == "2")
      }
    }
  }

  @Test("a connection that does not come about is a timeout, unsent") func connectTimeout() async throws {
    // A listener that accepts nothing and whose queue is full lets no further connection through.
    let full = try FullListener()
    try await withTransport { transport in
      let error = await failure(
        of: .init(url: "http://127.0.0.1:\(full.port)/", timeouts: .init(connect: .milliseconds(150))), on: transport)
      #expect(error?.code == .timeout)
      #expect(error?.wasSent == false)
    }
  }

  @Test("two transports share no connection") func separateConnections() async throws {
    try await withServer(LoopbackServer { _ in answer() }) { server in
      try await withTransport { first in
        try await withTransport { second in
          _ = try await first.send(.init(url: server.url()))
          _ = try await first.send(.init(url: server.url()))
          #expect(server.accepted == 1)
          _ = try await second.send(.init(url: server.url()))
          #expect(server.accepted == 2)
        }
      }
    }
  }

  @Test("past the limit of transfers a request is refused unsent, and room comes back") func transferLimit()
    async throws
  {
    try await withServer(LoopbackServer { answer(body: $0.target) }) { server in
      let transport = try CurlTransport(maximumTransfers: 2)
      defer { transport.shutdown() }
      let endless = try LoopbackServer { connection, _ in
        _ = connection.readRequest()
        connection.write("HTTP/1.1 200 OK\r\n\r\n")
        connection.waitForClose()
      }
      try await withServer(endless) { endless in
        let first = try await transport.stream(.init(url: endless.url()))
        let second = try await transport.stream(.init(url: endless.url()))
        let error = await failure(of: .init(url: server.url()), on: transport)
        #expect(error?.code == .unreachable)
        #expect(error?.wasSent == false)
        #expect(server.accepted == 0)
        #expect(first.status == second.status)
        endless.stop()
        for try await _ in first.body {}
        let response = try await transport.send(.init(url: server.url()))
        #expect(response.status == 200)
      }
    }
  }
}
