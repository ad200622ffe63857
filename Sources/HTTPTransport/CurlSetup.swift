import CCurl

/// Sets an easy handle's options and remembers whether libcurl took all of them.
struct CurlSetup {
  private let easy: UnsafeMutableRawPointer
  private(set) var isComplete = true
  /// To be freed after the handle.
  private(set) var headerList: UnsafeMutablePointer<curl_slist>?

  init(_ easy: UnsafeMutableRawPointer) { self.easy = easy }

  mutating func check(_ code: CURLcode) { if code != CURLE_OK { isComplete = false } }

  mutating func apply(_ order: TransferOrder) {
    let request = order.request
    set(CURLOPT_URL, order.url.text)
    set(CURLOPT_PROTOCOLS_STR, "http,https")
    set(CURLOPT_FOLLOWLOCATION, 0)
    set(CURLOPT_PATH_AS_IS, 1)
    set(CURLOPT_NOSIGNAL, 1)
    // Else ending a transfer waits for its name lookup, and every other transfer with it.
    set(CURLOPT_QUICK_EXIT, 1)
    set(CURLOPT_TCP_KEEPALIVE, 1)
    set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    // Empty, not unset: unset means the environment's.
    set(CURLOPT_PROXY, request.proxy ?? "")
    set(CURLOPT_NOPROXY, "")
    // 0 would be libcurl's own 300 seconds.
    set(CURLOPT_CONNECTTIMEOUT_MS, max(1, Int(request.timeouts.connect / .milliseconds(1))))
    if request.freshConnection {
      set(CURLOPT_FRESH_CONNECT, 1)
      set(CURLOPT_FORBID_REUSE, 1)
      set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    } else {
      set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
    }
    if let path = request.unixSocketPath { set(CURLOPT_UNIX_SOCKET_PATH, path) }
    if let file = request.certificateAuthorityFile { trustOnly(file) }
    setMethod(request)
    setHeaders(request)
  }

  /// The file stands in place of what this machine trusts.
  private mutating func trustOnly(_ file: String) {
    set(CURLOPT_CAINFO, file)
    // Else the folder that libcurl was built with (/etc/ssl/certs) is trusted besides. Nothing, not "": that is a folder.
    check(agent_curl_set_string(easy, CURLOPT_CAPATH, nil))
    // Without a folder libcurl would keep the file's content for a day, whatever becomes of the file.
    set(CURLOPT_CA_CACHE_TIMEOUT, 0)
  }

  private mutating func setMethod(_ request: HTTPExchange.Request) {
    if request.method == "HEAD", request.body == nil {
      set(CURLOPT_NOBODY, 1)
      return
    }
    let isBodiless = request.body == nil && !["POST", "PUT", "PATCH"].contains(request.method)
    set(isBodiless ? CURLOPT_HTTPGET : CURLOPT_POST, 1)
    if !isBodiless {
      let body = request.body ?? []
      let code = body.withUnsafeBytes { bytes in
        // Without a pointer libcurl would ask a read callback for the body.
        if let start = bytes.baseAddress { return agent_curl_set_body(easy, start, curl_off_t(bytes.count)) }
        return agent_curl_set_body(easy, "", 0)
      }
      check(code)
    }
    if request.method != (isBodiless ? "GET" : "POST") { set(CURLOPT_CUSTOMREQUEST, request.method) }
  }

  private mutating func setHeaders(_ request: HTTPExchange.Request) {
    // A name and a semicolon: the field with an empty value; a name and a colon, with blanks behind it or without, would
    // leave the field out.
    var lines = request.headers.map { name, value in HTTPToken.isBlank(value) ? "\(name);" : "\(name): \(value)" }
    // A 417 would make libcurl send the request again.
    lines.append("Expect:")
    if !request.headers.contains(where: { $0.0.lowercased() == "content-type" }) { lines.append("Content-Type:") }
    for line in lines {
      guard let longer = curl_slist_append(headerList, line) else {
        isComplete = false
        return
      }
      headerList = longer
    }
    check(agent_curl_set_list(easy, CURLOPT_HTTPHEADER, headerList))
  }

  private mutating func set(_ option: CURLoption, _ value: Int) { check(agent_curl_set_long(easy, option, value)) }

  private mutating func set(_ option: CURLoption, _ value: String) { check(agent_curl_set_string(easy, option, value)) }
}
