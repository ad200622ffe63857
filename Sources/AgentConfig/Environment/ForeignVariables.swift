import Glibc

/// Variables that libcurl and OpenSSL would act on behind the configuration's back: they write out the keys of TLS
/// sessions or what goes through them, or trust other certificates. Not among them is what a machine's policy sets for
/// OpenSSL (`OPENSSL_CONF` and the places of its modules).
package enum ForeignVariables {
  package static let names = [
    "SSLKEYLOGFILE", "QLOGDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "CTLOG_FILE", "CURL_SSL_BACKEND",
  ]

  /// Those that the process had at its start, by name: no longer in its environment.
  @TaskLocal package static var removed: [String: String] = [:]

  /// Takes them out of the environment. To be called first of all, before there are other threads.
  package static func takenOver() -> [String: String] {
    var found: [String: String] = [:]
    for name in names {
      guard let value = getenv(name) else { continue }
      found[name] = String(cString: value)
      unsetenv(name)
    }
    return found
  }

  /// One warning for each that is set.
  static func warnings(_ environment: [String: String]) -> [ConfigIssue] {
    names.filter { environment[$0]?.isEmpty == false }.map { name in
      ConfigIssue(
        file: name, code: .ignored,
        message: "is set and ignored: what TLS trusts, uses and writes is not the environment's to say")
    }
  }
}
