import AgentTestKit
import Foundation
import HTTPTransport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ProxyTests {
  @Test("a request goes through the proxy that it names, with the credentials in its URL") func plain() async throws {
    try await withServer(LoopbackServer { answer(body: "\($0.method) \($0.target) \($0.body)") }) { server in
      try await withServer(ForwardProxy.start(credentials: "me:p@ss")) { proxy in
        try await withTransport { transport in
          let response = try await transport.send(
            .init(
              method: "POST", url: server.url("/v1?a=b"), body: Array("x".utf8),
              proxy: "http://me:p%40ss@127.0.0.1:\(proxy.port)"))
          #expect(String(decoding: response.body, as: UTF8.self) == "POST /v1?a=b x")
          #expect(proxy.requests.map(\.target) == [server.url("/v1?a=b")])
          #expect(server.requests.first?.headers["proxy-authorization"] == nil)
        }
      }
    }
  }

  @Test("TLS goes through a tunnel, and the certificate is the server's own") func tunnel() async throws {
    let tls = try TLSFolder()
    try await tls.withServer { port in
      try await withServer(ForwardProxy.start()) { proxy in
        try await withTransport { transport in
          var request = HTTPExchange.Request(
            url: "https://127.0.0.1:\(port)/secret", headers: [("Authorization", "s")],
            proxy: "http://127.0.0.1:\(proxy.port)", certificateAuthorityFile: tls.certificate)
          let response = try await transport.send(request)
          #expect(response.status == 200)
          #expect(proxy.requests.map(\.target) == ["127.0.0.1:\(port)"])
          #expect(proxy.requests.first?.headers["authorization"] == nil)
          request.certificateAuthorityFile = nil
          request.freshConnection = true
          let error = await failure(of: request, on: transport)
          #expect(error?.code == .tlsFailed)
          #expect(error?.wasSent == false)
        }
      }
    }
  }

  @Test("a proxy that is not there, or that refuses, is unreachable, and the error names no credential")
  func trouble() async throws {
    try await withServer(LoopbackServer { _ in answer() }) { server in
      let gone = try LoopbackServer { _ in "" }
      gone.stop()
      try await withServer(ForwardProxy.start(credentials: "me:right")) { proxy in
        try await withTransport { transport in
          let none = await failure(
            of: .init(url: server.url(), proxy: "http://me:wrong@127.0.0.1:\(gone.port)"), on: transport)
          #expect(none?.code == .unreachable && none?.wasSent == false)
          let refused = await failure(
            of: .init(url: "https://127.0.0.1:\(server.port)/", proxy: "http://me:wrong@127.0.0.1:\(proxy.port)"),
            on: transport)
          #expect(refused?.code == .unreachable && refused?.wasSent == false)
          for error in [none, refused] { #expect(error?.detail.contains("wrong") == false) }
          let noProxy = "no connection to the proxy 127.0.0.1:\(gone.port): "
          #expect(none?.detail.contains(noProxy) == true, "\(none?.detail ?? "")")
          #expect(
            refused?.detail == "127.0.0.1:\(server.port): the proxy 127.0.0.1:\(proxy.port) lets nobody in without the "
              + "right user name and password (status 407)")
          #expect(server.accepted == 0)
        }
      }
    }
  }

  @Test(
    "a proxy that opens no tunnel is named with the status that it answered", arguments: [403, 502],
    ["", "me:p%40ss@", "me:p%2Fss@"])
  func noTunnel(status: Int, userInfo: String) async throws {
    try await withServer(LoopbackServer { _ in answer(status) }) { proxy in
      try await withTransport { transport in
        let address = "http://\(userInfo)127.0.0.1:\(proxy.port)/"
        let error = await failure(of: .init(url: "https://api.invalid/", proxy: address), on: transport)
        let sentence = "the proxy 127.0.0.1:\(proxy.port) refused the tunnel with status \(status)"
        #expect(error?.code == .unreachable && error?.wasSent == false)
        #expect(error?.detail == "api.invalid:443: \(sentence)")
      }
    }
  }
}
