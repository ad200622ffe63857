import AgentTestKit
import HTTPTransport
import Testing

@Suite(.timeLimit(.minutes(4))) struct RedirectTests {
  private var secrets: [(String, String)] {
    [("Authorization", "Bearer s"), ("Cookie", "a=b"), ("X-Api-Key", "k"), ("Accept", "text/plain")]
  }

  @Test(
    "a redirect is followed within an origin with all headers", arguments: [301, 302, 303, 307, 308], ["GET", "HEAD"])
  func sameOrigin(status: Int, method: String) async throws {
    let script: @Sendable (LoopbackRequest) -> String = { request in
      request.target == "/a/b?c"
        ? "HTTP/1.1 \(status) X\r\nContent-Length: 0\r\nLocation: ../d?e#f\r\n\r\n"
        : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    }
    try await withServer(LoopbackServer(answer: script)) { server in
      try await withTransport { transport in
        let response = try await transport.send(
          .init(
            method: method, url: server.url("/a/b?c"), headers: secrets, followRedirects: 1, egress: opening(server)))
        #expect(response.status == 200)
        #expect(server.requests.map(\.target) == ["/a/b?c", "/d?e"])
        #expect(server.requests.map(\.method) == [method, method])
        #expect(server.requests.last?.headers["authorization"] == "Bearer s")
      }
    }
  }

  @Test("another origin gets no credential, and the first one gets none back") func crossOrigin() async throws {
    let second = try LoopbackServer { _ in answer(307, headers: ["Location: http://localhost:1/"]) }
    try await withServer(second) { second in
      let first = try LoopbackServer { request in
        request.target == "/back" ? answer(body: "end") : answer(302, headers: ["Location: \(second.url("/x"))"])
      }
      try await withServer(first) { first in
        let third = try LoopbackServer { _ in answer(302, headers: ["Location: \(first.url("/back"))"]) }
        try await withServer(third) { third in
          try await withTransport { transport in
            let response = try await transport.send(
              .init(url: first.url("/"), headers: secrets, followRedirects: 0, egress: opening(first, second, third)))
            #expect(response.status == 302)
            #expect(second.accepted == 0)
            let middle = try await transport.send(
              .init(url: third.url("/"), headers: secrets, followRedirects: 5, egress: opening(first, second, third)))
            #expect(middle.body == Array("end".utf8))
            let last = try #require(first.requests.last)
            #expect(last.target == "/back")
            #expect(
              last.headers["authorization"] == nil && last.headers["cookie"] == nil && last.headers["x-api-key"] == nil)
            #expect(last.headers["accept"] == "text/plain")
          }
        }
      }
    }
  }

  @Test(
    "each hop is judged",
    arguments: ["http://169.254.169.254/latest", "http://2130706433:PORT/", "http://0x7f.1:PORT/", "//localhost:PORT/"])
  func judged(location: String) async throws {
    try await withServer(LoopbackServer { _ in answer() }) { inner in
      let location = location.replacing("PORT", with: "\(inner.port)")
      try await withServer(LoopbackServer { _ in answer(302, headers: ["Location: \(location)"]) }) { outer in
        try await withTransport { transport in
          let error = await failure(
            of: .init(url: outer.url(), followRedirects: 5, egress: opening(outer)), on: transport)
          #expect(error?.code == .egressDenied)
          #expect(error?.wasSent == true)
          #expect(inner.accepted == 0)
        }
      }
    }
  }

  @Test(
    "a redirect to nowhere we speak is malformed",
    arguments: ["file:///etc/passwd", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "http://"])
  func badLocation(location: String) async throws {
    try await withServer(LoopbackServer { _ in answer(302, headers: ["Location: \(location)"]) }) { server in
      try await withTransport { transport in
        let error = await failure(of: .init(url: server.url(), followRedirects: 5), on: transport)
        #expect(error?.code == .malformed)
      }
    }
  }

  @Test("the redirect past the last one is an error") func tooMany() async throws {
    let script: @Sendable (LoopbackRequest) -> String = { request in
      let number = Int(request.target.dropFirst()) ?? 0
      return number == 0 ? answer(body: "end") : answer(302, headers: ["Location: /\(number - 1)"])
    }
    try await withServer(LoopbackServer(answer: script)) { server in
      try await withTransport { transport in
        let response = try await transport.send(.init(url: server.url("/5"), followRedirects: 5))
        #expect(response.body == Array("end".utf8))
        let error = await failure(of: .init(url: server.url("/6"), followRedirects: 5), on: transport)
        #expect(error?.code == .tooManyRedirects)
      }
    }
  }

  @Test("a method with an effect is never sent on", arguments: ["POST", "PUT", "PATCH", "DELETE"], [307, 308])
  func effects(method: String, status: Int) async throws {
    try await withServer(LoopbackServer { _ in answer(status, headers: ["Location: /again"]) }) { server in
      try await withTransport { transport in
        let response = try await transport.send(.init(method: method, url: server.url(), followRedirects: 5))
        #expect(response.status == status)
        #expect(server.requests.count == 1)
      }
    }
  }
}
