import AgentCore
import Glibc

/// The folder `keys` of the data folder: what says which master key opens the data, and what helps when it is lost.
package struct KeyFolder: Sendable {
  package let path: String

  package init(dataFolder: String) { path = dataFolder + "/keys" }

  /// Who a master key must belong to: a line of `keys/fingerprint`, `INSTALLATION FINGERPRINT`.
  package struct Mark: Sendable, Hashable {
    package var installation: Int64
    package var fingerprint: String
  }

  private static let fingerprintName = "fingerprint"
  /// Two lines while a master key is being changed; what is longer is no file of ours.
  static let maximumBytes = 64 * 1024

  /// Makes the folder, closed to others, where there is none.
  package func prepare() throws(VaultError) {
    if mkdir(path, 0o700) == 0 {
      try sync("\(path)/..")
    } else if errno != EEXIST {
      throw .keyUnavailable(FileFailure("created", "keys"))
    }
    try Self.checkPrivate(path, S_IFDIR)
  }

  /// What `prepare` refuses of a folder that is there already.
  func checkPrivate() throws(VaultError) {
    if access(path, F_OK) != 0, errno == ENOENT { return }
    try Self.checkPrivate(path, S_IFDIR)
  }

  private static func checkPrivate(_ path: String, _ kind: mode_t) throws(VaultError) {
    var status = stat()
    guard lstat(path, &status) == 0 else { throw .keyUnavailable(FileFailure("looked at", path)) }
    guard status.st_mode & S_IFMT == kind, status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
      throw .keyPermissions(path: path)
    }
  }

  /// A line for each master key that is valid here; none before there is a ring.
  package func marks() throws(VaultError) -> [Mark] {
    guard let bytes = try read(Self.fingerprintName) else { return [] }
    var marks: [Mark] = []
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: " ")
      guard parts.count == 2, let installation = Int64(parts[0]), installation > 0,
        Hexadecimal.bytes(parts[1])?.count == WrappingKey.fingerprintBytes
      else { throw damagedMarks("a line is none of ours") }
      marks.append(Mark(installation: installation, fingerprint: String(parts[1])))
    }
    guard !marks.isEmpty else { throw damagedMarks("it is empty") }
    return marks
  }

  private func damagedMarks(_ why: String) -> VaultError {
    .keyFileInvalid(
      path: "\(path)/\(Self.fingerprintName)",
      detail: "\(why): move it away, and a start with the right master key makes it anew")
  }

  /// Synced when it returns. Writes nothing where the file says so already.
  package func write(_ marks: [Mark]) throws(VaultError) {
    let text = marks.map { "\($0.installation) \($0.fingerprint)\n" }.joined()
    let bytes = Array(text.utf8)
    if try read(Self.fingerprintName) == bytes { return }
    try write(Self.fingerprintName, bytes)
  }

  /// What the file of that name holds; nil where there is none.
  func read(_ name: String) throws(VaultError) -> [UInt8]? {
    let bytes: [UInt8]?
    do throws(FileFailure) {
      bytes = try DurableFile(folder: path, name: name, mode: 0o600).read(limit: Self.maximumBytes + 1)
    } catch {
      // A folder that is not there holds nothing.
      if error.code == ENOTDIR { return nil }
      if [ELOOP, EISDIR, ENXIO, ESPIPE].contains(error.code) {
        throw .keyFileInvalid(
          path: "\(path)/\(name)",
          detail: "it is no file, but a link or something else: put the file back from a copy, or move this away")
      }
      throw .keyUnavailable(error)
    }
    guard bytes?.count ?? 0 <= Self.maximumBytes else {
      throw .keyFileInvalid(
        path: "\(path)/\(name)",
        detail: "it is longer than \(Self.maximumBytes) bytes: put it back from a copy, or move it away")
    }
    return bytes
  }

  func write(_ name: String, _ bytes: [UInt8]) throws(VaultError) {
    try prepare()
    do throws(FileFailure) {
      try DurableFile(folder: path, name: name, mode: 0o600).replace(with: bytes)
    } catch {
      throw .keyUnavailable(error)
    }
  }

  /// Its members, for a file that is one JSON object.
  func members(_ name: String) throws(VaultError) -> [String: JSONValue]? {
    guard let bytes = try read(name) else { return nil }
    // Where it is wrong is of no use to anybody: the file is made anew or put back.
    guard let value = try? JSONValue(stored: bytes), case .object(let members) = value else {
      throw .keyFileInvalid(
        path: "\(path)/\(name)", detail: "it is no JSON object: put it back from a copy, or move it away")
    }
    return members
  }

  /// Removes the file, durably; there may be none.
  func remove(_ name: String) throws(VaultError) {
    guard unlink("\(path)/\(name)") == 0 else {
      if errno == ENOENT { return }
      throw .keyUnavailable(FileFailure("removed", name))
    }
    try sync(path)
  }

  private func sync(_ path: String) throws(VaultError) {
    let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw .keyUnavailable(FileFailure("synced", "keys")) }
    defer { close(folder) }
    guard fsync(folder) == 0 else { throw .keyUnavailable(FileFailure("synced", "keys")) }
  }
}

extension KeyFolder {
  private static let digestName = "digest.key"

  /// The key of digests as versions before the ring kept it; nil where there is none. What was read is wiped.
  package func oldDigestKey(in block: KeyBlock) throws(VaultError) -> DigestKey? {
    guard var bytes = try read(Self.digestName) else { return nil }
    defer { wipe(&bytes) }
    try Self.checkPrivate(path, S_IFDIR)
    try Self.checkPrivate("\(path)/\(Self.digestName)", S_IFREG)
    return try DigestKey(bytes: bytes, path: "\(path)/\(Self.digestName)", in: block)
  }

  /// - Throws: `VaultError.digestKeyConflict` where the old file holds another key than the ring.
  func checkOldDigestKey(against ring: KeyRing) throws(VaultError) {
    let key = try ring.digestKey
    guard let old = try oldDigestKey(in: key.block) else { return }
    guard key.isEqual(to: old.key) else { throw .digestKeyConflict(path: "\(path)/\(Self.digestName)") }
  }

  /// Takes the old file away once the ring has its key.
  ///
  /// - Throws: `VaultError.digestKeyConflict` where it holds another one.
  package func removeOldDigestKey(takenOverBy ring: KeyRing) throws(VaultError) {
    try checkOldDigestKey(against: ring)
    try remove(Self.digestName)
  }
}
