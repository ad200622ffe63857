import AgentCore
import HTTPTransport
import Testing

@Suite struct EgressRuleTests {
  private func permits(
    _ allowHosts: [String], _ peer: String, port: UInt16 = 443, host: String, own: [SocketAddress] = []
  ) throws -> Bool {
    let rule = EgressRule(allowHosts: allowHosts, ownListeners: own)
    let host = try #require(HTTPURL.Host(host))
    return rule.permits(SocketAddress(try #require(IPAddress(peer)), port: port), for: host)
  }

  @Test("every line of the table of blocks is a network") func tableIsWhole() {
    #expect(SpecialPurposeBlocks().count == SpecialPurposeBlocks.tableLength)
  }

  static let notGlobal = [
    "0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.8", "192.0.0.170", "192.0.2.1",
    "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1", "64:ff9b:1::8.8.8.8", "100::1", "100:0:0:1::1", "2001::1", "2001:0:1:2:3:4:5:6", "2001:1::4",
    "2001:2::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:c0a8:1::1", "3fff::1",
    "3fff:fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "ff0e::1",
    "4000::1",
    "1::1",
  ]

  @Test("a name opens no address that is not globally reachable", arguments: notGlobal)
  func deniesSpecialBlocks(peer: String) throws {
    #expect(try !permits(["api.example.org"], peer, host: "api.example.org"))
  }

  static let global = [
    "8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1",
    "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.0.9", "192.0.0.10", "192.0.1.1", "192.31.196.1",
    "192.52.193.1",
    "192.175.48.1", "198.17.255.255", "198.20.0.0", "223.255.255.255",
    "2606:4700::1111", "2001:200::1", "2001:4860:4860::8888", "2001:1::1", "2001:3::1", "2001:4:112::1", "2001:20::1",
    "2001:30::1", "2620:4f:8000::1", "64:ff9b::8.8.8.8", "2002:808:808::1", "::ffff:8.8.8.8", "3ffe::1",
  ]

  @Test("a name opens its global addresses, and only its own", arguments: global)
  func permitsGlobal(peer: String) throws {
    #expect(try permits(["API.example.org."], peer, host: "api.EXAMPLE.org"))
    #expect(try !permits(["api.example.org"], peer, host: "example.org"))
    #expect(try !permits(["api.example.org"], peer, host: "x.api.example.org"))
    #expect(try !permits([], peer, host: "api.example.org"))
  }

  @Test("a literal with port opens just that, in a denied block or not") func endpoint() throws {
    let allowed = ["127.0.0.1:9000", "[::1]:9001"]
    #expect(try permits(allowed, "127.0.0.1", port: 9000, host: "127.0.0.1"))
    #expect(try permits(allowed, "127.0.0.1", port: 9000, host: "localhost"))
    #expect(try permits(allowed, "::ffff:127.0.0.1", port: 9000, host: "[::ffff:127.0.0.1]"))
    #expect(try permits(allowed, "::1", port: 9001, host: "[::1]"))
    #expect(try !permits(allowed, "127.0.0.1", port: 9001, host: "127.0.0.1"))
    #expect(try !permits(allowed, "127.0.0.2", port: 9000, host: "127.0.0.2"))
    #expect(try !permits(allowed, "::1", port: 9000, host: "[::1]"))
    #expect(try !permits(allowed, "8.8.8.8", port: 9000, host: "8.8.8.8"))
    #expect(try !permits(allowed, "64:ff9b::127.0.0.1", port: 9000, host: "[64:ff9b::7f00:1]"))
  }

  @Test("a secret name is worth no question, unless it is listed itself") func secretName() throws {
    func mayReach(_ allowHosts: [String], _ url: String) throws -> Bool {
      EgressRule(allowHosts: allowHosts, ownListeners: [], isSecret: { $0.contains("hunter2") }).mayReach(
        try HTTPURL(url))
    }
    for entry in ["10.0.0.0/8", "127.0.0.1:80", "evil.example"] {
      #expect(try !mayReach([entry], "http://HUNTER2.evil.example/"), "\(entry)")
    }
    #expect(try mayReach(["10.0.0.0/8"], "http://other.evil.example/"))
    #expect(try mayReach(["hunter2.evil.example"], "http://hunter2.evil.example/"))
    #expect(try mayReach(["10.0.0.0/8"], "http://10.1.2.3/"))
  }

  @Test("a network opens its addresses and no other") func network() throws {
    #expect(try permits(["10.1.0.0/16"], "10.1.9.9", host: "10.1.9.9"))
    #expect(try permits(["10.1.0.0/16"], "10.1.9.9", host: "intranet"))
    #expect(try permits(["10.1.0.0/16"], "::ffff:10.1.9.9", host: "intranet"))
    #expect(try !permits(["10.1.0.0/16"], "10.2.0.1", host: "10.2.0.1"))
    #expect(try !permits(["10.1.0.0/16"], "64:ff9b::10.1.9.9", host: "intranet"))
    #expect(try !permits(["10.1.0.0/16"], "8.8.8.8", host: "intranet"))
  }

  @Test(
    "our own listeners are never opened",
    arguments: [
      ("127.0.0.1:8080", "127.0.0.1"), ("127.0.0.1:8080", "0.0.0.0"), ("127.0.0.1:8080", "::ffff:127.0.0.1"),
      ("127.0.0.1:8080", "::ffff:0.0.0.0"), ("0.0.0.0:8080", "127.0.0.1"), ("0.0.0.0:8080", "127.9.9.9"),
      ("[::]:8080", "127.0.0.1"), ("[::]:8080", "::1"), ("[::1]:8080", "::"), ("9.9.9.9:8080", "9.9.9.9"),
      ("9.9.9.9:8080", "64:ff9b::9.9.9.9"), ("9.9.9.9:8080", "2002:909:909::1"),
    ]) func ownListeners(listener: String, peer: String) throws
  {
    let own = [try #require(SocketAddress(listener))]
    let everything = ["0.0.0.0/0", "::/0", "127.0.0.1:8080", "name.example"]
    #expect(try !permits(everything, peer, port: 8080, host: "name.example", own: own))
    #expect(try permits(everything, peer, port: 8081, host: "name.example", own: own))
  }

  @Test(
    "a name opens no address of this machine, on any port; a literal or a network opens what it lists",
    arguments: ["9.9.9.9", "::ffff:9.9.9.9", "64:ff9b::9.9.9.9", "2002:909:909::1", "2606:4700::1111"])
  func ownAddresses(peer: String) throws {
    let own = [try #require(IPAddress("::ffff:9.9.9.9")), try #require(IPAddress("2606:4700::1111"))]
    let address = try #require(IPAddress(peer))
    func permits(_ allowed: [String], _ host: String, port: UInt16, own: [IPAddress]) throws -> Bool {
      EgressRule(allowHosts: allowed, ownListeners: [], ownAddresses: own)
        .permits(SocketAddress(address, port: port), for: try #require(HTTPURL.Host(host)))
    }
    let literal = address.unmapped == address && peer.contains(":") ? "[\(peer)]" : "9.9.9.9"
    for port in [22, 443] as [UInt16] {
      #expect(try permits(["api.example.org"], "api.example.org", port: port, own: []))
      #expect(try !permits(["api.example.org"], "api.example.org", port: port, own: own))
      // An address without a port is a name.
      #expect(try !permits([literal], literal, port: port, own: own))
      #expect(try permits(["\(literal):\(port)"], literal, port: port, own: own))
      #expect(try permits(["0.0.0.0/0", "::/0"], literal, port: port, own: own))
    }
    #expect(try permits(["api.example.org"], "api.example.org", port: 443, own: [try #require(IPAddress("9.9.9.8"))]))
  }

  @Test("a wildcard listener counts on every address of the machine") func wildcard() throws {
    let own = SocketAddress.withInterfaces([try #require(SocketAddress("0.0.0.0:8080"))])
    #expect(own.first == SocketAddress("0.0.0.0:8080"))
    #expect(own.contains(try #require(SocketAddress("127.0.0.1:8080"))))
    let literal = [try #require(SocketAddress("127.0.0.1:8080"))]
    #expect(SocketAddress.withInterfaces(literal) == literal)
  }

  @Test(
    "spellings of an address that only some parsers take open nothing",
    arguments: [
      "127.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "127.0.0.01", "127.0.0.1.", "0", "0x", "1.2.3.4.5",
      "a.0x7f", "a.1",
    ]) func irregular(host: String) throws
  {
    #expect(try #require(HTTPURL.Host(host)) == .irregular(host.hasSuffix(".") ? String(host.dropLast()) : host))
    #expect(try !permits(["0.0.0.0/0", "127.0.0.1:443", host], "127.0.0.1", host: host))
    let url = try HTTPURL("https://\(host)/")
    #expect(!EgressRule(allowHosts: ["0.0.0.0/0", "127.0.0.1:443"], ownListeners: []).mayReach(url))
  }

  @Test(
    "an entry that is none of the three kinds is none",
    arguments: [
      "", "*.example.org", "*", "http://a.example", "a.example/x", "127.1", "127.1:9000", "10.1.2.3/16", "a b", "::1",
      "bücher.example", "a.example:99999",
    ]
  ) func badEntry(text: String) {
    #expect(AllowedHost(text) == nil)
  }

  @Test("what no entry can open is known before a connection") func early() throws {
    let rule = EgressRule(allowHosts: ["api.example.org", "127.0.0.1:9000"], ownListeners: [])
    #expect(rule.mayReach(try HTTPURL("https://api.example.org/x")))
    #expect(rule.mayReach(try HTTPURL("http://localhost:9000/")))
    #expect(!rule.mayReach(try HTTPURL("http://localhost:9001/")))
    #expect(!rule.mayReach(try HTTPURL("http://127.0.0.1/")))
    #expect(!rule.mayReach(try HTTPURL("http://8.8.8.8/")))
    #expect(!EgressRule(allowHosts: [], ownListeners: []).mayReach(try HTTPURL("https://api.example.org/")))
    let bare = EgressRule(allowHosts: ["8.8.8.8", "127.0.0.1", "[2606:4700::1111]"], ownListeners: [])
    #expect(bare.mayReach(try HTTPURL("http://8.8.8.8/")))
    #expect(bare.mayReach(try HTTPURL("http://[2606:4700::1111]/")))
    #expect(!bare.mayReach(try HTTPURL("http://127.0.0.1/")))
  }

  @Test("through a proxy listed names pass and literals do not") func proxied() throws {
    let rule = EgressRule(allowHosts: ["api.example.org", "8.8.8.8", "9.9.9.9:443", "0.0.0.0/0"], ownListeners: [])
    #expect(rule.permitsThroughProxy(try #require(HTTPURL.Host("api.example.org"))))
    for host in ["8.8.8.8", "9.9.9.9", "other.example", "134744072"] {
      #expect(!rule.permitsThroughProxy(try #require(HTTPURL.Host(host))), "\(host)")
    }
  }
}
