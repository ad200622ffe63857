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
  /// Left to check: nil or empty where the lane has done it.
  var statuses: [TaskStatus] = []
  var agent: Int64?
  var owner: Int64?

  var hasFilter: Bool { !statuses.isEmpty || agent != nil || owner != nil }

  /// Rows that each lane may walk for one page.
  func budget(for limit: Int) -> Int { hasFilter ? max(1, Self.walkedRows / lanes.count) : limit + 1 }

  /// The best plan by what the counters say of each state and agent; a label is taken to be the rarest of all.
  ///
  /// - Parameter sizes: how many tasks each state, and the agent, has.
  init(_ query: TaskQuery, agent: Int64?, owner: Int64?, statusSizes: [TaskStatus: Int64], agentSize: Int64) {
    var wanted = TaskStatus.allCases.filter { query.statuses.contains($0) }
    if wanted.count == TaskStatus.allCases.count { wanted = [] }
    (statuses, self.agent, self.owner) = (wanted, agent, owner)
    let statusSize = wanted.isEmpty ? nil : wanted.reduce(0) { $0 + (statusSizes[$1] ?? 0) }
    if let label = query.label {
      lanes = [.label(label)]
    } else if let statusSize, statusSize <= (agent == nil ? .max : agentSize) {
      lanes = wanted.map(Lane.status)
      statuses = []
    } else if let agent {
      lanes = [.agent(agent)]
      self.agent = nil
    } else if let owner {
      lanes = [.owner(owner)]
      self.owner = nil
    } else {
      lanes = [.everything]
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
