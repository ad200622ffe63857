import AgentTestKit
import HTTPTransport
import Testing

/// Runs the body with a transport of its own and ends it after.
func withTransport(_ body: (CurlTransport) async throws -> Void) async throws {
  let transport = try CurlTransport()
  defer { transport.shutdown() }
  try await body(transport)
}

/// Runs the body with a server and stops it after.
func withServer(_ server: LoopbackServer, _ body: (LoopbackServer) async throws -> Void) async rethrows {
  defer { server.stop() }
  try await body(server)
}

/// The error of a request that must fail.
func failure(
  of request: HTTPExchange.Request, on transport: CurlTransport, _ location: SourceLocation = #_sourceLocation
) async -> TransportError? {
  do {
    let response = try await transport.send(request)
    Issue.record("an answer came: \(response.status)", sourceLocation: location)
    return nil
  } catch {
    return error
  }
}

/// A rule that opens these servers.
func opening(_ servers: LoopbackServer...) -> EgressRule {
  EgressRule(allowHosts: servers.map { "127.0.0.1:\($0.port)" }, ownListeners: [])
}
