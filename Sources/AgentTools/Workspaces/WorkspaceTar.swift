import Synchronization

/// A workspace as a tar stream (POSIX.1-2001 pax, read by every tar): folders and readable regular files, sorted.
///
/// Links, devices and files with a second hard link are left out. The list of entries is taken at the start; a file
/// that shrinks while it is read is filled up with zeros, one that grows is cut, one that is gone is left out.
package final class WorkspaceTar: Sendable {
  private struct State: ~Copyable {
    var entries: [FolderEntry]
    var next = 0
    var open: OpenEntry?
    var isEnded = false
  }
  /// The file whose content is being sent.
  private struct OpenEntry: ~Copyable {
    let file: OwnedDescriptor
    /// Bytes still to come by the size in the header, then the filling up to a whole block.
    var remaining: Int64
    var padding: Int
  }
  private let folder: WorkspaceFolder
  private let work: BlockingWork
  private let state: Mutex<State>

  /// The stream does not hold everything: the walk met `WorkspaceLimits.workspaceEntries` or a folder it cannot read.
  package let isCut: Bool

  /// Walks the workspace. Blocks. Throws `file_not_found`, `io_error`, `cancelled`.
  init(folder path: String, work: BlockingWork, ticket: WorkTicket) throws(WorkspaceError) {
    let folder = try WorkspaceFolder(at: path)
    var entries: [FolderEntry] = []
    let report = try folder.walk(from: [UInt8(ascii: ".")], ticket: ticket) { entry in
      if entry.kind == .folder || entry.isReadable { entries.append(entry) }
      return .goOn
    }
    isCut = report.isCut || report.skippedFolders > 0
    self.folder = folder
    self.work = work
    state = Mutex(State(entries: entries))
  }

  /// The next piece, at most `WorkspaceLimits.chunkBytes` and a header long; nil after the last one.
  ///
  /// One caller at a time. Throws `io_error` when a file cannot be read on, `cancelled`, `busy`.
  package func next() async throws(WorkspaceError) -> [UInt8]? {
    try await work.run(cancelled: .cancelled, busy: .busy) { (_) throws(WorkspaceError) in try self.nextBlocking() }
  }

  /// The lock is held while a file is read: there is one reader, and only it would wait.
  private func nextBlocking() throws(WorkspaceError) -> [UInt8]? {
    try state.withLock { (state) throws(WorkspaceError) -> [UInt8]? in
      var piece: [UInt8] = []
      while piece.count < WorkspaceLimits.chunkBytes {
        if state.open != nil {
          try Self.readOn(&state.open, into: &piece)
        } else if state.next < state.entries.count {
          let entry = state.entries[state.next]
          state.next += 1
          try begin(entry, &state, into: &piece)
        } else if !state.isEnded {
          state.isEnded = true
          // Two empty blocks end an archive.
          piece += [UInt8](repeating: 0, count: 2 * TarHeader.blockBytes)
        } else {
          break
        }
      }
      return piece.isEmpty ? nil : piece
    }
  }

  private func begin(
    _ entry: FolderEntry, _ state: inout State, into piece: inout [UInt8]
  ) throws(WorkspaceError) {
    guard entry.kind == .file else {
      piece += TarHeader(entry, size: 0).blocks
      return
    }
    let file: OwnedDescriptor
    do throws(WorkspaceError) {
      file = try folder.openFile(entry.path, followingLinks: false)
    } catch {
      // Removed, or replaced by something else, since the list was taken.
      return
    }
    let size = Int64(try file.status(entry.shownPath).st_size)
    piece += TarHeader(entry, size: size).blocks
    let block = Int64(TarHeader.blockBytes)
    state.open = OpenEntry(file: file, remaining: size, padding: Int((block - size % block) % block))
  }

  private static func readOn(_ open: inout OpenEntry?, into piece: inout [UInt8]) throws(WorkspaceError) {
    guard var entry = open.take() else { return }
    if entry.remaining > 0 {
      let count = Int(min(entry.remaining, Int64(WorkspaceLimits.chunkBytes)))
      var bytes = try entry.file.read(upTo: count, "a file of the archive")
      if bytes.isEmpty { bytes = [UInt8](repeating: 0, count: count) }
      entry.remaining -= Int64(bytes.count)
      piece += bytes
    }
    if entry.remaining > 0 {
      open = consume entry
    } else {
      piece += [UInt8](repeating: 0, count: entry.padding)
    }
  }
}
