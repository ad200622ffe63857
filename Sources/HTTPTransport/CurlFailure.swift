import CCurl

/// What libcurl's result codes mean to us.
struct CurlFailure {
  private let code: CURLcode
  private let errorText: String

  /// `errorText` is libcurl's own sentence; it is shown for TLS alone, where it names the certificate's fault.
  init(_ code: CURLcode, errorText: String) { (self.code, self.errorText) = (code, errorText) }

  func error(at place: String) -> TransportError {
    let meaning = String(cString: curl_easy_strerror(code))
    switch transportCode {
    case .tlsFailed: return TransportError(.tlsFailed, "\(place): \(errorText.isEmpty ? meaning : errorText)")
    case let other: return TransportError(other, "\(place): \(meaning)")
    }
  }

  private var transportCode: TransportError.Code {
    switch code {
    case CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_OUT_OF_MEMORY,
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
    case CURLE_FILESIZE_EXCEEDED: .tooLarge
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT, CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING,
      CURLE_BAD_FUNCTION_ARGUMENT, CURLE_HTTP_RETURNED_ERROR:
      .malformed
    default: .connectionLost
    }
  }
}
