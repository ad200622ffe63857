import Testing

@testable import AgentPersistence

@Suite struct Base64URLTests {
  @Test(
    "RFC 4648 section 10, without padding",
    arguments: [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE")])
  func vectors(clear: String, text: String) {
    #expect(Base64URL.text(Array(clear.utf8)) == text && Base64URL.bytes(text) == Array(clear.utf8))
  }

  @Test("All bytes come back")
  func allBytes() {
    let bytes = (0...255).map { UInt8($0) }
    for count in 0...bytes.count {
      #expect(Base64URL.bytes(Base64URL.text(Array(bytes.prefix(count)))) == Array(bytes.prefix(count)))
    }
    #expect(Base64URL.text([0xFB, 0xFF]) == "-_8")
  }

  @Test("What no bytes give is refused", arguments: ["A", "Zh", "Zm9", "Zg==", "Zm9v\n", "Zm+v", "Zm/v", "é", "AAAAA"])
  func refused(text: String) { #expect(Base64URL.bytes(text) == nil) }
}
