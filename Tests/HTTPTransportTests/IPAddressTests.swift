import AgentCore
import HTTPTransport
import Testing

@Suite struct IPAddressTests {
  @Test(
    "an address is read and written in one spelling",
    arguments: [
      ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
      ("::1", "::1"), ("::", "::"), ("0:0:0:0:0:0:0:1", "::1"),
      ("2001:DB8::8:800:200C:417A", "2001:db8::8:800:200c:417a"),
      ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("fe80::", "fe80::"),
      ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
      ("::ffff:127.0.0.1", "::ffff:7f00:1"), ("64:ff9b::10.0.0.1", "64:ff9b::a00:1"),
      ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
      ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
    ]) func reads(text: String, canonical: String) throws
  {
    let address = try #require(IPAddress(text))
    #expect(address.description == canonical)
    #expect(IPAddress(canonical) == address)
  }

  @Test(
    "what is no address, or one in another spelling, is refused",
    arguments: [
      "", "127.1", "127.0.1", "0x7f.0.0.1", "0x7f.1", "2130706433", "017700000001", "127.0.0.01", "127.0.0.1.",
      " 127.0.0.1",
      "127.0.0.256", "127.0.0.-1", "127.0.0.+1", "1.2.3.4.5", "1..2.3", "１27.0.0.1", "localhost",
      ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "::12345", "::g", "fe80::1%eth0", "[::1]", "::1.2.3",
      "::-0",
      "1.2.3.4::", "::+1", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6:7:8::",
    ]) func refuses(text: String)
  {
    #expect(IPAddress(text) == nil)
  }

  @Test("a mapped address is the IPv4 address it is") func unmaps() {
    #expect(IPAddress("::ffff:10.1.2.3")?.unmapped == IPAddress("10.1.2.3"))
    #expect(IPAddress("::fffe:10.1.2.3")?.unmapped == IPAddress("::fffe:a01:203"))
    #expect(IPAddress("::ffff:127.0.0.1")?.isLoopback == true)
  }

  @Test("NAT64 and 6to4 addresses show the IPv4 inside") func translates() {
    #expect(IPAddress("64:ff9b::10.1.2.3")?.translatedIPv4 == IPAddress("10.1.2.3"))
    #expect(IPAddress("2002:a01:203::1")?.translatedIPv4 == IPAddress("10.1.2.3"))
    #expect(IPAddress("64:ff9b:1::10.1.2.3")?.translatedIPv4 == nil)
    #expect(IPAddress("2003:a01:203::1")?.translatedIPv4 == nil)
  }

  @Test(
    "a network holds what begins with its bits",
    arguments: [
      ("10.1.0.0/16", "10.1.255.255", true), ("10.1.0.0/16", "10.2.0.0", false), ("0.0.0.0/0", "8.8.8.8", true),
      ("10.0.0.1/32", "10.0.0.1", true), ("10.0.0.1/32", "10.0.0.2", false), ("0.0.0.0/0", "::1", false),
      ("::/0", "2001:db8::1", true), ("::/0", "10.0.0.1", false), ("fd00::/8", "fdff::1", true),
      ("fd00::/8", "fc00::1", false), ("::ffff:10.0.0.0/104", "10.9.9.9", true), ("::1/128", "::1", true),
    ]) func contains(network: String, address: String, isInside: Bool) throws
  {
    #expect(try #require(IPNetwork(network)).contains(try #require(IPAddress(address))) == isInside)
  }

  @Test(
    "what is no network is refused",
    arguments: [
      "10.1.2.3/16", "10.1.0.0", "10.1.0.0/33", "10.1.0.0/", "10.1.0.0/016", "10.1/16", "fd00::1/8", "::/129", "/8",
      "10.0.0.0/-1", "10.0.0.0/8/8",
    ])
  func refusesNetwork(text: String) {
    #expect(IPNetwork(text) == nil)
  }

  @Test("an endpoint has an address and a port") func endpoints() {
    #expect(SocketAddress("127.0.0.1:9000")?.description == "127.0.0.1:9000")
    #expect(SocketAddress("[::1]:9000")?.description == "[::1]:9000")
    for text in [
      "127.0.0.1", "::1:9000", "[127.0.0.1]:9000", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:", "[::1]", "a:1",
    ] {
      #expect(SocketAddress(text) == nil, "\(text)")
    }
  }
}
