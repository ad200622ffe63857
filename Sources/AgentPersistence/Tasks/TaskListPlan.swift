import AgentCore
import GRDB

/// How a list of tasks is read: one or several lanes, each a walk along one index in the order of ids, and the filters
/// that are left to check on the rows walked.
struct TaskListPlan {
  /// Rows that a page walks at most when an index alone does not answer it.
  static let walkedRows = 10_000

  enum Lane: Equatable {
    case everything
    case status(TaskStatus)
    case agent(Int64)
    case owner(Int64)
    case label(TaskQuery.Label)
  }

  var lanes: [Lane]
  /// Rows that a page may walk, all lanes together.
  var walk = walkedRows
  /// Left to check: nil or empty where the lane has done it.
  var statuses: [TaskStatus] = []
  var agent: Int64?
  var owner: Int64?
  var label: TaskQuery.Label?

  var hasFilter: Bool { !statuses.isEmpty || agent != nil || owner != nil || label != nil }

  /// Rows that each lane may walk for one page.
  func budget(for limit: Int) -> Int { hasFilter ? max(1, walk / lanes.count) : limit + 1 }

  /// What a query filters by, the likely rarest first.
  enum Filter: CaseIterable {
    case label, owner, agent, statuses
  }

  /// The best plan: along the index of the filter that the fewest tasks pass.
  ///
  /// - Parameter size: how many tasks pass that filter alone; asked only when there are several.
  init(_ query: TaskQuery, agent: Int64?, owner: Int64?, size: (Filter) throws -> Int64) rethrows {
    var wanted = TaskStatus.allCases.filter { query.statuses.contains($0) }
    if wanted.count == TaskStatus.allCases.count { wanted = [] }
    (statuses, self.agent, self.owner, label) = (wanted, agent, owner, query.label)
    var filters = Filter.allCases.filter { filter in
      switch filter {
      case .label: query.label != nil
      case .owner: owner != nil
      case .agent: agent != nil
      case .statuses: !wanted.isEmpty
      }
    }
    if filters.count > 1 {
      let sizes = try filters.map { ($0, try size($0)) }
      filters = sizes.min { $0.1 < $1.1 }.map { [$0.0] } ?? filters
    }
    switch (filters.first, query.label, owner, agent) {
    case (.label, let label?, _, _): (lanes, self.label) = ([.label(label)], nil)
    case (.owner, _, let owner?, _): (lanes, self.owner) = ([.owner(owner)], nil)
    case (.agent, _, _, let agent?): (lanes, self.agent) = ([.agent(agent)], nil)
    case (.statuses, _, _, _): (lanes, statuses) = (wanted.map(Lane.status), [])
    default: lanes = [.everything]
    }
  }
}

extension TaskListPlan.Lane {
  /// The walk as SQL that answers `id` in order, and its arguments but for bounds and limit. Index names are spelled
  /// out: a planner without statistics guesses.
  func walk(isAscending: Bool) -> (sql: String, arguments: StatementArguments) {
    let order = isAscending ? "ASC" : "DESC"
    switch self {
    case .everything:
      return ("SELECT id FROM task WHERE id > ? AND id < ? ORDER BY id \(order) LIMIT ?", [])
    case .status(let status):
      return (
        """
        SELECT id FROM task INDEXED BY task_status WHERE status = ? AND id > ? AND id < ? ORDER BY id \(order) LIMIT ?
        """, [status.storedCode]
      )
    case .agent(let agent):
      return (
        """
        SELECT id FROM task INDEXED BY task_agent WHERE agent = ? AND id > ? AND id < ? ORDER BY id \(order) LIMIT ?
        """, [agent]
      )
    case .owner(let owner):
      return (
        """
        SELECT id FROM task INDEXED BY task_owner WHERE owner = ? AND id > ? AND id < ? ORDER BY id \(order) LIMIT ?
        """, [owner]
      )
    case .label(let label):
      return (
        """
        SELECT task AS id FROM label WHERE name = ? AND value = ? AND task > ? AND task < ?
        ORDER BY task \(order) LIMIT ?
        """, [label.name, label.value]
      )
    }
  }
}
