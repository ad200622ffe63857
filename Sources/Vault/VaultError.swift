/// Why a key could not be had. Never carries key material.
package enum VaultError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A key file or its folder that others may read, or that belongs to somebody else.
  case keyPermissions(path: String)
  /// A key file that does not hold a key.
  case keyInvalid(path: String, detail: String)
  case keyUnavailable(FileFailure)
  /// libsodium did not start: no source of randomness.
  case sodiumUnavailable
  /// No memory for keys is left.
  case keyMemory
  /// A library gave another answer than it must.
  case selfTestFailed(String)
  /// Two sources hold two keys.
  case masterKeyConflict(String, String)
  /// There is data under a key, and no source has it.
  case masterKeyMissing(sources: [String])
  /// A source that holds no key, or that others may read.
  case masterKeyInvalid(source: String, detail: String)
  /// Not the key that the data is under. `expected`: the fingerprints that would do.
  case masterKeyWrong(expected: [String], given: String)
  case keyRingInvalid(String)
  /// It has as many keys as it may have: none is added until some are destroyed.
  case keyRingFull(keys: Int)
  /// `digest.key` beside a ring that has another one.
  case digestKeyConflict(path: String)
  /// A new master key waits for the start that has it.
  case masterRotationPending
  /// A recovery code, or a master key typed to be confirmed, that is not the right one.
  case recoveryCodeInvalid(String)
  /// A file of the folder `keys` that does not hold what it should.
  case keyFileInvalid(path: String, detail: String)

  /// The stable word of logs, answers and exit messages.
  package var code: String {
    switch self {
    case .masterKeyConflict: "master_key_conflict"
    case .masterKeyMissing: "master_key_missing"
    case .masterKeyInvalid: "master_key_invalid"
    case .masterKeyWrong: "master_key_wrong"
    case .selfTestFailed: "crypto_self_test_failed"
    case .digestKeyConflict: "digest_key_conflict"
    case .masterRotationPending: "master_rotation_pending"
    case .recoveryCodeInvalid: "recovery_code_invalid"
    case .keyRingInvalid: "key_ring_invalid"
    // What frees it is under way.
    case .keyRingFull: "keys_busy"
    case .keyPermissions, .keyInvalid, .keyUnavailable, .sodiumUnavailable, .keyMemory, .keyFileInvalid:
      "keys_unusable"
    }
  }

  package var description: String {
    switch self {
    case .keyPermissions(let path): "\(path) must belong to this user and be closed to others: chmod go-rwx \(path)."
    case .keyInvalid(let path, let detail): "\(path) is no key (\(detail)): put the file back from a copy."
    case .keyUnavailable(let failure): "\(failure)."
    case .sodiumUnavailable: "libsodium found no source of randomness."
    case .keyMemory:
      "There is no memory left for keys: raise LimitMEMLOCK (8M as packaged; `ulimit -l` for a command), and restart."
    case .selfTestFailed(let what): "\(what) gave a wrong answer: nothing was sealed or opened with it."
    case .masterKeyConflict(let first, let second):
      "\(first) and \(second) hold two different master keys: take away the one that is not this installation's."
    case .masterKeyMissing(let sources):
      "The data here is sealed, and its master key is at none of its places (\(sources.joined(separator: ", "))): put "
        + "it back, or open the folder with the recovery code by `agent-system key recovery use`."
    case .masterKeyInvalid(let source, let detail): "\(source) is not usable as the master key: \(detail)."
    case .masterKeyWrong(let expected, let given):
      expected.isEmpty
        ? "The master key given (fingerprint \(given)) does not open the keys of this database: put the right one in "
          + "its place."
        : "The data here is under the master key with fingerprint \(expected.joined(separator: " or ")), and the one "
          + "given has \(given): put the right one in its place. Nothing was changed."
    case .keyRingInvalid(let detail): "The key ring in the database is not whole: \(detail). Restore a backup."
    case .keyRingFull(let keys):
      "The key ring has \(keys) keys that still open values, as many as it may have: let the service seal those values "
        + "anew (`agent-system key show` says how far it is), and rotate then."
    case .digestKeyConflict(let path):
      "\(path) holds another key than the ring in the database, which took it over: remove the file if it came from "
        + "another installation."
    case .masterRotationPending:
      "A new master key waits to be put in its place: do that and restart the service first, or take the change back by "
        + "`agent-system key rotate --master --cancel`."
    case .recoveryCodeInvalid(let detail): "\(detail)."
    case .keyFileInvalid(let path, let detail): "\(path) is not what it should be: \(detail)."
    }
  }
}
