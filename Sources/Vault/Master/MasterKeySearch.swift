import AgentCore
import Glibc

/// Where a master key came from.
package enum MasterKeySource: Sendable, Hashable, CustomStringConvertible {
  /// Handed over by systemd (`LoadCredential=`).
  case credential(String)
  case file(String)
  case variable
  /// A file that was read before root's rights were given up: the package's own, or one that a command named.
  case handed(String)

  package var description: String {
    switch self {
    case .credential(let path): "the credential \(path)"
    case .file(let path), .handed(let path): path
    case .variable: "the variable \(MasterKeyPlaces.variableName)"
    }
  }

  /// The stable word for answers.
  package var word: String {
    switch self {
    case .credential: "credential"
    case .file, .handed: "file"
    case .variable: "environment"
    }
  }
}

/// The places of the master key, first to last. All of them are looked at: two that differ are refused.
package struct MasterKeyPlaces: Sendable {
  /// `$CREDENTIALS_DIRECTORY`.
  package var credentials: String?
  /// `keys.master_file`, else `keys/master.key` in the data folder.
  package var file: String
  /// The content of `AGENT_SYSTEM_MASTER_KEY`.
  package var variable: Secret?
  /// For commands: a file that was read while the process was still root.
  package var handed: HandedMasterKey?

  package static let variableName = "AGENT_SYSTEM_MASTER_KEY"
  package static let packagePath = "/etc/agent-system/credentials/master.key"
  static let credentialName = "master.key"
  /// What the unit's `SetCredential=` hands over where `LoadCredential=` found no file: as if there were none.
  static let noCredential = "none"
  /// A key has 44 characters; a file of more than this is something else.
  static let maximumBytes = 256

  package init(credentials: String? = nil, file: String, variable: Secret? = nil, handed: HandedMasterKey? = nil) {
    (self.credentials, self.file, self.variable, self.handed) = (credentials, file, variable, handed)
  }

  /// The file of a data folder whose configuration names none.
  package static func defaultFile(dataFolder: String) -> String { dataFolder + "/keys/master.key" }

  var described: [String] {
    var places: [MasterKeySource] = []
    if let credentials { places.append(.credential(credentials + "/" + Self.credentialName)) }
    places += [.file(file), .variable]
    if let handed { places.append(.handed(handed.path)) }
    return places.map(\.description)
  }

  /// The first key found; nil where no place has one.
  ///
  /// - Throws: `master_key_invalid`, `master_key_conflict`.
  package func find(in block: KeyBlock) throws(VaultError) -> FoundMasterKey? {
    var found: [FoundMasterKey] = []
    if let credentials {
      let path = credentials + "/" + Self.credentialName
      let text = try Self.read(path, owner: nil, as: .credential(path))
      if text != Array(Self.noCredential.utf8) { try found.append(.credential(path), text, block) }
    }
    try found.append(.file(file), Self.read(file, owner: geteuid(), as: .file(file)), block)
    if let variable { try found.append(.variable, Array(variable.reveal().utf8), block) }
    if let handed { try found.append(.handed(handed.path), Array(handed.text.reveal().utf8), block) }
    for other in found.dropFirst() where !other.key.isEqual(to: found[0].key) {
      throw .masterKeyConflict("\(found[0].source)", "\(other.source)")
    }
    return found.first
  }

  /// The file's bytes; nil where there is none. With an owner: it must be that user's, and closed to all others and to
  /// writing. A credential's file is the service manager's, with an access list.
  static func read(_ path: String, owner: uid_t?, as source: MasterKeySource) throws(VaultError) -> [UInt8]? {
    func invalid(_ detail: String) -> VaultError { .masterKeyInvalid(source: "\(source)", detail: detail) }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else {
      // No folder of that name holds none either.
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw invalid(errno == ELOOP ? "it is a symbolic link" : String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw invalid(String(cString: strerror(errno))) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw invalid("it is no regular file") }
    if let owner {
      guard status.st_uid == owner else { throw invalid("it belongs to user \(status.st_uid) and not to \(owner)") }
      guard status.st_mode & 0o7777 == 0o400 else { throw invalid("its mode is not 0400: chmod 0400 \(path)") }
    }
    var bytes = [UInt8](repeating: 0, count: maximumBytes)
    var count = 0
    while count < maximumBytes {
      let got = bytes.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress?.advanced(by: count), maximumBytes - count)
      }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw invalid(String(cString: strerror(errno))) }
      if got == 0 { break }
      count += got
    }
    defer { wipe(&bytes) }
    return Array(bytes.prefix(count))
  }
}

/// A master key's file, read ahead: its text, as it stood there.
package struct HandedMasterKey: Sendable {
  let path: String
  let text: Secret

  /// A file that a command names; of this user, 0400.
  ///
  /// - Throws: `master_key_invalid`, also where there is none.
  package init(reading path: String) throws(VaultError) {
    guard let key = try Self.read(path) else {
      throw .masterKeyInvalid(source: path, detail: "there is no such file")
    }
    self = key
  }

  /// What the package made for `LoadCredential=`, for root alone; nil for others, and where there is none.
  ///
  /// - Throws: `master_key_invalid`.
  package static func ofPackage() throws(VaultError) -> HandedMasterKey? {
    geteuid() == 0 ? try read(MasterKeyPlaces.packagePath) : nil
  }

  private init(path: String, text: Secret) { (self.path, self.text) = (path, text) }

  private static func read(_ path: String) throws(VaultError) -> HandedMasterKey? {
    guard var bytes = try MasterKeyPlaces.read(path, owner: geteuid(), as: .handed(path)) else { return nil }
    defer { wipe(&bytes) }
    return HandedMasterKey(path: path, text: Secret(String(decoding: bytes, as: UTF8.self)))
  }
}

/// A master key, and where it was found.
package struct FoundMasterKey: Sendable {
  package var key: MasterKey
  package var source: MasterKeySource
}

extension [FoundMasterKey] {
  fileprivate mutating func append(_ source: MasterKeySource, _ text: [UInt8]?, _ block: KeyBlock) throws(VaultError) {
    guard var text else { return }
    defer { wipe(&text) }
    append(
      FoundMasterKey(key: try MasterKey(base64: text, source: "\(source)", block: block), source: source))
  }
}

extension MasterKey {
  /// Writes the key as a file of this user, 0400, whole and on disk or not at all.
  package func write(to path: String) throws(VaultError) {
    var line = base64Line()
    defer { wipe(&line) }
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { String(path[..<$0]) } ?? "."
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    do throws(FileFailure) {
      try DurableFile(folder: folder.isEmpty ? "/" : folder, name: name, mode: 0o400).replace(with: line)
    } catch {
      throw .keyUnavailable(error)
    }
  }
}
