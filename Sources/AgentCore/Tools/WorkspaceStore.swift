/// Where tasks keep their files. Failures carry the codes of the file tools (`path_outside_workspace`,
/// `file_too_large`, `name_invalid`, …).
package protocol WorkspaceStore: Sendable {
  /// Makes the task's own folder, which must not exist yet, with these files in it, all durable on return.
  func create(for task: TaskID, files: [WorkspaceUpload]) async throws(Failure)

  /// Makes the tasks' own folders, empty, none of which may exist yet: all or none, durable on return.
  func createEmpty(for tasks: [TaskID]) async throws(Failure)

  /// Removes the task's own folder with all in it; does nothing where there is none.
  func remove(_ task: TaskID) async throws(Failure)

  /// Tasks that have a folder of their own.
  func existing() async throws(Failure) -> [TaskID]

  /// Absolute path of the task's own folder.
  func path(for task: TaskID) -> String

  /// The real path of a folder below an allow-listed root; `folder_not_allowed` otherwise.
  func checkedFolder(_ folder: String) async throws(Failure) -> String

  /// Throws `folder_not_writable` where files cannot be made in a folder that `checkedFolder` gave.
  func checkWritable(_ folder: String) async throws(Failure)

  /// Regular files below a workspace, sorted by path, bounded; `isCut` when there are more, or may be: past the bound,
  /// too deep, or in folders that cannot be read.
  func files(in workspace: String) async throws(Failure) -> (files: [TaskOutput.File], isCut: Bool)

  /// One file's bytes (at most 16 MiB).
  func read(_ path: String, in workspace: String) async throws(Failure) -> [UInt8]

  /// Keeps a picture that a model is shown, beside the task's folder and under its digest; durable on return. May be
  /// repeated. `remove` takes it away with the folder.
  func keepImage(_ bytes: [UInt8], digest: String, of task: TaskID) async throws(Failure)

  /// The bytes that `keepImage` kept.
  func image(_ digest: String, of task: TaskID) async throws(Failure) -> [UInt8]

  /// The workspace as a tar archive (POSIX ustar with pax headers), piece by piece.
  func archive(_ workspace: String, write: @escaping @Sendable ([UInt8]) async throws -> Void) async throws
}

extension WorkspaceStore {
  package func checkWritable(_ folder: String) async throws(Failure) {}

  package func createEmpty(for tasks: [TaskID]) async throws(Failure) {
    for task in tasks { try await create(for: task, files: []) }
  }
}

/// A file that came with a task.
package struct WorkspaceUpload: Sendable, Hashable {
  package var path: String
  package var bytes: [UInt8]
  package init(path: String, bytes: [UInt8]) { (self.path, self.bytes) = (path, bytes) }
}
