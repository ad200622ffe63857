import AgentCore

/// Workspaces without a task: a workspace is made before its task's row and removed after it, so one without a row was
/// never acknowledged, or its task is deleted.
package enum OrphanWorkspaces {
  /// Folders that one read of the store asks about: some milliseconds.
  private static let batch = 1000

  /// Removes them. Called at start, before any task is taken: a workspace that is being made has no row yet.
  package static func remove(from workspaces: any WorkspaceStore, store: any TaskReader) async throws {
    var rest = try await workspaces.existing()[...]
    while !rest.isEmpty {
      let some = Array(rest.prefix(batch))
      rest = rest.dropFirst(batch)
      let known = try await store.existing(among: some)
      for id in some where !known.contains(id) { try await workspaces.remove(id) }
    }
  }
}
