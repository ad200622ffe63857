import AgentCore
import GRDB

extension SQLiteTaskStore {
  /// Tasks on one page.
  static let pageSizes = 1...500

  package func tasks(_ query: TaskQuery) async throws(StoreError) -> Page<AgentTask> {
    var lastID: Int64?
    if let text = query.cursor { lastID = try TaskCursor(text, for: query, digester).lastID }
    let (sizes, cursorID) = (counts(), lastID)
    return try await file.read { [digester, pageBytes] db in
      // A name that no row carries: nothing can match.
      let agent = try query.agent.flatMap { try db.nameID($0.name) }
      let owner = try query.owner.flatMap { try db.nameID($0.description) }
      if query.agent != nil, agent == nil { return Page(items: [], nextCursor: nil) }
      if query.owner != nil, owner == nil { return Page(items: [], nextCursor: nil) }
      let plan = TaskListPlan(
        query, agent: agent, owner: owner, statusSizes: sizes.byStatus,
        agentSize: query.agent.flatMap { sizes.byAgent[$0] }?.values.reduce(0, +) ?? 0)
      var reader = TaskListReader(db: db, plan: plan, query: query, pageBytes: pageBytes)
      try reader.bound(by: cursorID)
      let (tasks, goesOnAfter) = try reader.page(min(max(query.limit, Self.pageSizes.lowerBound), Self.pageSizes.upperBound))
      return Page(items: tasks, nextCursor: goesOnAfter.map { TaskCursor(lastID: $0).text(for: query, digester) })
    }
  }
}
