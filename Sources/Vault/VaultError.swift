/// Why a key could not be had. Never carries key material.
package enum VaultError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A key file or its folder that others may read, or that belongs to somebody else.
  case keyPermissions(path: String)
  /// A key file that does not hold a key.
  case keyInvalid(path: String, detail: String)
  case keyUnavailable(FileFailure)
  /// libsodium did not start: no source of randomness.
  case sodiumUnavailable

  package var description: String {
    switch self {
    case .keyPermissions(let path): "\(path) must belong to this user and be closed to others: chmod go-rwx \(path)."
    case .keyInvalid(let path, let detail): "\(path) is no key (\(detail)): put the file back from a copy."
    case .keyUnavailable(let failure): "\(failure)."
    case .sodiumUnavailable: "libsodium found no source of randomness."
    }
  }
}
