import CCurl

/// What libcurl's result codes mean to us.
struct CurlFailure {
  private let code: CURLcode
  private let errorText: String
  private let proxy: Proxy?

  /// `errorText` is libcurl's own sentence; it is shown for TLS alone, where it names the certificate's fault. `proxy`
  /// is the one that was to be gone through, where that is as far as it came.
  init(_ code: CURLcode, errorText: String, proxy: Proxy? = nil) {
    (self.code, self.errorText, self.proxy) = (code, errorText, proxy)
  }

  struct Proxy {
    /// Host and port. What may be a user name or a password is left out.
    let place: String
    /// The status of its answer to CONNECT; 0 where none came.
    let answer: Int

    init(_ url: String, answer: Int) {
      let start = url.lastIndex(of: "@").map { url.index(after: $0) }
      let rest = start.map { url[$0...] } ?? url.split(separator: "/", maxSplits: 1).last ?? ""
      place = String(rest.drop { $0 == "/" }.prefix { !"/?#".contains($0) })
      self.answer = answer
    }

    /// Nil where the failure is not its own.
    func trouble(_ code: CURLcode, _ meaning: String) -> String? {
      switch (code, answer) {
      case (CURLE_COULDNT_CONNECT, _), (CURLE_COULDNT_RESOLVE_PROXY, _):
        "no connection to the proxy \(place): \(meaning)"
      case (_, 407): "the proxy \(place) lets nobody in without the right user name and password (status 407)"
      case (_, 300...): "the proxy \(place) refused the tunnel with status \(answer)"
      default: nil
      }
    }
  }

  func error(at place: String) -> TransportError {
    let meaning = String(cString: curl_easy_strerror(code))
    switch transportCode {
    case .tlsFailed: return TransportError(.tlsFailed, "\(place): \(errorText.isEmpty ? meaning : errorText)")
    case .tooLarge where code == CURLE_OUT_OF_MEMORY:
      return TransportError(.tooLarge, "\(place): a line of the answer's head is too long", wasSent: true)
    case let other: return TransportError(other, "\(place): \(proxy?.trouble(code, meaning) ?? meaning)")
    }
  }

  private var transportCode: TransportError.Code {
    switch code {
    case CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT,
      CURLE_INTERFACE_FAILED, CURLE_PROXY, CURLE_FAILED_INIT:
      .unreachable
    case CURLE_OPERATION_TIMEDOUT: .timeout
    // A peer that hangs up amid the handshake is down, not untrusted.
    case CURLE_SSL_CONNECT_ERROR:
      errorText.contains("SSL_ERROR_SYSCALL") || errorText.contains("unexpected eof") ? .unreachable : .tlsFailed
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_CERTPROBLEM,
      CURLE_SSL_CIPHER, CURLE_USE_SSL_FAILED, CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_CACERT_BADFILE,
      CURLE_SSL_SHUTDOWN_FAILED, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_PINNEDPUBKEYNOTMATCH,
      CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT:
      .tlsFailed
    // The second is what libcurl says of a line of a head that is longer than 100 KB.
    case CURLE_FILESIZE_EXCEEDED, CURLE_OUT_OF_MEMORY: .tooLarge
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT, CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING,
      CURLE_BAD_FUNCTION_ARGUMENT, CURLE_HTTP_RETURNED_ERROR:
      .malformed
    default: .connectionLost
    }
  }
}
