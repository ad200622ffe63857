import AgentCore
import CCurl

/// One request of an exchange, checked; redirects make the next one from it.
struct RedirectHop {
  let url: HTTPURL
  let request: HTTPExchange.Request
  /// An earlier hop was sent.
  let wasSent: Bool

  /// Throws `malformed` for a request that must not go on the wire as it stands.
  init(_ request: HTTPExchange.Request) throws(TransportError) {
    do {
      url = try HTTPURL(request.url)
    } catch {
      throw TransportError(.malformed, error.detail)
    }
    guard HTTPToken.isToken(request.method) else { throw TransportError(.malformed, "the method is not a token") }
    // Its answer would have no body, for which libcurl would wait.
    guard request.method != "HEAD" || request.body == nil else {
      throw TransportError(.malformed, "HEAD takes no body")
    }
    for (name, value) in request.headers {
      guard HTTPToken.isToken(name), HTTPToken.isFieldValue(value) else {
        throw TransportError(.malformed, "a header field has a character that it must not have")
      }
      guard !["content-length", "transfer-encoding"].contains(name.lowercased()) else {
        throw TransportError(.malformed, "the length of the body is the transport's to say")
      }
    }
    (self.request, wasSent) = (request, false)
  }

  private init(_ url: HTTPURL, _ request: HTTPExchange.Request) {
    (self.url, self.request, wasSent) = (url, request, true)
  }

  /// What can be said before an address is known.
  func checkEgress() throws(TransportError) {
    guard let rule = request.egress else { return }
    let isPermitted =
      if request.unixSocketPath != nil {
        false
      } else if request.proxy != nil {
        rule.permitsThroughProxy(url.host)
      } else {
        rule.mayReach(url)
      }
    guard isPermitted else {
      throw TransportError(.egressDenied, "\(url.hostAndPort) may not be reached", wasSent: wasSent)
    }
  }

  /// Where the answer sends us; nil when it is not a redirect that this request may follow.
  func redirect(in head: HTTPExchange.Head) -> String? {
    guard ["GET", "HEAD"].contains(request.method), [301, 302, 303, 307, 308].contains(head.status) else { return nil }
    return head.value(of: "location")
  }

  /// The next hop. Another origin gets none of the caller's header fields but those that cannot carry a credential,
  /// and they do not come back on a later hop.
  func following(_ location: String) throws(TransportError) -> RedirectHop {
    // `try?`: which rule the peer's URL breaks helps nobody.
    guard let text = Self.resolve(location, against: url.text), let next = try? HTTPURL(text) else {
      throw TransportError(.malformed, "\(url.hostAndPort): the redirect has no URL to follow", wasSent: true)
    }
    var request = request
    request.url = next.text
    if next.origin != url.origin {
      request.headers.removeAll { !Self.harmlessHeaders.contains($0.0.lowercased()) }
    }
    return RedirectHop(next, request)
  }

  private static let harmlessHeaders: Set<String> = ["accept", "accept-language", "user-agent", "range"]

  /// RFC 3986 section 5, as libcurl does it; what comes out is parsed anew by us.
  private static func resolve(_ location: String, against current: String) -> String? {
    guard let handle = curl_url() else { return nil }
    defer { curl_url_cleanup(handle) }
    guard curl_url_set(handle, CURLUPART_URL, current, UInt32(CURLU_PATH_AS_IS)) == CURLUE_OK,
      curl_url_set(handle, CURLUPART_URL, location, 0) == CURLUE_OK
    else { return nil }
    var text: UnsafeMutablePointer<CChar>?
    guard curl_url_get(handle, CURLUPART_URL, &text, 0) == CURLUE_OK, let text else { return nil }
    defer { curl_free(text) }
    return String(cString: text)
  }
}
