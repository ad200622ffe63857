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

  @Test("a self-signed certificate is refused unless its file is given") func selfSigned() async throws {
    let folder = try TemporaryFolder("tls")
    let certificate = folder.appending("cert.pem")
    try run([
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost",
      "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder.appending("key.pem"), "-out", certificate,
    ]).waitUntilExit()
    let output = Pipe()
    let server = try run(
      ["s_server", "-accept", "127.0.0.1:0", "-www", "-cert", certificate, "-key", folder.appending("key.pem")], output)
    defer { server.terminate() }
    let port = try #require(acceptedPort(output))
    try await withTransport { transport in
      let url = "https://127.0.0.1:\(port)/"
      let error = await failure(of: .init(url: url, headers: [("Authorization", "s")]), on: transport)
      #expect(error?.code == .tlsFailed)
      #expect(error?.wasSent == false)
      #expect(error?.detail.contains("self-signed") == true)
      let trusted = try await transport.send(.init(url: url, certificateAuthorityFile: certificate))
      #expect(trusted.status == 200)
      let wrongName = await failure(
        of: .init(url: "https://localhost:\(port)/", certificateAuthorityFile: certificate), on: transport)
      #expect(wrongName?.code == .tlsFailed)
    }
  }

  private func run(_ arguments: [String], _ output: Pipe? = nil) throws -> ChildProcess {
    let process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output ?? FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  /// From openssl's line `ACCEPT 127.0.0.1:PORT`.
  private func acceptedPort(_ output: Pipe) -> Int? {
    var text = ""
    while let bytes = try? output.fileHandleForReading.read(upToCount: 1), !bytes.isEmpty {
      text += String(decoding: bytes, as: UTF8.self)
      if text.hasSuffix("\n"), let port = text.dropLast().split(separator: ":").last.flatMap({ Int($0) }) {
        return port
      }
    }
    return nil
  }
}
