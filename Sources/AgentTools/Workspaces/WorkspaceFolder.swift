import CPlatform
import Glibc

/// An opened workspace. Every file below it is opened through it by openat2, beneath and without magic links, so that
/// no path, link or race with a rename reaches anything outside.
///
/// All of it blocks: use it inside `BlockingWork` alone.
package struct WorkspaceFolder: ~Copyable, Sendable {
  private let root: OwnedDescriptor

  /// Opens the workspace at an absolute path without links in it (as `Workspaces` hands out): a component that was
  /// swapped for a link since the path was checked is refused.
  ///
  /// Throws `file_not_found`, `not_a_folder`, `path_outside_workspace`, `openat2_unavailable`, `io_error`.
  package init(at path: String) throws(WorkspaceError) {
    let result = cplatform_open_without_links(path, cplatform_path_only | O_DIRECTORY | O_CLOEXEC)
    guard result >= 0 else { throw WorkspaceError(errno: -result, "the workspace") }
    root = OwnedDescriptor(result)
  }

  // MARK: Opening

  /// Opens a folder; `.` is the workspace. Links are followed as long as they stay inside.
  package func openFolder(_ path: [UInt8], followingLinks: Bool = true) throws(WorkspaceError) -> OwnedDescriptor {
    try open(path, O_RDONLY | O_DIRECTORY, followingLinks: followingLinks)
  }

  /// Opens a regular file with one link for reading. Links are followed as long as they stay inside.
  ///
  /// Throws `not_regular_file`, and what resolving the path gives.
  package func openFile(_ path: WorkspacePath) throws(WorkspaceError) -> OwnedDescriptor {
    try openFile(path.bytes)
  }

  /// The same for a path that a walk found.
  package func openFile(_ path: [UInt8], followingLinks: Bool = true) throws(WorkspaceError) -> OwnedDescriptor {
    let what = TextForDisplay.escaped(path)
    // Looked at before it is opened: opening a device can already do something.
    let handle = try open(path, cplatform_path_only, followingLinks: followingLinks)
    try Self.requireRegular(try handle.status(what), what)
    let file = try open(path, O_RDONLY | O_NONBLOCK, followingLinks: followingLinks)
    try Self.requireRegular(try file.status(what), what)
    return file
  }

  /// A file's bytes. Throws `file_too_large` over 16 MiB, and what `openFile` throws.
  package func read(_ path: WorkspacePath, ticket: WorkTicket) throws(WorkspaceError) -> [UInt8] {
    try openFile(path).readToEnd(limit: WorkspaceLimits.fileBytes, ticket: ticket, path.text)
  }

  /// Opens the folder that a file lies in. With `making`, folders that are missing are made (and synced) on the way.
  package func openParent(of path: WorkspacePath, making: Bool) throws(WorkspaceError) -> OwnedDescriptor {
    do throws(WorkspaceError) {
      return try openFolder(path.parentBytes)
    } catch  where making && error.code == .fileNotFound {
      return try makeParents(of: path)
    }
  }

  private func makeParents(of path: WorkspacePath) throws(WorkspaceError) -> OwnedDescriptor {
    var folder = try openFolder([UInt8(ascii: ".")])
    for depth in 1..<max(1, path.components.count) {
      let bytes = WorkspacePath.joined(path.components.prefix(depth))
      let name = path.components[depth - 1]
      if mkdirat(folder.number, name.cPath, 0o755) == 0 {
        try folder.synchronize(path.text)
      } else if errno != EEXIST {
        throw WorkspaceError(errno: errno, path.text)
      }
      folder = try openFolder(bytes)
    }
    return folder
  }

  /// Syncs each folder from the workspace down to the one the file lies in, so that no power cut takes the file's name.
  package func synchronizeFolders(above path: WorkspacePath) throws(WorkspaceError) {
    for depth in 0..<path.components.count {
      try openFolder(WorkspacePath.joined(path.components.prefix(depth))).synchronize(path.text)
    }
  }

  private func open(
    _ path: [UInt8], _ flags: Int32, followingLinks: Bool
  ) throws(WorkspaceError) -> OwnedDescriptor {
    try Self.open(path, in: root.number, flags, followingLinks: followingLinks)
  }

  /// One openat2, repeated while renames beside it make the kernel unsure (EAGAIN).
  private static func open(
    _ path: [UInt8], in folder: Int32, _ flags: Int32, followingLinks: Bool
  ) throws(WorkspaceError) -> OwnedDescriptor {
    let cPath = path.cPath
    var result: Int32 = -EAGAIN
    for _ in 0..<WorkspaceLimits.openTries {
      result = cplatform_open_beneath(folder, cPath, flags | O_CLOEXEC, 0, followingLinks ? 1 : 0)
      if result != -EAGAIN && result != -EINTR { break }
    }
    guard result >= 0 else { throw WorkspaceError(errno: -result, TextForDisplay.escaped(path)) }
    return OwnedDescriptor(result)
  }

  private static func requireRegular(_ status: stat, _ what: String) throws(WorkspaceError) {
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw WorkspaceError(.notRegularFile, "\(what): not a regular file")
    }
    // A second name may lie outside the workspace.
    guard status.st_nlink == 1 else {
      throw WorkspaceError(.notRegularFile, "\(what): the file has more than one hard link")
    }
  }

  // MARK: Changing

  /// What stands at a path that is to be written; nil where nothing stands. The last name may be no link, even one
  /// that stays inside: replacing it would replace the link.
  package func snapshot(
    of path: WorkspacePath, in parent: borrowing OwnedDescriptor, ticket: WorkTicket
  ) throws(WorkspaceError) -> FileSnapshot? {
    var status = stat()
    guard fstatat(parent.number, path.name.cPath, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
      if errno == ENOENT { return nil }
      throw WorkspaceError(errno: errno, path.text)
    }
    if status.st_mode & S_IFMT == S_IFLNK {
      // Says which it is: a link that leads out throws its own error here.
      _ = try open(path.bytes, cplatform_path_only, followingLinks: true)
      throw WorkspaceError(.notRegularFile, "\(path.text): a symbolic link is not written through")
    }
    try Self.requireRegular(status, path.text)
    let file = try Self.open(path.name, in: parent.number, O_RDONLY | O_NONBLOCK, followingLinks: false)
    let opened = try file.status(path.text)
    try Self.requireRegular(opened, path.text)
    let bytes = try file.readToEnd(limit: WorkspaceLimits.fileBytes, ticket: ticket, path.text)
    return FileSnapshot(bytes: bytes, identity: FileIdentity(opened), permissions: opened.st_mode & 0o777)
  }

  /// Puts `bytes` in the place of what `snapshot` found, whole or not at all, and returns when they are on the disk.
  ///
  /// Throws `file_changed` when something else stands there by now, `disk_full`, `io_error`, `cancelled` (then nothing
  /// was done). What a concurrent writer does between the last look and the rename is lost: no file system has a
  /// compare-and-swap.
  package func replace(
    _ path: WorkspacePath, in parent: borrowing OwnedDescriptor, with bytes: [UInt8], over before: FileSnapshot?,
    temporaryName: [UInt8], ticket: WorkTicket
  ) throws(WorkspaceError) {
    let temporary = temporaryName.cPath
    // Left by a crash, if it is there: no two writers of this process share a name.
    unlinkat(parent.number, temporary, 0)
    var isRenamed = false
    defer { if !isRenamed { unlinkat(parent.number, temporary, 0) } }
    let number = openat(
      parent.number, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, before?.permissions ?? 0o644)
    guard number >= 0 else { throw WorkspaceError(errno: errno, path.text) }
    let file = OwnedDescriptor(number)
    if let before, fchmod(file.number, before.permissions) != 0 { throw WorkspaceError(errno: errno, path.text) }
    try file.write(bytes, ticket: ticket, path.text)
    try file.synchronize(path.text)
    try requireUnchanged(path, in: parent, since: before)
    try ticket.commit()
    try Self.rename(temporary, to: path, in: parent, replacing: before != nil)
    isRenamed = true
    try parent.synchronize(path.text)
  }

  private func requireUnchanged(
    _ path: WorkspacePath, in parent: borrowing OwnedDescriptor, since before: FileSnapshot?
  ) throws(WorkspaceError) {
    var status = stat()
    let exists = fstatat(parent.number, path.name.cPath, &status, AT_SYMLINK_NOFOLLOW) == 0
    if !exists, errno != ENOENT { throw WorkspaceError(errno: errno, path.text) }
    guard (exists ? FileIdentity(status) : nil) == before?.identity else { throw .changed(path) }
  }

  private static func rename(
    _ temporary: [CChar], to path: WorkspacePath, in parent: borrowing OwnedDescriptor, replacing: Bool
  ) throws(WorkspaceError) {
    var failure = cplatform_rename(parent.number, temporary, path.name.cPath, replacing ? 1 : 0)
    // The file system cannot refuse to replace; that nothing stood there was seen just before.
    if failure == EINVAL, !replacing { failure = cplatform_rename(parent.number, temporary, path.name.cPath, 1) }
    if failure == EEXIST || failure == EISDIR { throw .changed(path) }
    guard failure == 0 else { throw WorkspaceError(errno: failure, path.text) }
  }
}

extension WorkspaceError {
  /// Another hand was at the file.
  package static func changed(_ path: WorkspacePath) -> WorkspaceError {
    WorkspaceError(.fileChanged, "\(path.text): the file was changed meanwhile; read it again")
  }
}

extension WorkspaceFolder {
  /// What stands at a path before it is written; nil where nothing stands, not even the folder above it.
  package func existing(_ path: WorkspacePath, ticket: WorkTicket) throws(WorkspaceError) -> FileSnapshot? {
    do throws(WorkspaceError) {
      let parent = try openParent(of: path, making: false)
      return try snapshot(of: path, in: parent, ticket: ticket)
    } catch  where error.code == .fileNotFound {
      return nil
    }
  }
}

extension OwnedDescriptor {
  /// Removes a file's name in this folder; one that is gone, or is a folder, is left as it is.
  package func removeName(_ name: [UInt8]) { unlinkat(number, name.cPath, 0) }
}
