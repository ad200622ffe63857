import AgentTestKit
import Foundation
import HTTPTransport
import Testing

@Suite(.timeLimit(.minutes(4))) struct TLSTests {
  @Test("a server that does not speak TLS is a TLS failure, unsent") func plaintext() async throws {
    let script: LoopbackServer.Script = { connection, _ in
      connection.write("HTTP/1.1 400 Bad\r\n\r\n")
      connection.waitForClose()
    }
    try await withServer(LoopbackServer(script)) { server in
      try await withTransport { transport in
        let error = await failure(of: .init(url: "https://127.0.0.1:\(server.port)/"), on: transport)
        #expect(error?.code == .tlsFailed)
        #expect(error?.wasSent == false)
      }
    }
  }

  @Test("a self-signed certificate is refused unless its file is given, and never for another name") func selfSigned()
    async throws
  {
    let tls = try TLSFolder()
    try await tls.withServer { port in
      try await withTransport { transport in
        let url = "https://127.0.0.1:\(port)/"
        let error = await failure(of: .init(url: url, headers: [("Authorization", "s")]), on: transport)
        #expect(error?.code == .tlsFailed)
        #expect(error?.wasSent == false)
        #expect(error?.detail.contains("self-signed") == true)
        let trusted = try await transport.send(.init(url: url, certificateAuthorityFile: tls.certificate))
        #expect(trusted.status == 200)
        let wrongName = await failure(
          of: .init(url: "https://localhost:\(port)/", certificateAuthorityFile: tls.certificate), on: transport)
        #expect(wrongName?.code == .tlsFailed)
        #expect(wrongName?.wasSent == false)
      }
    }
  }

  @Test("a certificate that has expired is refused, unsent") func expired() async throws {
    let tls = try TLSFolder(expired: true)
    try await tls.withServer { port in
      try await withTransport { transport in
        let error = await failure(
          of: .init(url: "https://127.0.0.1:\(port)/", certificateAuthorityFile: tls.certificate), on: transport)
        #expect(error?.code == .tlsFailed)
        #expect(error?.wasSent == false)
        #expect(error?.detail.contains("expired") == true, "\(error?.detail ?? "")")
      }
    }
  }

  @Test("TLS before 1.2 is refused, unsent; 1.2 and 1.3 are taken", arguments: ["tls1_1", "tls1_2", "tls1_3"])
  func versions(version: String) async throws {
    let tls = try TLSFolder()
    try await tls.withServer(["-\(version)", "-cipher", "DEFAULT@SECLEVEL=0"]) { port in
      try await withTransport { transport in
        let request = HTTPExchange.Request(
          url: "https://127.0.0.1:\(port)/", certificateAuthorityFile: tls.certificate)
        guard version == "tls1_1" else {
          let response = try await transport.send(request)
          #expect(response.status == 200)
          return
        }
        let error = await failure(of: request, on: transport)
        #expect(error?.code == .tlsFailed)
        #expect(error?.wasSent == false)
      }
    }
  }

  @Test("a file of certificates that is not there is a TLS failure, unsent") func noFile() async throws {
    let tls = try TLSFolder()
    try await tls.withServer { port in
      try await withTransport { transport in
        let error = await failure(
          of: .init(url: "https://127.0.0.1:\(port)/", certificateAuthorityFile: tls.folder.appending("none")),
          on: transport)
        #expect(error?.code == .tlsFailed)
        #expect(error?.wasSent == false)
      }
    }
  }

  @Test("a file of certificates is read anew for each connection") func renewed() async throws {
    let (tls, other) = (try TLSFolder(), try TLSFolder())
    let file = tls.folder.appending("trusted.pem")
    func trust(_ path: String) throws {
      try Data(contentsOf: URL(fileURLWithPath: path)).write(to: URL(fileURLWithPath: file), options: .atomic)
    }
    try await tls.withServer { port in
      try await withTransport { transport in
        let request = HTTPExchange.Request(url: "https://127.0.0.1:\(port)/", certificateAuthorityFile: file)
        try trust(other.certificate)
        #expect(await failure(of: request, on: transport)?.code == .tlsFailed)
        try trust(tls.certificate)
        #expect(try await transport.send(request).status == 200)
      }
    }
  }

  @Test("a server that offers HTTP/2 is spoken to in it, on one connection") func http2() async throws {
    let tls = try TLSFolder()
    try await tls.withHTTP2Server { server in
      try await withTransport { transport in
        var bodies: [String] = []
        for _ in 0..<3 {
          let response = try await transport.send(
            .init(
              method: "POST", url: "https://127.0.0.1:\(server.port)/v1", body: Array("{}".utf8),
              certificateAuthorityFile: tls.certificate))
          #expect(response.status == 200)
          bodies.append(String(decoding: response.body, as: UTF8.self))
        }
        #expect(bodies == ["connection 0 stream 1", "connection 0 stream 3", "connection 0 stream 5"])
      }
    }
  }
}
