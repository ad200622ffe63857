import AgentCore
import GRDB

extension SQLiteTaskStore {
  /// Tasks and journal rows deleted in one closure, so that a cleanup never holds the writer for long. A task with
  /// more rows still goes whole.
  static let deletedTasksPerClosure = 64
  static let deletedRowsPerClosure: Int64 = 2000

  package func purge(_ id: TaskID, by principal: Principal) async throws(StoreError) {
    try await file.write(.essential) { context in
      let row = try context.existingTask(id)
      guard row.status.isTerminal else {
        throw StoreError(.taskNotFinished, "\(id) is \(row.status.rawValue): cancel it first")
      }
      _ = try context.delete(row)
      try context.deleteUnusedVersions([row.agentVersion])
    }
  }

  package func deleteFinished(before moment: Timestamp, limit: Int) async throws(StoreError) -> [TaskID] {
    var deleted: [TaskID] = []
    while deleted.count < limit {
      let most = min(limit - deleted.count, Self.deletedTasksPerClosure)
      let batch = try await file.write(.essential) { try Self.deleteBatch(before: moment, limit: most, $0) }
      deleted += batch
      if batch.isEmpty { break }
    }
    return deleted
  }

  private static func deleteBatch(before moment: Timestamp, limit: Int, _ context: WriteContext) throws -> [TaskID] {
    let rows = try context.db.rows(
      """
      SELECT \(TaskRow.columns) FROM task INDEXED BY task_finished
      WHERE finished IS NOT NULL AND finished < ? ORDER BY finished LIMIT ?
      """, [moment.milliseconds, limit])
    var deleted: [TaskID] = []
    var versions: Set<Int64?> = []
    var count: Int64 = 0
    for stored in rows where count < deletedRowsPerClosure {
      let row = try TaskRow(stored)
      count += try context.delete(row)
      deleted.append(row.id)
      versions.insert(row.agentVersion)
    }
    try context.deleteUnusedVersions(versions)
    return deleted
  }

  package func countFinished(before moment: Timestamp) async throws(StoreError) -> Int64 {
    try await file.read { db in
      try db.firstInteger(
        "SELECT count(*) FROM task INDEXED BY task_finished WHERE finished IS NOT NULL AND finished < ?",
        [moment.milliseconds]) ?? 0
    }
  }

  package func reclaimPages(limit: Int) async throws(StoreError) -> Bool {
    try await file.write(.essential) { context in try context.reclaimPages(limit) }
  }

  package func probe() async throws(StoreError) -> StoreHealth {
    let start = clock.uptime()
    let (mode, synchronous) = try await file.write(.essential) { context in
      try context.db.setMetaNumber("probe", to: context.now.milliseconds)
      let mode: String? = try context.db.firstRow("PRAGMA journal_mode")?[0]
      return (mode ?? "", try context.db.firstInteger("PRAGMA synchronous") ?? -1)
    }
    let written = clock.uptime()
    _ = try await file.read { try $0.metaNumber("probe") }
    return StoreHealth(
      journalMode: mode, synchronous: Int(synchronous), writeTime: written - start, readTime: clock.uptime() - written)
  }
}

extension WriteContext {
  /// Takes a finished task out with its journal and labels; its idempotency key stays until it expires. How many rows
  /// of the journal went.
  fileprivate func delete(_ row: TaskRow) throws -> Int64 {
    let id = row.id.number
    if let newest = try db.firstInteger(
      "SELECT seq FROM journal INDEXED BY journal_task WHERE task = ? ORDER BY seq DESC LIMIT 1", [id])
    {
      noteDeleted(upTo: newest)
    }
    try db.run("DELETE FROM journal WHERE task = ?", [id])
    let count = Int64(db.changesCount)
    try db.run("DELETE FROM label WHERE task = ?", [id])
    try db.run("DELETE FROM task WHERE id = ?", [id])
    self.count(row.status, agent: row.agent, by: -1)
    touch(row.id)
    return count
  }

  /// Drops definitions that no task pins any more.
  fileprivate func deleteUnusedVersions(_ versions: Set<Int64?>) throws {
    for case let version? in versions {
      try db.run(
        """
        DELETE FROM agent_version WHERE id = ?
          AND NOT EXISTS (SELECT 1 FROM task INDEXED BY task_agent_version WHERE agent_version = agent_version.id)
        """, [version])
    }
  }
}
