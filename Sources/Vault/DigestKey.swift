import AgentCore
import CSodium
import Glibc

/// The installation's key for the digests that stand in clear: HMAC-SHA-256 (RFC 2104, RFC 6234) under 32 bytes that
/// are made once and never change.
///
/// A plain hash of a short secret can be guessed; one under a key that only this installation has cannot.
package struct DigestKey: Digester {
  private let key: LockedKey

  init(key: LockedKey) { self.key = key }

  /// - Throws: `VaultError.keyInvalid` unless there are `byteCount` bytes.
  init(bytes: [UInt8], path: String = "the key") throws(VaultError) {
    key = try Self.checked(bytes, path: path).withLocked(in: KeyBlock())
  }

  /// - Throws: `VaultError.keyInvalid` unless there are `byteCount` bytes.
  static func checked(_ bytes: [UInt8], path: String = "the key") throws(VaultError) -> [UInt8] {
    guard bytes.count == Self.byteCount else {
      throw .keyInvalid(path: path, detail: "\(bytes.count) bytes where \(Self.byteCount) belong")
    }
    return bytes
  }

  /// As long as SHA-256's output: RFC 2104 section 3 advises no less, and more adds nothing.
  static let byteCount = Int(crypto_auth_hmacsha256_KEYBYTES)

  /// Reads `keys/digest.key` in the data folder. Makes it when it is missing, with its folder `keys` (0700, the file
  /// 0600): whole and on disk, or not at all.
  ///
  /// - Throws: `VaultError`, also for a folder or file that others may read and for one of another length.
  package static func load(dataFolder: String) throws(VaultError) -> DigestKey {
    let folder = dataFolder + "/keys"
    let path = folder + "/digest.key"
    if mkdir(folder, 0o700) != 0, errno != EEXIST { throw .keyUnavailable(FileFailure("created", "keys")) }
    try checkPrivate(folder, isFolder: true)
    let file = DurableFile(folder: folder, name: "digest.key", mode: 0o600)
    do {
      // One byte more than a key has, so that a longer file shows.
      if let bytes = try file.read(limit: byteCount + 1) {
        try checkPrivate(path, isFolder: false)
        return try DigestKey(bytes: bytes, path: path)
      }
      var bytes = try randomBytes()
      defer { wipe(&bytes) }
      let key = try DigestKey(bytes: bytes)
      try file.replace(with: bytes)
      return key
    } catch let error as VaultError {
      throw error
    } catch let error as FileFailure {
      throw .keyUnavailable(error)
    } catch {
      throw .keyInvalid(path: path, detail: "\(error)")
    }
  }

  private static func checkPrivate(_ path: String, isFolder: Bool) throws(VaultError) {
    var status = stat()
    guard lstat(path, &status) == 0 else { throw .keyUnavailable(FileFailure("looked at", path)) }
    let kind = status.st_mode & S_IFMT
    guard kind == (isFolder ? S_IFDIR : S_IFREG), status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
      throw .keyPermissions(path: path)
    }
  }

  private static func randomBytes() throws(VaultError) -> [UInt8] {
    guard sodium_init() >= 0 else { throw .sodiumUnavailable }
    var bytes = [UInt8](repeating: 0, count: byteCount)
    // A key comes from the operating system's generator alone, never from a source that a test can repeat.
    randombytes_buf(&bytes, bytes.count)
    return bytes
  }

  /// Takes the same time wherever they differ.
  func isSame(as bytes: [UInt8]) -> Bool {
    guard bytes.count == KeyBlock.keyBytes else { return false }
    return key.withBytes { sodium_memcmp($0, bytes, KeyBlock.keyBytes) == 0 }
  }

  package func digest(_ message: [UInt8]) -> String {
    Hexadecimal.text(Self.authenticate(message, key: key))
  }

  static func authenticate(_ message: [UInt8], key: LockedKey) -> [UInt8] {
    key.withBytes { authenticate(message, key: $0, count: KeyBlock.keyBytes) }
  }

  /// HMAC-SHA-256 under a key of any length.
  static func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    authenticate(message, key: key, count: key.count)
  }

  private static func authenticate(_ message: [UInt8], key: UnsafePointer<UInt8>, count: Int) -> [UInt8] {
    var state = crypto_auth_hmacsha256_state()
    var code = [UInt8](repeating: 0, count: Int(crypto_auth_hmacsha256_BYTES))
    crypto_auth_hmacsha256_init(&state, key, count)
    crypto_auth_hmacsha256_update(&state, message, UInt64(message.count))
    crypto_auth_hmacsha256_final(&state, &code)
    sodium_memzero(&state, MemoryLayout<crypto_auth_hmacsha256_state>.size)
    return code
  }
}
