/// Makes the digests that stand in clear in the journal: HMAC-SHA-256 under the installation's digest key, so that a
/// short secret cannot be guessed from its digest.
package protocol Digester: Sendable {
  /// 64 lower-case hexadecimal digits.
  func digest(_ bytes: [UInt8]) -> String
}

extension Digester {
  /// The digest over a value's canonical JSON.
  package func digest(_ value: JSONValue) -> String { digest(value.encoded()) }
}
