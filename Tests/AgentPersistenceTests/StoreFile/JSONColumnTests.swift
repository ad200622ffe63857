import AgentCore
import AgentTestKit
import Foundation
import Testing

@testable import AgentPersistence

@Suite struct JSONColumnTests {
  @Test(
    "What was written comes back, as canonical JSON behind a zero byte",
    arguments: [
      (["b": 1, "a": [true, nil, "é\n"]] as JSONValue, #"{"a":[true,null,"é\n"],"b":1}"#), ("", #""""#), (nil, "null"),
    ])
  func roundTrip(value: JSONValue, text: String) throws {
    let bytes = JSONColumn.encode(value)
    #expect(Array(bytes) == [0] + Array(text.utf8))
    #expect(try JSONColumn.decode(bytes) == value)
    // A slice has other indices than the whole.
    #expect(try JSONColumn.decode(([9, 9] + Array(bytes))[2...]) == value)
  }

  @Test(
    "A format that is not known is said to be so", arguments: [[1, 0x7B, 0x7D], [0x7B, 0x7D], [255], []] as [[UInt8]])
  func unknownFormat(bytes: [UInt8]) {
    #expect(throws: JSONColumn.Failure.formatUnknown) { try JSONColumn.decode(bytes) }
    #expect(JSONColumn.Failure.formatUnknown.rawValue == "sealed_format_unknown")
  }

  @Test("Bytes that are no JSON are refused", arguments: [[0], [0, 0x7B], [0, 0x22, 0xFF, 0x22]] as [[UInt8]])
  func invalidContent(bytes: [UInt8]) {
    #expect(throws: JSONColumn.Failure.contentInvalid) { try JSONColumn.decode(bytes) }
  }
}
