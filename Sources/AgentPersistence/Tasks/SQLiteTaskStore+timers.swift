import AgentCore
import GRDB

extension SQLiteTaskStore {
  package func promoteDue(limit: Int) async throws(StoreError) -> Int {
    let now = file.now().milliseconds
    let isDue = try await file.read { db in
      try db.firstInteger(
        "SELECT 1 FROM task INDEXED BY task_run_after WHERE run_after IS NOT NULL AND run_after <= ? LIMIT 1", [now])
    }
    // Asked some times a second: with nothing to do, nothing is written and no disk is woken.
    guard isDue != nil else { return 0 }
    return try await file.write(.essential) { [names, faults = file.options.faults] context in
      let rows = try context.db.rows(
        """
        SELECT \(TaskRow.columns) FROM task INDEXED BY task_run_after
        WHERE run_after IS NOT NULL AND run_after <= ? ORDER BY run_after LIMIT ?
        """, [context.now.milliseconds, limit])
      guard !rows.isEmpty else { return 0 }
      let actor = try Actor(.system, in: context, names)
      for stored in rows {
        var row = try TaskRow(stored)
        // A pending one only becomes claimable: that is no move, and has no event.
        row.runAfter = nil
        if row.status == .waiting {
          faults.reached(FaultPoint(.wait, .afterEffect))
          try context.endWait(&row, actor)
          context.tellMoves(of: row, names)
        }
        try context.save(row)
      }
      return rows.count
    }
  }

  package func hasten(_ tasks: [TaskID]) async throws(StoreError) -> Int {
    guard !tasks.isEmpty else { return 0 }
    return try await file.write(.essential) { context in
      var hastened = 0
      for id in tasks {
        guard var row = try context.taskRow(id), row.status == .waiting, row.waitReason == .providerLimit,
          let until = row.runAfter, until > context.now.milliseconds
        else { continue }
        // No move, and so no event: the end of the wait is one.
        row.runAfter = context.now.milliseconds
        try context.save(row)
        hastened += 1
      }
      return hastened
    }
  }

  package func expireDeadlines(limit: Int) async throws(StoreError) -> [TaskID] {
    let now = file.serviceMilliseconds()
    let isDue = try await file.read { db in
      try db.firstInteger(
        """
        SELECT 1 FROM task INDEXED BY task_deadline
        WHERE deadline IS NOT NULL AND finished IS NULL AND deadline <= ? LIMIT 1
        """, [now])
    }
    guard isDue != nil || mustKeepServiceTime(now) else { return [] }
    return try await file.write(.essential) { [names] context in
      // Two looks, so that running ones, which their workers end, cannot take all of `limit`.
      let rows = try context.db.rows(
        """
        SELECT \(TaskRow.columns) FROM task INDEXED BY task_deadline
        WHERE deadline IS NOT NULL AND finished IS NULL AND deadline <= ? AND status <> 1 ORDER BY deadline LIMIT ?
        """, [context.serviceMilliseconds, limit])
      if !rows.isEmpty {
        let actor = try Actor(.system, in: context, names)
        for stored in rows {
          var row = try TaskRow(stored)
          guard let failure = row.overdueFailure(context.serviceMilliseconds) else { continue }
          try context.endOpenStep(of: &row, failure, actor)
          try context.fail(&row, failure, actor)
          context.tellMoves(of: row, names)
          try context.save(row)
        }
      }
      return try context.db.integers(
        """
        SELECT id FROM task INDEXED BY task_deadline
        WHERE deadline IS NOT NULL AND finished IS NULL AND deadline <= ? AND status = 1 ORDER BY deadline LIMIT ?
        """, [context.serviceMilliseconds, limit]
      ).map(TaskID.init(number:))
    }
  }

  /// Service time is kept with each commit. While a task runs there is one a second, so that a crash in a long call
  /// forgets no more than that of its time.
  private func mustKeepServiceTime(_ now: Int64) -> Bool {
    guard counts().byStatus[.running] ?? 0 > 0 else { return false }
    return serviceTimeKept.withLock { kept in
      guard now - kept >= Self.serviceTimeStep else { return false }
      kept = now
      return true
    }
  }

  private static let serviceTimeStep: Int64 = 1000
}
