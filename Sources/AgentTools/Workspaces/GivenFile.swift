import Glibc

/// A file that a task gets at its creation, with its path checked.
struct GivenFile: Sendable {
  var path: WorkspacePath
  var bytes: [UInt8]

  /// Checks paths, sizes and that no two claim the same name. Throws with the `index` of the file at fault.
  static func checked(_ files: [(path: String, bytes: [UInt8])]) throws(WorkspaceError) -> [GivenFile] {
    guard files.count <= WorkspaceLimits.givenFiles else {
      throw WorkspaceError(.filesTooLarge, "more than \(WorkspaceLimits.givenFiles) files")
    }
    var checked: [GivenFile] = []
    var seen: Set<WorkspacePath> = []
    var folders: Set<[UInt8]> = []
    var total = 0
    for (index, file) in files.enumerated() {
      do throws(WorkspaceError) {
        let path = try WorkspacePath(file.path)
        total += file.bytes.count
        guard total <= WorkspaceLimits.givenBytes else {
          throw WorkspaceError(.filesTooLarge, "the files are over \(WorkspaceLimits.givenBytes) bytes in all")
        }
        guard seen.insert(path).inserted else { throw WorkspaceError(.pathDuplicate, "\(path.text): given twice") }
        for depth in 1..<max(1, path.components.count) {
          folders.insert(WorkspacePath.joined(path.components.prefix(depth)))
        }
        checked.append(GivenFile(path: path, bytes: file.bytes))
      } catch {
        throw WorkspaceError(error.code, error.detail, index: index)
      }
    }
    for (index, file) in checked.enumerated() where folders.contains(file.path.bytes) {
      throw WorkspaceError(.pathDuplicate, "\(file.path.text): both a file and a folder", index: index)
    }
    return checked
  }

  /// Writes them into a fresh workspace that nobody else knows yet, each on the disk when it returns.
  static func write(
    _ files: [GivenFile], into workspace: borrowing WorkspaceFolder, ticket: WorkTicket
  ) throws(WorkspaceError) {
    for file in files {
      let parent = try workspace.openParent(of: file.path, making: true)
      let number = openat(
        parent.number, file.path.name.cPath, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
      guard number >= 0 else { throw WorkspaceError(errno: errno, file.path.text) }
      let opened = OwnedDescriptor(number)
      try opened.write(file.bytes, ticket: ticket, file.path.text)
      try opened.synchronize(file.path.text)
    }
    // Folders after their files: a name is durable once its folder is synced. The caller syncs the top.
    var synced: Set<[UInt8]> = []
    for file in files where synced.insert(file.path.parentBytes).inserted {
      try workspace.openFolder(file.path.parentBytes).synchronize(file.path.text)
    }
  }
}
