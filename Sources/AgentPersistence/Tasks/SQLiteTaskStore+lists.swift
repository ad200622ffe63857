import AgentCore
import GRDB

extension SQLiteTaskStore {
  /// Tasks on one page.
  static let pageSizes = 1...500

  package func tasks(_ query: TaskQuery) async throws(StoreError) -> Page<AgentTask> {
    var lastID: Int64?
    if let text = query.cursor { lastID = try TaskCursor(text, for: query, digester).lastID }
    let (sizes, cursorID, mask) = (counts(), lastID, sealing.mask)
    let (page, unreadable): (Page<AgentTask>, [Int64]) = try await file.read { [digester, pageBytes] db in
      // A name that no row carries: nothing can match.
      let agent = try query.agent.flatMap { try db.nameID($0.name) }
      let owner = try query.owner.flatMap { try db.nameID($0.description) }
      if query.agent != nil, agent == nil { return (Page(items: [], nextCursor: nil), []) }
      if query.owner != nil, owner == nil { return (Page(items: [], nextCursor: nil), []) }
      if let label = query.label, mask.hides(label) { return (Page(items: [], nextCursor: nil), []) }
      let plan = try TaskListPlan(query, agent: agent, owner: owner) { filter in
        switch filter {
        case .statuses: Set(query.statuses).reduce(0) { $0 + (sizes.byStatus[$1] ?? 0) }
        case .agent: query.agent.flatMap { sizes.byAgent[$0] }?.values.reduce(0, +) ?? 0
        case .owner: try Self.countedTasks(ofOwner: owner ?? 0, db)
        case .label: try Self.countedTasks(with: query.label, db)
        }
      }
      var reader = TaskListReader(db: db, plan: plan, query: query, mask: mask, pageBytes: pageBytes)
      try reader.bound(by: cursorID)
      let (tasks, goesOnAfter) = try reader.page(
        min(max(query.limit, Self.pageSizes.lowerBound), Self.pageSizes.upperBound))
      let cursor = goesOnAfter.map { TaskCursor(lastID: $0).text(for: query, digester) }
      return (Page(items: tasks, nextCursor: cursor), reader.unreadable)
    }
    tell(unreadable)
    return page
  }

  /// Owners and labels have no counters: a look along the index, no longer than the walk that it may save.
  private static func countedTasks(ofOwner owner: Int64, _ db: Database) throws -> Int64 {
    try db.firstInteger(
      "SELECT count(*) FROM (SELECT 1 FROM task INDEXED BY task_owner WHERE owner = ? LIMIT ?)",
      [owner, TaskListPlan.walkedRows]) ?? 0
  }

  private static func countedTasks(with label: TaskQuery.Label?, _ db: Database) throws -> Int64 {
    try db.firstInteger(
      "SELECT count(*) FROM (SELECT 1 FROM label WHERE name = ? AND value = ? LIMIT ?)",
      [label?.name, label?.value, TaskListPlan.walkedRows]) ?? 0
  }
}
