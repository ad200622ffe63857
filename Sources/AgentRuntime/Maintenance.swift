import AgentCore

/// Deletes old finished tasks with all that hangs on them, in batches small enough that no writer stalls.
package struct Maintenance: Sendable {
  /// Tasks a commit: a batch this size holds the writer for a few milliseconds.
  private static let batch = 200
  private static let pageBatch = 256

  package struct Report: Sendable, Hashable {
    package var deletedTasks: Int64
    package var isDryRun: Bool
  }

  private let store: any TaskStore
  private let workspaces: any WorkspaceStore
  private let clock: any WallClock

  package init(store: any TaskStore, workspaces: any WorkspaceStore, clock: any WallClock) {
    (self.store, self.workspaces, self.clock) = (store, workspaces, clock)
  }

  /// `days` 0 takes every finished task.
  package func cleanup(days: Int, isDryRun: Bool) async throws(ServiceError) -> Report {
    let moment = clock.now().adding(.seconds(-86_400 * days)).adding(.milliseconds(days == 0 ? 1 : 0))
    do {
      if isDryRun {
        return Report(deletedTasks: try await store.countFinished(before: moment), isDryRun: true)
      }
      var deleted: Int64 = 0
      while true {
        let gone = try await store.deleteFinished(before: moment, limit: Self.batch)
        for id in gone {
          // A folder that stays behind has no task row: the next start removes it.
          try? await workspaces.remove(id)
        }
        deleted += Int64(gone.count)
        if gone.count < Self.batch { break }
      }
      while try await store.reclaimPages(limit: Self.pageBatch) {}
      return Report(deletedTasks: deleted, isDryRun: false)
    } catch {
      throw ServiceError(error)
    }
  }
}
