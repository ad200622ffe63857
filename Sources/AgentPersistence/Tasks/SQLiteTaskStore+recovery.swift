import AgentCore
import GRDB

extension SQLiteTaskStore {
  /// Rows read at a time: what recovery holds in memory, however many tasks a dead process left running.
  static let recoveryChunk = 256

  package func beginEpoch() async throws(StoreError) -> RecoveryReport {
    try await file.write(.essential) { [self] context in
      context.epoch += 1
      var report = RecoveryReport(epoch: context.epoch)
      let actor = try Actor(.system, in: context, names)
      #if DEBUG
      if file.options.faults.bug == .skipsRecovery { return report }
      if let bug = file.options.faults.bug { try Self.spoil(bug, actor, context) }
      #endif
      var last: Int64 = 0
      while true {
        let rows = try context.db.rows(
          "SELECT \(TaskRow.columns) FROM task WHERE status = 1 AND id > ? ORDER BY id LIMIT ?",
          [last, Self.recoveryChunk])
        for stored in rows {
          var row = try TaskRow(stored)
          last = row.id.number
          try Self.recover(&row, actor, context)
          context.tellMoves(of: row, names)
          try context.save(row)
          report.count(row.status)
        }
        if rows.count < Self.recoveryChunk { break }
      }
      report.refused = try Self.wakeLimited(context)
      return report
    }
  }

  /// Those who waited in a provider's line ask again: only the process that sent them away knew when their turn would
  /// come, and would have called them sooner than they were told. Whose step has begun waits on: the provider itself told
  /// it until when, and coming sooner would cost it a try at each start. Those are returned.
  private static func wakeLimited(_ context: WriteContext) throws -> [ProviderID: [TaskID]] {
    let now = context.now.milliseconds
    var refused: [ProviderID: [TaskID]] = [:]
    var last: Int64 = 0
    while true {
      let rows = try context.db.rows(
        "SELECT \(TaskRow.columns) FROM task WHERE status = ? AND id > ? ORDER BY id LIMIT ?",
        [TaskStatus.waiting.storedCode, last, recoveryChunk])
      for stored in rows {
        var row = try TaskRow(stored)
        last = row.id.number
        guard row.waitReason == .providerLimit, let until = row.runAfter, until > now else { continue }
        if let step = row.waitStep {
          // A model call's step has its provider's name.
          let name = try context.stepHead(step, of: row)["name"]?.stringValue ?? ""
          refused[ProviderID(name), default: []].append(row.id)
          continue
        }
        row.runAfter = now
        try context.save(row)
      }
      if rows.count < recoveryChunk { return refused }
    }
  }

  /// Decides by cancel, deadline, crashes, a step in doubt, else pending.
  private static func recover(_ row: inout TaskRow, _ actor: Actor, _ context: WriteContext) throws {
    row.crashes += 1
    if row.cancelAt != nil {
      try context.endOpenStep(of: &row, Failure(code: "cancelled", detail: "the task was cancelled"), actor)
      try context.leave(&row, by: .cancel, actor)
    } else if let failure = row.overdueFailure(context.serviceMilliseconds) ?? row.crashFailure {
      try context.endOpenStep(of: &row, failure, actor)
      try context.fail(&row, failure, actor)
    } else {
      if row.openEffect == .once, try !context.isWantedAgain(row) { try context.doubtOpenStep(of: &row, actor) }
      if row.inDoubt > 0 { return try context.waitInDoubt(&row, actor) }
      try context.leave(&row, by: .requeue, actor, head: ["reason": "crash"])
    }
  }
}

extension RecoveryReport {
  fileprivate mutating func count(_ status: TaskStatus) {
    switch status {
    case .pending: requeued += 1
    case .waiting: waiting += 1
    case .failed: failed += 1
    case .cancelled: cancelled += 1
    case .running, .completed: break
    }
  }
}
