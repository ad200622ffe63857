import AgentCore
import GRDB

/// Picks the next task of one agent by seeks in the partial indexes: the owner whose turn it is, then the oldest of
/// each priority. Heads that were not taken are kept for the rest of the closure.
struct ClaimPicker {
  private struct Head {
    var id: Int64
    var created: Int64
  }

  static let priorities: ClosedRange<Int64> = 0...9
  /// What waiting alone can reach: a fresh 9 goes before all that aged.
  static let highestAgedPriority: Int64 = 8
  /// One level up for each minute since creation.
  static let agingMilliseconds: Int64 = 60_000

  private let agent: Int64
  private let now: Int64
  private var heads: [Int64: [Int64: Head]] = [:]

  init(agent: Int64, now: Timestamp) { (self.agent, self.now) = (agent, now.milliseconds) }

  /// The next owner with a claimable task after the one served last, round and round; nil when no owner has any.
  func nextOwner(after last: Int64, _ db: Database) throws -> Int64? {
    let sql = """
      SELECT owner FROM task INDEXED BY task_claimable
      WHERE agent = ? AND owner > ? AND status = 0 AND run_after IS NULL AND crashes < 3 ORDER BY owner LIMIT 1
      """
    return try db.firstInteger(sql, [agent, last]) ?? db.firstInteger(sql, [agent, Int64.min])
  }

  /// The owner's task that goes first: by aged priority, then by age.
  mutating func nextTask(of owner: Int64, _ db: Database) throws -> TaskID? {
    if heads[owner] == nil {
      var found: [Int64: Head] = [:]
      for priority in Self.priorities { found[priority] = try head(of: owner, priority, above: 0, db) }
      heads[owner] = found
    }
    guard
      let (priority, head) = heads[owner]?.max(by: { left, right in
        let (leftRank, rightRank) = (rank(left.key, left.value), rank(right.key, right.value))
        return leftRank == rightRank ? left.value.id > right.value.id : leftRank < rightRank
      })
    else { return nil }
    let following = try self.head(of: owner, priority, above: head.id, db)
    heads[owner]?[priority] = following
    return TaskID(number: head.id)
  }

  /// The oldest task of the lane for those that keep killing the process.
  func nextQuarantined(_ db: Database) throws -> TaskID? {
    try db.firstInteger(
      """
      SELECT id FROM task INDEXED BY task_quarantined
      WHERE agent = ? AND status = 0 AND run_after IS NULL AND crashes >= 3 ORDER BY id LIMIT 1
      """, [agent]
    ).map(TaskID.init(number:))
  }

  private func rank(_ priority: Int64, _ head: Head) -> Int64 {
    if priority > Self.highestAgedPriority { return priority }
    return min(Self.highestAgedPriority, priority + max(0, now - head.created) / Self.agingMilliseconds)
  }

  private func head(of owner: Int64, _ priority: Int64, above id: Int64, _ db: Database) throws -> Head? {
    let sql = """
      SELECT id, created FROM task INDEXED BY task_claimable
      WHERE agent = ? AND owner = ? AND priority = ? AND id > ? AND status = 0 AND run_after IS NULL AND crashes < 3
      ORDER BY id LIMIT 1
      """
    return try db.firstRow(sql, [agent, owner, priority, id]).map { Head(id: $0[0], created: $0[1]) }
  }
}
