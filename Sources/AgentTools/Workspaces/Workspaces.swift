import AgentCore
import CPlatform
import Glibc

/// The folders that tasks work in: one of its own for each task below `root`, or a folder below an allow-listed root.
///
/// All verbs run on `BlockingWork`'s threads. A folder is named by `path(for:)` or by what `checkFolder` returned.
package struct Workspaces: Sendable {
  /// Where the workspaces lie: an absolute path without links.
  package let root: String
  private let allowedRoots: [String]
  private let protected: [String]
  let reserve: DiskReserve?
  let work: BlockingWork
  /// `openat2_unavailable` where files cannot be opened safely: each verb that opens one throws it then. Empty workspaces
  /// are still made and removed, so that tasks whose agents touch no files run.
  package let problem: WorkspaceError?

  /// Makes the root (0700) if there is none. Called once at start; blocks.
  ///
  /// `allowedRoots`: tasks may be given folders below these. `protected`: paths that no given folder may be, lie in or
  /// contain, such as the data folder; `root` always is one. `reserve`: nil takes the disk to its end.
  /// Throws `io_error`, `not_a_folder`.
  package init(
    root: String, allowedRoots: [String], protected: [String] = [], reserve: DiskReserve? = nil, work: BlockingWork
  ) throws(WorkspaceError) {
    if mkdir(root, 0o700) != 0, errno != EEXIST { throw WorkspaceError(errno: errno, root) }
    let resolved = try Self.realPath(root)
    problem = try Self.problem(opening: resolved)
    self.root = resolved
    self.reserve = reserve
    self.allowedRoots = allowedRoots
    self.protected = protected + [resolved]
    self.work = work
  }

  /// The absolute path of a task's own workspace, whether it stands or not.
  package func path(for task: TaskID) -> String { root + "/" + task.description }

  /// Makes a task's workspace with the files given to it; returns when all of it is on the disk.
  ///
  /// Whole or not at all: what was made is removed when it throws. Throws `workspace_exists`, `files_too_large`,
  /// `path_duplicate`, what `WorkspacePath` throws (each with the file's `index`), `disk_full`, `io_error`.
  package func create(for task: TaskID, files: [(path: String, bytes: [UInt8])] = []) async throws(WorkspaceError) {
    let files = try GivenFile.checked(files)
    let path = path(for: task)
    try await run { [root, reserve] (ticket) throws(WorkspaceError) in
      try reserve?.requireRoom(
        for: files.reduce(0) { $0 + $1.bytes.count }, in: try Self.open(root), "the task's files")
      // A caller who leaves must not leave half a workspace behind.
      try ticket.commit()
      guard mkdir(path, 0o700) == 0 else {
        guard errno != EEXIST else { throw WorkspaceError(.workspaceExists, "\(task): the workspace stands already") }
        throw WorkspaceError(errno: errno, path)
      }
      do throws(WorkspaceError) {
        try GivenFile.write(files, into: try WorkspaceFolder(at: path), ticket: ticket)
        try Self.synchronize(path)
        try Self.synchronize(root)
      } catch {
        do throws(WorkspaceError) {
          try FolderRemoval.remove(task.description, from: root)
        } catch {
          // The next start removes it: it has no task row. What went wrong first matters more.
        }
        throw error
      }
    }
  }

  /// Makes workspaces without files, all or none, with one sync for all: an empty folder has nothing of its own to lose
  /// (a thousand synced one by one take seconds).
  ///
  /// Throws `workspace_exists`, `disk_full`, `io_error`.
  package func createEmpty(for tasks: [TaskID]) async throws(WorkspaceError) {
    guard !tasks.isEmpty else { return }
    let paths = tasks.map { (task: $0, path: path(for: $0)) }
    try await run { [root, reserve] (ticket) throws(WorkspaceError) in
      try reserve?.requireRoom(for: 0, in: try Self.open(root), "the task's folder")
      // A caller who leaves must not leave half of them behind.
      try ticket.commit()
      var made: [String] = []
      do throws(WorkspaceError) {
        for (task, path) in paths {
          guard mkdir(path, 0o700) == 0 else {
            guard errno != EEXIST else {
              throw WorkspaceError(.workspaceExists, "\(task): the workspace stands already")
            }
            throw WorkspaceError(errno: errno, path)
          }
          made.append(path)
        }
        try Self.synchronize(root)
      } catch {
        // One that stays is removed by the next start: it has no task row.
        for path in made { rmdir(path) }
        throw error
      }
    }
  }

  /// Deletes a task's workspace with all that is in it, and the pictures kept beside it; links are deleted, not followed. Nothing there: nothing done.
  ///
  /// May be repeated; a crash or an error in the middle leaves a part. Throws `io_error`.
  package func remove(_ task: TaskID) async throws(WorkspaceError) {
    try await run { [root] (ticket) throws(WorkspaceError) in
      try ticket.commit()
      // Pictures first: what a crash leaves is found by its workspace, or by them alone.
      try FolderRemoval.remove(task.description + Self.imagesSuffix, from: root)
      try FolderRemoval.remove(task.description, from: root)
    }
  }

  /// The tasks whose workspace, or whose pictures, stand, ascending. For the removal of orphans at start.
  package func existing() async throws(WorkspaceError) -> [TaskID] {
    try await run { [root] (ticket) throws(WorkspaceError) in
      var tasks: Set<TaskID> = []
      // Our own folder, by its resolved path: it is listed without openat2 too.
      let folder = try Self.open(root)
      try folder.forEachName(Array(root.utf8)) { (name) throws(WorkspaceError) in
        try ticket.checkCancellation()
        var text = String(decoding: name, as: UTF8.self)
        if text.hasSuffix(Self.imagesSuffix) { text.removeLast(Self.imagesSuffix.count) }
        // Only a name that we give: `17` or `task-017` is somebody else's folder.
        if let task = TaskID(text), task.description == text { tasks.insert(task) }
        return tasks.count < WorkspaceLimits.countedWorkspaces ? .goOn : .stop
      }
      return tasks.sorted()
    }
  }

  /// The real path of a folder that a task wants to work in.
  ///
  /// Throws `folder_not_allowed` unless it is absolute, exists, is a directory below (not equal to) an allow-listed
  /// root, and neither lies in nor contains a protected folder. Links are resolved first.
  package func checkFolder(_ folder: String) async throws(WorkspaceError) -> String {
    @Sendable func refused(_ why: String) -> WorkspaceError {
      WorkspaceError(.folderNotAllowed, "\(TextForDisplay.escaped(folder)): \(why)")
    }
    guard folder.hasPrefix("/"), folder.utf8.count <= WorkspaceLimits.pathBytes,
      folder.unicodeScalars.allSatisfy(TextForDisplay.isPlain)
    else { throw refused("not an absolute path of plain characters") }
    return try await run { [allowedRoots, protected] (_) throws(WorkspaceError) in
      let resolved: String
      do throws(WorkspaceError) {
        resolved = try Self.realPath(folder)
        _ = try WorkspaceFolder(at: resolved)
      } catch  where error.code != .openat2Unavailable {
        // One answer for missing, unreadable and not a folder: the caller learns nothing about the machine.
        throw refused("there is no such folder below an allowed root")
      }
      let isBelow = allowedRoots.contains { Self.isResolved(resolved, below: $0) }
      guard isBelow else { throw refused("there is no such folder below an allowed root") }
      for path in protected where Self.overlaps(resolved, path) {
        throw refused("it would reach the service's own data")
      }
      return resolved
    }
  }

  /// Throws `folder_not_writable` where this process may not make files in the folder, or not enter it; `folder` as
  /// `checkFolder` gave it.
  package func checkWritable(_ folder: String) async throws(WorkspaceError) {
    try await run { (_) throws(WorkspaceError) in
      if let problem = Self.whyNotWritable(folder) { throw problem }
    }
  }

  /// What stands against working in the allow-listed roots, for the start's warnings. Blocks.
  package var rootProblems: [WorkspaceError] { allowedRoots.compactMap(Self.whyNotWritable) }

  // MARK: Inside

  private static func whyNotWritable(_ folder: String) -> WorkspaceError? {
    guard access(folder, W_OK | X_OK) != 0 else { return nil }
    let number = errno
    let name = TextForDisplay.escaped(folder)
    if number == EROFS {
      return WorkspaceError(
        .folderNotWritable,
        "\(name): read-only for the service. As a systemd unit it may write where it is told to: `systemctl edit "
          + "agent-system`, add the lines [Service] and ReadWritePaths=\(name), then `systemctl restart agent-system`")
    }
    let reason = String(cString: strerror(number))
    return WorkspaceError(
      .folderNotWritable, "\(name): user \(geteuid()), as which the service runs, may not write there: \(reason)")
  }

  /// One call on a thread that may block.
  func run<Value: Sendable>(
    _ body: @escaping @Sendable (WorkTicket) throws(WorkspaceError) -> Value
  ) async throws(WorkspaceError) -> Value {
    try await work.run(cancelled: .cancelled, busy: .busy, body)
  }

  private static func realPath(_ path: String) throws(WorkspaceError) -> String {
    guard let resolved = realpath(path, nil) else { throw WorkspaceError(errno: errno, path) }
    defer { free(resolved) }
    guard let text = String(validatingCString: resolved) else {
      throw WorkspaceError(.nameInvalid, "\(path): not UTF-8")
    }
    return text
  }

  private static func isResolved(_ folder: String, below root: String) -> Bool {
    guard let resolved = realpath(root, nil) else { return false }
    defer { free(resolved) }
    return isBelow(folder, String(cString: resolved))
  }

  private static func overlaps(_ folder: String, _ path: String) -> Bool {
    // A protected folder that does not exist yet is compared as it is written.
    let resolved = realpath(path, nil)
    defer { free(resolved) }
    let path = resolved.map { String(cString: $0) } ?? path
    return Array(folder.utf8) == Array(path.utf8) || isBelow(folder, path) || isBelow(path, folder)
  }

  /// Byte by byte: names that only look alike are different folders.
  private static func isBelow(_ path: String, _ root: String) -> Bool {
    let base = root == "/" ? Array("/".utf8) : Array(root.utf8) + [UInt8(ascii: "/")]
    return path.utf8.count > base.count && path.utf8.starts(with: base)
  }

  static func synchronize(_ folder: String) throws(WorkspaceError) { try open(folder).synchronize(folder) }

  /// Opens one of our own folders.
  static func open(_ folder: String) throws(WorkspaceError) -> OwnedDescriptor {
    let number = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    guard number >= 0 else { throw WorkspaceError(errno: errno, folder) }
    return OwnedDescriptor(number)
  }

  /// Opens it once to find out now, not at the first task, whether the kernel can.
  private static func problem(opening folder: String) throws(WorkspaceError) -> WorkspaceError? {
    do throws(WorkspaceError) {
      _ = try WorkspaceFolder(at: folder)
      return nil
    } catch  where error.code == .openat2Unavailable {
      return error
    }
  }
}
