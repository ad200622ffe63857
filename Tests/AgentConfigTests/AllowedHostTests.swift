import AgentCore
import AgentTestKit
import Testing

@testable import AgentConfig

@Suite struct AllowedHostTests {
  @Test(
    "what the rule reads the configuration takes",
    arguments: [
      "example.org", "API.example.org", "localhost", "a-b.c1", "x", "127.0.0.1:9000", "[::1]:80", "10.1.0.0/16",
      "10.0.0.0/8", "0.0.0.0/0", "::/0", "fd00::/8", "127.0.0.1/32", "::ffff:10.0.0.0/104", "[::ffff:10.0.0.1]:65535",
      "7f", "0x7g", "x0",
    ])
  func taken(text: String) {
    #expect(AllowedHost(text) != nil)
    #expect(AllowedHost.isValid(text))
  }

  @Test(
    "what the rule would drop the configuration refuses",
    arguments: [
      "", " ", "10.1.2.3/16", "10.0.0.0/08", "10.0.0.0/00", "10.0.0.0/33", "::/129", "fd00::1/8", "10.0.0.0/+8",
      "10.0.0.0/", "/8", "10.0.0/8", "010.0.0.0/8", "1.2.3.4/16/8", "0x7f", "0X7F", "0x", "a.0x7f", "127.1", "0x7f.1",
      "2130706433", "017700000001", "127.1:9000", "127.0.0.01:9000", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:",
      "127.0.0.1:+1", "::1:80", "[127.0.0.1]:80", "[::1%lo]:80", "*.example.org", "*", "http://a.example",
      "a.example/x",
      "a.example:443", "a b", "::1", "b\u{FC}cher.example", "256.0.0.1", "1.2.3.4.5",
    ])
  func refused(text: String) {
    #expect(AllowedHost(text) == nil)
    #expect(!AllowedHost.isValid(text))
  }

  @Test(
    "the configuration alone refuses addresses without port and names that are none by RFC 1123",
    arguments: ["8.8.8.8", "127.0.0.1", "[::1]", "example.org.", "a_b.example", "-a.example"])
  func stricter(text: String) {
    #expect(AllowedHost(text) != nil)
    #expect(!AllowedHost.isValid(text))
  }

  @Test("no spelling passes the configuration and opens nothing")
  func parity() {
    let random = SeededRandom(seed: 20)
    let pieces = [
      "0", "1", "127", "255", "256", "0x7f", "x", "a", "-", "_", ".", ".", ":", "::", "/", "/8", "[", "]", "%",
    ]
    for _ in 0..<20_000 {
      let count = 1 + Int(random.next() % 8)
      let text = (0..<count).map { _ in pieces[Int(random.next() % UInt64(pieces.count))] }.joined()
      if AllowedHost.isValid(text) { #expect(AllowedHost(text) != nil, "\(text)") }
    }
  }
}
