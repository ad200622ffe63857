import AgentCore
import GRDB

/// Reads one page of a list by its plan, in one snapshot.
struct TaskListReader {
  let db: Database
  let plan: TaskListPlan
  let query: TaskQuery
  let mask: RowMask
  /// Bytes of bodies; the page ends early where it would hold more.
  let pageBytes: Int64
  /// Rows of the journal that the page shows without what they hold.
  private(set) var unreadable: [Int64] = []
  /// Ids of the page lie between these, both excluded.
  private var (lowest, highest): (Int64, Int64) = (0, .max)

  init(db: Database, plan: TaskListPlan, query: TaskQuery, mask: RowMask, pageBytes: Int64) {
    (self.db, self.plan, self.query, self.mask, self.pageBytes) = (db, plan, query, mask, pageBytes)
  }

  /// Narrows the ids by `created_after`, `created_before` (both exclusive) and the cursor.
  mutating func bound(by lastID: Int64?) throws {
    if let after = query.createdAfter { lowest = try firstID(createdFrom: after.milliseconds + 1) - 1 }
    if let before = query.createdBefore { highest = try firstID(createdFrom: before.milliseconds) }
    guard let lastID else { return }
    if query.isAscending { lowest = max(lowest, lastID) } else { highest = min(highest, lastID) }
  }

  /// The first id whose task was created then or later; `Int64.max` when there is none. `created` never falls with the
  /// id, so halving the range of ids finds it in some forty seeks.
  private func firstID(createdFrom moment: Int64) throws -> Int64 {
    var low: Int64 = 1
    guard let newest = try db.firstInteger("SELECT max(id) FROM task") else { return .max }
    var high = newest + 1
    while low < high {
      let middle = low + (high - low) / 2
      let row = try db.firstRow("SELECT id, created FROM task WHERE id >= ? ORDER BY id LIMIT 1", [middle])
      if let row, row[1] as Int64 >= moment {
        high = middle
      } else if let row {
        low = (row[0] as Int64) + 1
      } else {
        high = middle
      }
    }
    return low > newest ? .max : low
  }

  /// The page's tasks, and the id after which the list goes on; nil at its end.
  mutating func page(_ limit: Int) throws -> (tasks: [AgentTask], goesOnAfter: Int64?) {
    let budget = plan.budget(for: limit)
    var ids: [Int64] = []
    var walkEnd: Int64?
    for lane in plan.lanes {
      let found = try matches(in: lane, budget, limit + 1)
      ids += found
      // A lane that stopped before its end and has not filled the page alone: what other lanes found beyond that
      // point has to wait for the next page.
      if found.count <= limit, plan.hasFilter, let end = try lastWalked(in: lane, budget) {
        walkEnd = walkEnd.map { isBefore(end, $0) ? end : $0 } ?? end
      }
    }
    ids.sort(by: isBefore)
    if let walkEnd { ids.removeAll { isBefore(walkEnd, $0) } }
    var goesOnAfter = ids.count > limit ? ids[limit - 1] : walkEnd
    ids = Array(ids.prefix(limit))
    let (tasks, isCut) = try load(ids)
    if isCut { goesOnAfter = tasks.last?.id.number }
    return (tasks, goesOnAfter)
  }

  private func isBefore(_ left: Int64, _ right: Int64) -> Bool { query.isAscending ? left < right : left > right }

  private func matches(in lane: TaskListPlan.Lane, _ budget: Int, _ limit: Int) throws -> [Int64] {
    let (walk, arguments) = lane.walk(isAscending: query.isAscending)
    let bounds = arguments + [lowest, highest, budget]
    guard plan.hasFilter else { return try db.integers(walk, bounds) }
    var conditions: [String] = []
    var values = StatementArguments()
    if let agent = plan.agent {
      conditions.append("task.agent = ?")
      values += [agent]
    }
    if let owner = plan.owner {
      conditions.append("task.owner = ?")
      values += [owner]
    }
    if !plan.statuses.isEmpty {
      conditions.append("task.status IN (\(plan.statuses.map { _ in "?" }.joined(separator: ", ")))")
      values += StatementArguments(plan.statuses.map(\.storedCode))
    }
    if let label = plan.label {
      conditions.append("EXISTS (SELECT 1 FROM label WHERE name = ? AND value = ? AND label.task = walk.id)")
      values += [label.name, label.value]
    }
    let order = query.isAscending ? "ASC" : "DESC"
    return try db.integers(
      """
      SELECT walk.id FROM (\(walk)) AS walk CROSS JOIN task ON task.id = walk.id
      WHERE \(conditions.joined(separator: " AND ")) ORDER BY walk.id \(order) LIMIT ?
      """, bounds + values + [limit])
  }

  /// The last id of a walk that used up its budget; nil when it came to the lane's end.
  private func lastWalked(in lane: TaskListPlan.Lane, _ budget: Int) throws -> Int64? {
    let (walk, arguments) = lane.walk(isAscending: query.isAscending)
    return try db.firstInteger("\(walk) OFFSET ?", arguments + [lowest, highest, 1, budget - 1])
  }

  /// The tasks of these ids, in their order, cut when their bodies would be too much for one page.
  private mutating func load(_ ids: [Int64]) throws -> (tasks: [AgentTask], isCut: Bool) {
    guard !ids.isEmpty else { return ([], false) }
    let stored = try db.rows(
      "SELECT \(TaskRow.columns) FROM task WHERE id IN (SELECT value FROM json_each(?))", [Self.list(ids)])
    var rows = try Dictionary(stored.map { try TaskRow($0) }.map { ($0.id.number, $0) }, uniquingKeysWith: { $1 })
    let sizes = try bodySizes(of: rows.values.flatMap { [$0.inputSequence, $0.outputSequence].compactMap(\.self) })
    var (kept, bytes): ([TaskRow], Int64) = ([], 0)
    for id in ids {
      guard let row = rows.removeValue(forKey: id) else { continue }
      bytes += sizes[row.inputSequence, default: 0] + (row.outputSequence.flatMap { sizes[$0] } ?? 0)
      if !kept.isEmpty, bytes > pageBytes { break }
      kept.append(row)
    }
    var names = NameLookup()
    var tasks: [AgentTask] = []
    for row in kept { tasks.append(try db.task(row, mask, names: &names, noting: &unreadable)) }
    return (tasks, kept.count < ids.count)
  }

  private func bodySizes(of sequences: [Int64]) throws -> [Int64: Int64] {
    let rows = try db.rows(
      "SELECT seq, ifnull(length(body), 0) FROM journal WHERE seq IN (SELECT value FROM json_each(?))",
      [Self.list(sequences)])
    return Dictionary(rows.map { ($0[0] as Int64, $0[1] as Int64) }, uniquingKeysWith: { $1 })
  }

  /// As one bound value: a statement for each length would fill the connection's cache of statements.
  private static func list(_ numbers: [Int64]) -> String { JSONValue.array(numbers.map(JSONValue.integer)).text }
}
