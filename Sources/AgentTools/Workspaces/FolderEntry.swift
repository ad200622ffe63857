import Glibc

/// One name in a folder, as a listing or a walk found it. Links are not followed.
package struct FolderEntry: Sendable, Hashable {
  package enum Kind: Sendable { case folder, file, link, other }
  /// From the workspace down, as bytes: names on disk need not be UTF-8.
  package var path: [UInt8]
  package var name: [UInt8]
  package var kind: Kind
  /// Bytes; of folders and others 0.
  package var size: Int64
  package var linkCount: Int
  /// Seconds since 1970.
  package var modifiedAt: Int64
  package var isExecutable: Bool

  init(path: [UInt8], name: [UInt8], status: stat) {
    (self.path, self.name, linkCount) = (path, name, Int(status.st_nlink))
    switch status.st_mode & S_IFMT {
    case S_IFDIR: kind = .folder
    case S_IFREG: kind = .file
    case S_IFLNK: kind = .link
    default: kind = .other
    }
    size = kind == .file ? Int64(status.st_size) : 0
    modifiedAt = Int64(status.st_mtim.tv_sec)
    isExecutable = status.st_mode & 0o100 != 0
  }

  /// A file that may be read: regular, one link, not one that is just being written.
  package var isReadable: Bool { kind == .file && linkCount == 1 && !TemporaryNames.isReserved(name) }

  /// The path as text, whatever bytes it has.
  package var shownPath: String { TextForDisplay.escaped(path) }
}
