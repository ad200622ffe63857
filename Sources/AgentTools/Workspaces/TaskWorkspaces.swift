import AgentCore

/// The workspaces as the engine and the routes see them: `Workspaces` behind AgentCore's protocol, its errors as
/// failures with the same codes.
package struct TaskWorkspaces: WorkspaceStore {
  private let workspaces: Workspaces

  package init(_ workspaces: Workspaces) { self.workspaces = workspaces }

  package func path(for task: TaskID) -> String { workspaces.path(for: task) }

  package func create(for task: TaskID, files: [WorkspaceUpload]) async throws(Failure) {
    let files = files.map { (path: $0.path, bytes: $0.bytes) }
    try await stored { () async throws(WorkspaceError) in try await workspaces.create(for: task, files: files) }
  }

  package func createEmpty(for tasks: [TaskID]) async throws(Failure) {
    try await stored { () async throws(WorkspaceError) in try await workspaces.createEmpty(for: tasks) }
  }

  package func remove(_ task: TaskID) async throws(Failure) {
    try await translated { () async throws(WorkspaceError) in try await workspaces.remove(task) }
  }

  package func existing() async throws(Failure) -> [TaskID] {
    try await translated { () async throws(WorkspaceError) in try await workspaces.existing() }
  }

  package func checkedFolder(_ folder: String) async throws(Failure) -> String {
    try await translated { () async throws(WorkspaceError) in try await workspaces.checkFolder(folder) }
  }

  package func checkWritable(_ folder: String) async throws(Failure) {
    try await translated { () async throws(WorkspaceError) in try await workspaces.checkWritable(folder) }
  }

  package func files(in workspace: String) async throws(Failure) -> (files: [TaskOutput.File], isCut: Bool) {
    let listing = try await translated { () async throws(WorkspaceError) in try await workspaces.files(in: workspace) }
    return (listing.files, listing.isCut)
  }

  package func read(_ path: String, in workspace: String) async throws(Failure) -> [UInt8] {
    try await translated { () async throws(WorkspaceError) in try await workspaces.read(path, in: workspace) }
  }

  package func keepImage(_ bytes: [UInt8], digest: String, of task: TaskID) async throws(Failure) {
    try await stored { () async throws(WorkspaceError) in
      try await workspaces.keepImage(bytes, digest: digest, of: task)
    }
  }

  package func image(_ digest: String, of task: TaskID) async throws(Failure) -> [UInt8] {
    try await translated { () async throws(WorkspaceError) in try await workspaces.image(digest, of: task) }
  }

  package func archive(
    _ workspace: String, write: @escaping @Sendable ([UInt8]) async throws -> Void
  ) async throws {
    let tar = try await translated { () async throws(WorkspaceError) in try await workspaces.tar(of: workspace) }
    while let chunk = try await translated({ () async throws(WorkspaceError) in try await tar.next() }) {
      try await write(chunk)
    }
  }

  /// A workspace that cannot be made for a new task is the data folder's trouble, and has the storage's code, as a
  /// commit that fails there has.
  private func stored(_ body: () async throws(WorkspaceError) -> Void) async throws(Failure) {
    do { try await translated(body) } catch {
      var failure = error
      if failure.code == WorkspaceError.Code.ioError.rawValue { failure.code = StoreError.Code.storageIOError.rawValue }
      throw failure
    }
  }

  private func translated<Value>(
    _ body: () async throws(WorkspaceError) -> Value
  ) async throws(Failure) -> Value {
    do { return try await body() } catch {
      throw Failure(code: error.code.rawValue, detail: error.detail, index: error.index)
    }
  }
}

extension ToolRegistry: ToolSource {}
