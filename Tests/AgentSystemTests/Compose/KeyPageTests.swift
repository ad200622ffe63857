import AgentCore
import Testing

@testable import AgentSystem

@Suite("What is said of the keys")
struct KeyPageTests {
  static let ends: [(unopened: Int64, isRunning: Bool, isOver: Bool, words: String)] = [
    (0, false, true, "a new key is in use; the service seals with it what older ones sealed"),
    (
      1, false, true,
      "a new key is in use, and everything else is sealed with it; 1 value that does not open stays as it is, with the "
        + "key it is under: the log names it"
    ),
    (
      3, false, true,
      "a new key is in use, and everything else is sealed with it; 3 values that do not open stay as they are, with the "
        + "keys they are under: the log names each"
    ),
    // The count of the pass before; one that goes on.
    (3, false, false, "a new key is in use; the service seals with it what older ones sealed"),
    (3, true, true, "a new key is in use; the service seals with it what older ones sealed"),
  ]

  @Test("a rotation that left values behind says how many, and that their keys stay", arguments: ends.indices)
  func rotated(index: Int) {
    let (unopened, isRunning, isOver, words) = Self.ends[index]
    let json: JSONValue = [
      "keys": [["id": 1, "purpose": "field", "state": "opening"], ["id": 3, "purpose": "field", "state": "active"]],
      "sealing": ["running": .bool(isRunning), "done": 2, "total": 2, "unopened": .integer(unopened)],
    ]
    #expect(KeyPage.rotated(json, isOver: isOver) == words)
  }
}
