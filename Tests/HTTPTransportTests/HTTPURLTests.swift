import HTTPTransport
import Testing

@Suite struct HTTPURLTests {
  @Test(
    "a URL is read into parts and written anew",
    arguments: [
      ("http://example.org", "http://example.org/"), ("HTTPS://Example.ORG:443/a?b#c", "https://example.org/a?b"),
      ("http://example.org.:8080/", "http://example.org:8080/"),
      ("http://example.org?q=http://x@y", "http://example.org/?q=http://x@y"),
      ("http://127.0.0.1:80/%2e%2e/x", "http://127.0.0.1/%2e%2e/x"), ("http://[0:0::1]:9000/", "http://[::1]:9000/"),
      ("https://[::ffff:10.0.0.1]", "https://[::ffff:a00:1]/"),
      ("http://a_b-c.example/#@evil", "http://a_b-c.example/"),
      ("http://h/../a", "http://h/../a"),
    ]) func reads(text: String, canonical: String) throws
  {
    let url = try HTTPURL(text)
    #expect(url.text == canonical)
    #expect(try HTTPURL(canonical) == url)
  }

  @Test(
    "a text in which two parsers could see two hosts is refused",
    arguments: [
      "", "example.org", "//example.org/", "ftp://example.org/", "file:///etc/passwd", "http:/example.org",
      "http:example.org",
      "http://", "http:///x", "http://user@example.org/", "http://user:pw@example.org/",
      "http://127.0.0.1\\@example.org/",
      "http://example.org\\x", "http://exa mple.org/", "http://example.org/a\nb", "http://example.org/\r\nHost: x",
      "http://exam\tple.org/",
      "http://example.org:0/", "http://example.org:65536/", "http://example.org:/", "http://example.org:80a/",
      "http://example.org:+80/",
      "http://[::1/", "http://::1/", "http://[::1]x/", "http://[127.0.0.1]/", "http://[fe80::1%25eth0]/",
      "http://127.0.0.%31/",
      "http://exämple.org/", "http://１27.0.0.1/", "http://a..b/", "http://.a/", "http://a../", "http://a:1:2/",
      "gopher://a/", "http://a/é",
      "http://a,b/", "http://a;b/", "http://a&b/", "http://$(x)/",
    ]) func refuses(text: String)
  {
    #expect(throws: HTTPURL.Invalid.self) { try HTTPURL(text) }
  }

  @Test("a URL has at most 8 KiB") func length() throws {
    let start = "http://a/"
    let most = start + String(repeating: "x", count: HTTPURL.maximumBytes - start.utf8.count)
    #expect(try HTTPURL(most).text == most)
    #expect(throws: HTTPURL.Invalid.self) { try HTTPURL(most + "x") }
  }
}
