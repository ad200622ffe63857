import AgentAPI
import Testing

@testable import AgentSystem

@Suite struct BoundListenersTests {
  @Test(
    "addresses are announced together, in the order they were asked for, whichever was bound first",
    arguments: [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
  func order(bound: [Int]) {
    let asked: [BoundAddress] = [
      .tcp(host: "127.0.0.1", port: 4000), .tcp(host: "::1", port: 3000), .socket(path: "/run/api.sock"),
    ]
    let listeners = BoundListeners(expected: 3)
    let announced = bound.map { listeners.add(asked[$0], at: $0) }
    #expect(announced == [[], [], asked])
  }
}
