import Glibc

/// The places of the master key, first to last. All of them are looked at: two that differ are refused.
package struct MasterKeyPlaces: Sendable {
  /// `$CREDENTIALS_DIRECTORY`.
  package var credentials: String?
  /// `keys.master_file`, else `keys/master.key` in the data folder.
  package var file: String
  /// What `AGENT_SYSTEM_MASTER_KEY` held.
  package var variable: TakenMasterKey?
  /// For commands: a file that was read while the process was still root.
  package var handed: HandedMasterKey?

  package static let variableName = "AGENT_SYSTEM_MASTER_KEY"
  package static let packagePath = "/etc/agent-system/credentials/master.key"
  static let credentialName = "master.key"
  /// What the unit's `SetCredential=` hands over where `LoadCredential=` found no file: as if there were none.
  static let noCredential = "none"
  /// A key has 44 characters; a file of more than this is something else.
  static let maximumBytes = 256

  package init(
    credentials: String? = nil, file: String, variable: TakenMasterKey? = nil, handed: HandedMasterKey? = nil
  ) {
    (self.credentials, self.file, self.variable, self.handed) = (credentials, file, variable, handed)
  }

  /// The file of a data folder whose configuration names none.
  package static func defaultFile(dataFolder: String) -> String { dataFolder + "/keys/master.key" }

  /// Where a key lies that was taken in already: the others belong beside it.
  var block: KeyBlock? { variable?.block ?? handed?.key.block }

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
    func note(_ source: MasterKeySource, _ key: MasterKey?) {
      if let key { found.append(FoundMasterKey(key: key, source: source)) }
    }
    if let credentials {
      let source = MasterKeySource.credential(credentials + "/" + Self.credentialName)
      note(
        source,
        try Self.key(
          in: credentials + "/" + Self.credentialName, owners: nil, as: source, block: block))
    }
    note(.file(file), try Self.key(in: file, owners: [geteuid()], as: .file(file), block: block))
    note(.variable, try variable?.key.get())
    if let handed { note(.handed(handed.path), handed.key) }
    for other in found.dropFirst() where !other.key.isEqual(to: found[0].key) {
      throw .masterKeyConflict("\(found[0].source)", "\(other.source)")
    }
    return found.first
  }

  /// The key in the file; nil where there is no file, or a credential that says `none`. With owners: the file must be
  /// one of theirs, and closed to all others and to writing. A credential's file is the service manager's, with an access
  /// list. Nothing of what was read stays outside locked memory.
  static func key(
    in path: String, owners: [uid_t]?, as source: MasterKeySource, block: KeyBlock
  ) throws(VaultError) -> MasterKey? {
    guard let descriptor = try openChecked(path, owners, source) else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: maximumBytes)
    defer { wipe(&bytes) }
    var count = 0
    while count < maximumBytes {
      let got = bytes.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress?.advanced(by: count), maximumBytes - count)
      }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw .masterKeyInvalid(source: "\(source)", detail: String(cString: strerror(errno))) }
      if got == 0 { break }
      count += got
    }
    // In place: a copy would stay behind.
    bytes.removeLast(maximumBytes - count)
    if case .credential = source, bytes.elementsEqual(noCredential.utf8) { return nil }
    return try MasterKey(base64: bytes, source: "\(source)", block: block)
  }

  /// Whether others may go through all the folders that the file lies in.
  private static func areFoldersOpen(of path: String) -> Bool {
    path.indices.filter { path[$0] == "/" }.allSatisfy { slash in
      var status = stat()
      return stat(String(path[...slash]), &status) != 0 || status.st_mode & 0o001 != 0
    }
  }

  /// The file, open for reading; nil where there is none. Not what stands behind a link, nor anything but a file.
  private static func openChecked(
    _ path: String, _ owners: [uid_t]?, _ source: MasterKeySource
  ) throws(VaultError) -> Int32? {
    func invalid(_ detail: String) -> VaultError { .masterKeyInvalid(source: "\(source)", detail: detail) }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else {
      // No folder of that name holds none either.
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw invalid(errno == ELOOP ? "it is a symbolic link" : String(cString: strerror(errno)))
    }
    var status = stat()
    var problem: String?
    if fstat(descriptor, &status) != 0 {
      problem = String(cString: strerror(errno))
    } else if status.st_mode & S_IFMT != S_IFREG {
      problem = "it is no regular file"
    } else if let owners, !owners.contains(status.st_uid) {
      let names = owners.map { "\($0)" }.joined(separator: " or ")
      problem = "it belongs to user \(status.st_uid) and not to \(names)"
    } else if owners != nil, status.st_mode & 0o7777 != 0o400 {
      problem = "its mode is not 0400: chmod 0400 \(path)"
    } else if owners == nil, status.st_mode & 0o004 != 0, areFoldersOpen(of: path) {
      // systemd's own are 0400, in a folder closed to others; an access list shows in the group's bits alone.
      problem = "everybody can read it: chmod 0400 \(path), or close its folder to others"
    }
    guard let problem else { return descriptor }
    close(descriptor)
    throw invalid(problem)
  }
}

/// What a variable of the environment held, taken in before the other places are looked at: the key in locked memory, or
/// why it is none.
package struct TakenMasterKey: Sendable {
  let key: Result<MasterKey, VaultError>

  /// `text`: where it stands in the environment; the caller wipes it then. No text of it is made on the way.
  package init(variable text: UnsafeRawBufferPointer) {
    key = Result { () throws(VaultError) in
      try MasterKey(base64: text, source: "\(MasterKeySource.variable)", block: KeyBlock())
    }
  }

  /// Where the key lies; nil where it is none.
  package var block: KeyBlock? {
    guard case .success(let key) = key else { return nil }
    return key.block
  }
}

/// A master key's file, read ahead into locked memory.
package struct HandedMasterKey: Sendable {
  let path: String
  let key: MasterKey

  /// A file that a command names; of this user, or of the data folder's owner, 0400.
  ///
  /// - Throws: `master_key_invalid`, also where there is none.
  package init(reading path: String, orOf owner: uid_t? = nil, block: KeyBlock) throws(VaultError) {
    guard let key = try Self.read(path, orOf: owner, block) else {
      throw .masterKeyInvalid(source: path, detail: "there is no such file")
    }
    self = key
  }

  /// What the package made for `LoadCredential=`, for root alone; nil for others, and where there is none.
  ///
  /// - Throws: `master_key_invalid`.
  package static func ofPackage(block: KeyBlock) throws(VaultError) -> HandedMasterKey? {
    geteuid() == 0 ? try read(MasterKeyPlaces.packagePath, orOf: nil, block) : nil
  }

  private init(path: String, key: MasterKey) { (self.path, self.key) = (path, key) }

  private static func read(
    _ path: String, orOf owner: uid_t?, _ block: KeyBlock
  ) throws(VaultError) -> HandedMasterKey? {
    let owners = [geteuid()] + (owner.map { [$0] } ?? [])
    let key = try MasterKeyPlaces.key(in: path, owners: owners, as: .handed(path), block: block)
    return key.map { HandedMasterKey(path: path, key: $0) }
  }
}

/// A master key, and where it was found.
package struct FoundMasterKey: Sendable {
  package var key: MasterKey
  package var source: MasterKeySource
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
