import AgentAPI
import AgentConfig
import HTTPTransport
import Testing

@testable import AgentSystem

@Suite struct BoundListenersTests {
  @Test("what is going to be bound is ours before it is, and port 0 once it is known")
  func seeded() throws {
    let listeners = BoundListeners(
      configured: [
        ListenAddress(host: "127.0.0.1", port: 8080), ListenAddress(host: "::1", port: 8081),
        ListenAddress(host: "localhost", port: 8082), ListenAddress(host: "127.0.0.1", port: 0),
      ], expected: 5)
    let seeded = ["127.0.0.1:8080", "[::1]:8081", "127.0.0.1:8082", "[::1]:8082"]
    #expect(listeners.socketAddresses.map(\.description) == seeded)
    #expect(listeners.add(.tcp(host: "127.0.0.1", port: 8080)).isEmpty)
    #expect(listeners.add(.socket(path: "/run/api.sock")).isEmpty)
    #expect(listeners.add(.tcp(host: "127.0.0.1", port: 49_152)).isEmpty)
    #expect(listeners.socketAddresses.map(\.description) == seeded + ["127.0.0.1:49152"])
    #expect(listeners.add(.tcp(host: "::1", port: 8081)).isEmpty)
    // Told together, TCP before the socket.
    let all = listeners.add(.tcp(host: "127.0.0.1", port: 8082))
    #expect(all.count == 5)
    if case .socket = all.last {} else { Issue.record("the socket is not the last: \(all)") }
  }
}
