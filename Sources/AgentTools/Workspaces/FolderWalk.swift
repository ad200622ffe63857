import Glibc

/// What a visitor wants next.
package enum WalkStep: Sendable { case goOn, stop }

/// How far a walk came.
package struct WalkReport: Sendable, Hashable {
  package var entries = 0
  /// Folders too deep, or that could not be opened: gone meanwhile, or without the right to read them.
  package var skippedFolders = 0
  /// The walk ended at `WorkspaceLimits.workspaceEntries`.
  package var isCut = false
}

extension WorkspaceFolder {
  /// The entries of one folder, sorted by name, at most `limit`; `omitted` says how many there are besides.
  ///
  /// Entries that vanish while it reads are left out. Throws `cancelled` and what opening the folder gives.
  package func entries(
    of path: [UInt8], limit: Int, followingLinks: Bool, ticket: WorkTicket
  ) throws(WorkspaceError) -> (entries: [FolderEntry], omitted: Int) {
    let folder = try openFolder(path, followingLinks: followingLinks)
    let below: [UInt8] = path == [UInt8(ascii: ".")] ? [] : path + [UInt8(ascii: "/")]
    var entries: [FolderEntry] = []
    var omitted = 0
    try folder.forEachName(path) { (name) throws(WorkspaceError) in
      if (entries.count + omitted) % 1024 == 0 { try ticket.checkCancellation() }
      guard entries.count < limit else {
        omitted += 1
        return omitted < WorkspaceLimits.countedEntries ? .goOn : .stop
      }
      var status = stat()
      if fstatat(folder.number, name.cPath, &status, AT_SYMLINK_NOFOLLOW) == 0 {
        entries.append(FolderEntry(path: below + name, name: name, status: status))
      }
      return .goOn
    }
    entries.sort { $0.name.lexicographicallyPrecedes($1.name) }
    return (entries, omitted)
  }

  /// Visits everything below a folder, a folder before what is in it, names in order; links are shown, not followed.
  ///
  /// Bounded by `WorkspaceLimits.workspaceEntries` and `depth`; the report says what was left out. Throws `cancelled`,
  /// what opening the first folder gives, and what `visit` throws.
  package func walk(
    from start: [UInt8], ticket: WorkTicket, visit: (FolderEntry) throws(WorkspaceError) -> WalkStep
  ) throws(WorkspaceError) -> WalkReport {
    var report = WalkReport()
    // Folders not yet entered and files not yet shown, the next one last.
    var pending = try next(below: start, followingLinks: true, report: &report, ticket: ticket)
    while let entry = pending.popLast() {
      try ticket.checkCancellation()
      if try visit(entry) == .stop { return report }
      guard entry.kind == .folder else { continue }
      guard entry.path.count(where: { $0 == UInt8(ascii: "/") }) < WorkspaceLimits.depth else {
        report.skippedFolders += 1
        continue
      }
      do throws(WorkspaceError) {
        pending += try next(below: entry.path, followingLinks: false, report: &report, ticket: ticket)
      } catch {
        if error.code == .cancelled { throw error }
        report.skippedFolders += 1
      }
    }
    return report
  }

  private func next(
    below path: [UInt8], followingLinks: Bool, report: inout WalkReport, ticket: WorkTicket
  ) throws(WorkspaceError) -> [FolderEntry] {
    let room = WorkspaceLimits.workspaceEntries - report.entries
    let (entries, omitted) = try self.entries(
      of: path, limit: room, followingLinks: followingLinks, ticket: ticket)
    report.entries += entries.count
    if omitted > 0 { report.isCut = true }
    return entries.reversed()
  }
}

extension OwnedDescriptor {
  /// Each name in this folder but `.` and `..`, in the file system's order. Throws `io_error` and what `body` throws.
  package func forEachName(
    _ what: [UInt8], _ body: ([UInt8]) throws(WorkspaceError) -> WalkStep
  ) throws(WorkspaceError) {
    // A description of its own, so that the reading position is nobody else's.
    let number = openat(self.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard number >= 0 else { throw WorkspaceError(errno: errno, TextForDisplay.escaped(what)) }
    guard let stream = fdopendir(number) else {
      let failure = errno
      close(number)
      throw WorkspaceError(errno: failure, TextForDisplay.escaped(what))
    }
    defer { closedir(stream) }
    let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { throw WorkspaceError(errno: errno, TextForDisplay.escaped(what)) }
        return
      }
      // The record is as long as its name, shorter than the C structure: only the name's own bytes are read.
      let start = UnsafeRawPointer(entry) + offset
      let name = [UInt8](UnsafeRawBufferPointer(start: start, count: strlen(start.assumingMemoryBound(to: CChar.self))))
      if name == [0x2E] || name == [0x2E, 0x2E] { continue }
      if try body(name) == .stop { return }
    }
  }
}
