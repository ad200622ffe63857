import AgentCore

/// The workspaces as part of the storage: one that cannot be made for a new task is the data folder's trouble, and has
/// the storage's codes, as a commit that fails there has.
struct StorageWorkspaces: WorkspaceStore {
  private let workspaces: any WorkspaceStore

  init(_ workspaces: any WorkspaceStore) { self.workspaces = workspaces }

  func create(for task: TaskID, files: [WorkspaceUpload]) async throws(Failure) {
    do { try await workspaces.create(for: task, files: files) } catch { throw Self.storageFailure(error) }
  }

  func createEmpty(for tasks: [TaskID]) async throws(Failure) {
    do { try await workspaces.createEmpty(for: tasks) } catch { throw Self.storageFailure(error) }
  }

  /// The data folder is ours and closed to others: what may not be written there lies on a read-only file system.
  private static func storageFailure(_ error: Failure) -> Failure {
    let codes = ["io_error": "storage_io_error", "permission_denied": "storage_read_only"]
    return Failure(code: codes[error.code] ?? error.code, detail: error.detail)
  }

  func remove(_ task: TaskID) async throws(Failure) { try await workspaces.remove(task) }
  func existing() async throws(Failure) -> [TaskID] { try await workspaces.existing() }
  func path(for task: TaskID) -> String { workspaces.path(for: task) }
  func checkedFolder(_ folder: String) async throws(Failure) -> String { try await workspaces.checkedFolder(folder) }

  func files(in workspace: String) async throws(Failure) -> [TaskOutput.File] {
    try await workspaces.files(in: workspace)
  }

  func read(_ path: String, in workspace: String) async throws(Failure) -> [UInt8] {
    try await workspaces.read(path, in: workspace)
  }

  func archive(_ workspace: String, write: @escaping @Sendable ([UInt8]) async throws -> Void) async throws {
    try await workspaces.archive(workspace, write: write)
  }
}
