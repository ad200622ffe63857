/// Why an exchange did not come to an answer.
package struct TransportError: Error, Sendable, Hashable {
  /// Closed list; the raw values are stable error codes.
  package enum Code: String, Sendable, CaseIterable {
    /// No name, no route, refused, or the connection closed without an answer while it was being reused.
    case unreachable
    case timeout
    /// Certificate, protocol version or handshake. Nothing was sent.
    case tlsFailed = "tls_failed"
    /// The answer's body is longer than the request's `maximumResponseBytes`, or its head than the transport allows.
    case tooLarge = "too_large"
    /// The request cannot be sent as it stands, or the answer is not HTTP.
    case malformed
    case egressDenied = "egress_denied"
    case tooManyRedirects = "too_many_redirects"
    /// The caller was cancelled, or the transport was shut down.
    case cancelled
    /// The connection ended before the answer did.
    case connectionLost = "connection_lost"
  }
  package var code: Code
  /// A sentence for operators: host, port, limit. Never a header, a body, a path or a query.
  package var detail: String
  /// A byte of the request may have reached the peer, so its effect may have happened.
  package var wasSent: Bool

  package init(_ code: Code, _ detail: String, wasSent: Bool = false) {
    (self.code, self.detail, self.wasSent) = (code, detail, wasSent)
  }

  /// The same error of a transfer of which an earlier part was sent.
  func sent(_ earlier: Bool) -> TransportError {
    TransportError(code, detail, wasSent: wasSent || earlier)
  }
}
