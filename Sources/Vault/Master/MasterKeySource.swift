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
    // Not its path: that one is made anew for each start, and nobody can write there.
    case .credential:
      "the systemd credential \(MasterKeyPlaces.credentialName) (the file that LoadCredential= names, as packaged "
        + "\(MasterKeyPlaces.packagePath))"
    case .file(let path), .handed(let path): path
    case .variable: "the variable \(MasterKeyPlaces.variableName)"
    }
  }

  /// Whoever takes the folder takes the key.
  package func lies(in folder: KeyFolder) -> Bool {
    guard case .file(let path) = self else { return false }
    return path.hasPrefix(folder.path + "/")
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
