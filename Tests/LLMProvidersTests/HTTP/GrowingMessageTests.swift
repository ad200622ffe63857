import AgentCore
import Testing

@testable import LLMProviders

@Suite("A message that grows") struct GrowingMessageTests {
  static let deltas: [([JSONValue], JSONValue)] = [
    ([["a": "x"], ["a": "y"], ["a": nil]], ["a": "xy"]), ([["a": nil], ["b": nil], ["a": "x"]], ["a": "x", "b": nil]),
    ([["role": "assistant"], ["role": ""], ["role": "assistant"]], ["role": "assistant"]),
    ([["n": 1], ["n": 2], ["f": true], ["f": false]], ["n": 2, "f": false]),
    ([["l": [1]], ["l": []], ["l": [2, 3]]], ["l": [1, 2, 3]]),
    (
      [["o": ["t": "x", "id": "1", "l": [1]]], ["o": ["t": "y", "id": "2", "l": [2]]]],
      ["o": ["t": "xy", "id": "2", "l": [1, 2]]]
    ),
    (
      [["c": "x"], ["c": [["type": "image"]]], ["c": "y"]],
      ["c": [["type": "text", "text": "x"], ["type": "image"], ["type": "text", "text": "y"]]]
    ),
    ([["a": 1], ["a": "x"], ["a": ["b": 2]]], ["a": ["b": 2]]),
  ]

  @Test("keeps every member of its deltas", arguments: deltas)
  func grows(pieces: [JSONValue], whole: JSONValue) {
    var message = GrowingMessage()
    for piece in pieces { message.take(piece.objectValue ?? [:]) }
    #expect(JSONValue.object(message.members) == whole)
  }

  /// Larger than a block, of pieces that end within characters and at, before and after a block's end.
  @Test(
    "bytes that come in pieces of any size are the same bytes",
    arguments: [1, 7, 4096, (1 << 20) - 1, 1 << 20, 3 << 20])
  func bytes(piece: Int) {
    // Single bytes need not cross as many blocks: they are slow.
    let text = String(repeating: "Grüße 🙂", count: piece == 1 ? 80_000 : 200_000)
    let bytes = Array(text.utf8)
    var growing = GrowingBytes()
    for start in stride(from: 0, to: bytes.count, by: piece) {
      growing.append(bytes[start..<min(start + piece, bytes.count)])
    }
    #expect(growing.count == bytes.count)
    #expect(growing.bytes == bytes)
    #expect(growing.text == text)
    #expect(GrowingBytes().bytes.isEmpty && GrowingBytes().text.isEmpty)
  }

  static let objects: [(String, Bool, Bool)] = [
    ("", false, false), (" \n", false, false), ("{", true, false), ("{}", true, true), (#"{"a":"}"#, true, false),
    (#"{"a":"\"}"}"#, true, true), (#"{"a":[{}]"#, true, false), (#"{"a":[{}]} "#, true, true), ("x", true, false),
  ]

  @Test("a whole object is noticed, in whatever pieces it comes", arguments: objects)
  func scan(text: String, begins: Bool, ends: Bool) {
    var (whole, pieces) = (ObjectScan(), ObjectScan())
    whole.take(text)
    for character in text { pieces.take(String(character)) }
    for scan in [whole, pieces] { #expect(scan.hasBegun == begins && scan.isComplete == ends) }
  }
}
