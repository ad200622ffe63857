/// One request and its answer, as values.
package enum HTTPExchange {
  /// How long each part of an exchange may take; nil: without limit.
  package struct Timeouts: Sendable, Hashable {
    /// Name, route, TCP and TLS together.
    package var connect: Duration
    /// From the request's start on an open connection to the answer's first byte.
    package var firstByte: Duration?
    /// Between two bytes of the answer; does not run while the reader holds the transfer back.
    package var idle: Duration?
    /// From the call to the answer's last byte, redirects included.
    package var total: Duration?

    package init(
      connect: Duration = .seconds(5), firstByte: Duration? = .seconds(60), idle: Duration? = .seconds(60),
      total: Duration? = .seconds(600)
    ) {
      (self.connect, self.firstByte, self.idle, self.total) = (connect, firstByte, idle, total)
    }
  }

  /// What to send. `url` is an absolute `http` or `https` URL without user name.
  package struct Request: Sendable {
    /// An HTTP token (RFC 9110 section 5.6.2), sent as it stands.
    package var method: String
    package var url: String
    /// In the order of sending. `Content-Length` and `Transfer-Encoding` are the transport's own and refused here.
    package var headers: [(String, String)]
    package var body: [UInt8]?
    package var timeouts: Timeouts
    /// Talk to this socket instead of the URL's host; not together with `egress`, which judges addresses.
    package var unixSocketPath: String?
    /// Nil: without limit, for streams that have no end.
    package var maximumResponseBytes: Int?
    /// How many redirects a GET or HEAD follows; other methods follow none. Past it: `tooManyRedirects`.
    package var followRedirects: Int
    /// Nil: the caller vouches for the URL's host, as a provider's `base_url` is vouched for by configuration.
    package var egress: EgressRule?
    /// A connection of its own, HTTP/1.1, closed after: for requests that must not happen twice.
    package var freshConnection: Bool
    /// `http://host:port` of a forward proxy. Nil: none; the environment's proxy variables are never read.
    package var proxy: String?
    /// A PEM file with the certificates to trust, in place of the system's.
    package var certificateAuthorityFile: String?

    /// Of providers' answers, 16 MiB.
    package static let defaultMaximumResponseBytes = 16 * 1024 * 1024

    package init(
      method: String = "GET", url: String, headers: [(String, String)] = [], body: [UInt8]? = nil,
      timeouts: Timeouts = Timeouts(), unixSocketPath: String? = nil,
      maximumResponseBytes: Int? = Request.defaultMaximumResponseBytes, followRedirects: Int = 0,
      egress: EgressRule? = nil, freshConnection: Bool = false, proxy: String? = nil,
      certificateAuthorityFile: String? = nil
    ) {
      (self.method, self.url, self.headers, self.body) = (method, url, headers, body)
      (self.timeouts, self.unixSocketPath) = (timeouts, unixSocketPath)
      (self.maximumResponseBytes, self.followRedirects) = (maximumResponseBytes, followRedirects)
      (self.egress, self.freshConnection) = (egress, freshConnection)
      (self.proxy, self.certificateAuthorityFile) = (proxy, certificateAuthorityFile)
    }
  }

  /// Status line and header fields of an answer; interim (1xx) answers are left out.
  package struct Head: Sendable {
    package var status: Int
    /// Names in lower case, in the order of arrival; a name may stand more than once.
    package var headers: [(name: String, value: String)]

    package init(status: Int, headers: [(name: String, value: String)]) {
      (self.status, self.headers) = (status, headers)
    }

    /// The first value of that field; `name` in any case.
    package func value(of name: String) -> String? {
      let name = name.lowercased()
      return headers.first { $0.name == name }?.value
    }
  }

  /// A whole answer.
  package struct Response: Sendable {
    package var head: Head
    package var body: [UInt8]
    package var status: Int { head.status }
    package var headers: [(name: String, value: String)] { head.headers }

    package init(head: Head, body: [UInt8]) { (self.head, self.body) = (head, body) }
  }

  /// An answer whose body is still arriving.
  package struct StreamedResponse: Sendable {
    package var head: Head
    /// To be read by one reader, once. Letting go of it ends the transfer.
    package var body: ResponseBody
    package var status: Int { head.status }
  }
}
