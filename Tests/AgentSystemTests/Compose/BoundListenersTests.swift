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
    #expect(listeners.add(.tcp(host: "127.0.0.1", port: 8080), at: 0).isEmpty)
    #expect(listeners.add(.tcp(host: "127.0.0.1", port: 49_152), at: 3).isEmpty)
    #expect(listeners.socketAddresses.map(\.description) == seeded + ["127.0.0.1:49152"])
  }

  @Test(
    "addresses are announced together, in the order they were asked for, whichever was bound first",
    arguments: [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
  func order(bound: [Int]) {
    let asked: [BoundAddress] = [
      .tcp(host: "127.0.0.1", port: 4000), .tcp(host: "::1", port: 3000), .socket(path: "/run/api.sock"),
    ]
    let listeners = BoundListeners(configured: [], expected: 3)
    let announced = bound.map { listeners.add(asked[$0], at: $0) }
    #expect(announced == [[], [], asked])
  }
}
