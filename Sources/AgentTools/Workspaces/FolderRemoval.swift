import Glibc

/// Deletes folders with all that is in them, however wide or deep, in bounded memory and with few descriptors.
enum FolderRemoval {
  /// Descriptors held at once; a folder deeper than this is first moved up to the top.
  private static let heldFolders = 32
  /// Rounds over one folder: names that appear meanwhile are met again, but not for ever.
  private static let rounds = 64

  /// Removes `name` in the folder `parent`. Links are removed, never followed. Throws `io_error`.
  static func remove(_ name: String, from parent: String) throws(WorkspaceError) {
    let number = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    guard number >= 0 else { throw WorkspaceError(errno: errno, parent) }
    let folder = OwnedDescriptor(number)
    let bytes = Array(name.utf8)
    if unlinkat(folder.number, bytes.cPath, AT_REMOVEDIR) == 0 || errno == ENOENT { return }
    if errno == ENOTDIR {
      guard unlinkat(folder.number, bytes.cPath, 0) == 0 || errno == ENOENT else {
        throw WorkspaceError(errno: errno, name)
      }
      return
    }
    let top = try openChild(bytes, of: folder)
    var moved = 0
    try empty(top, top: top.number, depth: 1, moved: &moved)
    guard unlinkat(folder.number, bytes.cPath, AT_REMOVEDIR) == 0 || errno == ENOENT else {
      throw WorkspaceError(errno: errno, name)
    }
  }

  private static func empty(
    _ folder: borrowing OwnedDescriptor, top: Int32, depth: Int, moved: inout Int
  ) throws(WorkspaceError) {
    let number = folder.number
    for _ in 0..<rounds {
      var names = 0
      var count = moved
      // Removing while reading is allowed, but may skip names: hence the rounds.
      try folder.forEachName(Array("the workspace".utf8)) { (name) throws(WorkspaceError) in
        names += 1
        let cName = name.cPath
        if unlinkat(number, cName, 0) == 0 || errno == ENOENT { return .goOn }
        guard errno == EISDIR || errno == EPERM else { throw WorkspaceError(errno: errno, "the workspace") }
        if unlinkat(number, cName, AT_REMOVEDIR) == 0 || errno == ENOENT { return .goOn }
        guard errno == ENOTEMPTY || errno == EEXIST else { throw WorkspaceError(errno: errno, "the workspace") }
        if depth >= heldFolders {
          try moveUp(cName, from: number, to: top, count: &count)
          return .goOn
        }
        try empty(try openChild(name, of: number), top: top, depth: depth + 1, moved: &count)
        guard unlinkat(number, cName, AT_REMOVEDIR) == 0 || [ENOENT, ENOTEMPTY, EEXIST].contains(errno) else {
          throw WorkspaceError(errno: errno, "the workspace")
        }
        return .goOn
      }
      moved = count
      if names == 0 { return }
    }
    throw WorkspaceError(.ioError, "the workspace is written to while it is removed")
  }

  /// Moves a deep folder to the top, under a name that is free there; the top's next round removes it.
  private static func moveUp(
    _ name: [CChar], from folder: Int32, to top: Int32, count: inout Int
  ) throws(WorkspaceError) {
    for _ in 0..<WorkspaceLimits.openTries {
      count += 1
      if renameat(folder, name, top, Array(".agent-system-removed-\(count)".utf8).cPath) == 0 { return }
      guard [EEXIST, ENOTEMPTY, ENOTDIR].contains(errno) else { break }
    }
    throw WorkspaceError(errno: errno, "the workspace")
  }

  private static func openChild(_ name: [UInt8], of folder: borrowing OwnedDescriptor) throws(WorkspaceError)
    -> OwnedDescriptor
  {
    try openChild(name, of: folder.number)
  }

  private static func openChild(_ name: [UInt8], of folder: Int32) throws(WorkspaceError) -> OwnedDescriptor {
    let number = openat(folder, name.cPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    guard number >= 0 else { throw WorkspaceError(errno: errno, TextForDisplay.escaped(name)) }
    return OwnedDescriptor(number)
  }
}
