import AgentCore
import AgentTestKit
import HTTPTransport
import Testing

/// The fault table's row about `Host`: what is exempt from it, and which addresses are our own.
@Suite struct HostRowTests {
  @Test("`/metrics` asks nobody for a `Host`: until it is there it is 404, never 421", .shows(.foreignSigns))
  func metrics() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    for headers in [[], [("Host", "evil.example")], [("Host", "10.0.0.7:9090")], [("X-Forwarded-For", "10.0.0.1")]] {
      try await service.refused(404, "not_found", "GET", "/metrics", headers: headers, overTCP: true)
    }
    for path in ["/metrics/", "/metrics/x", "/metricsx"] {
      try await service.refused(
        421, "host_not_allowed", "GET", path, headers: [("Host", "evil.example")], overTCP: true)
    }
  }

  @Test("an IP literal is our own `Host` only where it is the connection's own local address", .shows(.foreignSigns))
  func ownAddress() async throws {
    let folder = try TemporaryFolder()
    let service = try ServiceProcess(
      folder: folder, environment: [:],
      arguments: [
        "serve", "--data", folder.appending("data"), "--log-dir", folder.appending("log"), "--listen", "127.0.0.2:0",
        "--socket", folder.appending("api.sock"),
      ])
    let address = try await service.address()
    #expect(address.hasPrefix("http://127.0.0.2:"))
    let port = try #require(address.split(separator: ":").last)
    for host in ["127.0.0.2", "127.0.0.2:\(port)", "127.0.0.2:1", "127.0.0.1", "localhost"] {
      let answer = try await service.send("GET", "/api/agents/status", headers: [("Host", host)], overTCP: true)
      #expect(answer.status == 200, "\(host): \(answer.text)")
    }
    for host in ["127.0.0.3", "127.0.0.2.example", "0x7f000002", "127.2", "[::ffff:127.0.0.2]"] {
      try await service.refused(
        421, "host_not_allowed", "GET", "/api/agents/status", headers: [("Host", host)], overTCP: true)
    }
    // The same literal is a foreign one on another address.
    let other = try await ServiceProcess.serve(in: TemporaryFolder())
    try await other.refused(
      421, "host_not_allowed", "GET", "/api/agents/status", headers: [("Host", "127.0.0.2")], overTCP: true)
  }
}
