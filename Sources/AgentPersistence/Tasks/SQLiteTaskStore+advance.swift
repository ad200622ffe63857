import AgentCore
import GRDB

extension SQLiteTaskStore {
  package func advance(_ claim: Claim, _ changes: [TaskChange]) async throws(StoreError) -> AdvanceResult {
    try await file.write(Self.lane(of: changes)) { [names] context in
      guard var row = try context.taskRow(claim.task), row.isHeld(by: claim) else {
        throw StoreError(.claimLost, "\(claim.task) is no longer held by claim \(claim.number) of start \(claim.epoch)")
      }
      let actor = try Actor(.system, in: context, names)
      for change in changes {
        guard row.status == .running else {
          throw StoreError(.claimLost, "\(claim.task) left `running` before the last of these changes")
        }
        try Self.apply(change, to: &row, actor, context)
      }
      try context.save(row)
      try context.tellAgent(of: row)
      return AdvanceResult(status: row.status, isCancelRequested: row.cancelAt != nil, entries: row.appended)
    }
  }

  /// What begins something, even beside a result, takes nothing from the reserve: refused, the worker offers its
  /// results alone, which nothing refuses.
  static func lane(of changes: [TaskChange]) -> WriteLane {
    let begins = changes.contains { if case .stepStarted = $0 { true } else { false } }
    return begins ? .caller : .essential
  }

  private static func apply(
    _ change: TaskChange, to row: inout TaskRow, _ actor: Actor, _ context: WriteContext
  ) throws {
    switch change {
    case .stepStarted(let start): try context.startStep(start, of: &row, actor)
    case .stepEnded(let end): try context.endStep(end, of: &row, actor)
    case .rested(let pause):
      if let since = row.runningSince {
        row.runningSince = min(context.serviceMilliseconds, since + max(0, pause.wholeMilliseconds))
      }
    case .waiting(let wait, let usage, let pause, let isTooLong):
      var wait = wait
      if let pause { wait.until = context.now.adding(pause) }
      try startWait(wait, settling: usage, isTooLong: isTooLong, &row, actor, context)
    case .retrying, .requeued: try goBack(change, &row, actor, context)
    case .completed(let output):
      try context.leave(&row, by: .complete, actor, body: ["output": output.storedJSON])
    case .failed(let failure):
      // A step that shall be tried again, by a person's word, is one that the worker does not end.
      try context.endOpenStep(of: &row, failure, actor)
      try context.fail(&row, failure, actor)
    case .cancelled:
      try context.endOpenStep(of: &row, .taskCancelled, actor)
      try context.leave(&row, by: .cancel, actor)
    }
  }

  private static func startWait(
    _ wait: TaskWait, settling usage: ModelUsage?, isTooLong: Bool, _ row: inout TaskRow, _ actor: Actor,
    _ context: WriteContext
  ) throws {
    row.settle(usage)
    if try endFirst(&row, booked: usage, actor, context) { return }
    if wait.reason == .stepInDoubt, row.inDoubt == 0 {
      // Somebody settled it meanwhile: nothing would ever end this wait.
      return try context.leave(&row, by: .requeue, actor, head: ["reason": "step_resolved"])
    }
    context.mark(.wait)
    try context.wait(&row, for: wait, settling: usage, isTooLong: isTooLong, actor)
  }

  /// An acknowledged cancel and a deadline that has passed go before whatever the worker wants; true when one of them
  /// has ended the task, the step that stood open with it. `booked`: what that step's last try used.
  private static func endFirst(
    _ row: inout TaskRow, booked usage: ModelUsage?, _ actor: Actor, _ context: WriteContext
  ) throws -> Bool {
    if row.cancelAt != nil {
      try context.endOpenStep(of: &row, .taskCancelled, booked: usage, actor)
      try context.leave(&row, by: .cancel, actor)
      return true
    }
    guard let failure = row.overdueFailure(context.serviceMilliseconds) else { return false }
    try context.endOpenStep(of: &row, failure, booked: usage, actor)
    try context.fail(&row, failure, actor)
    return true
  }

  /// Back to pending, unless a cancel or the deadline goes first, or a step is in doubt.
  private static func goBack(
    _ change: TaskChange, _ row: inout TaskRow, _ actor: Actor, _ context: WriteContext
  ) throws {
    var settled: ModelUsage?
    if case .requeued(_, let usage, let isUnsent, _, _) = change {
      // What is open may be run again as if it read only: the next try's row says anew what it does.
      if isUnsent, row.openStep != nil { row.openEffect = .pure }
      if let usage { row.settle(usage) }
      settled = usage
    }
    if try endFirst(&row, booked: settled, actor, context) { return }
    // Going on would repeat what may have happened. What was reserved is booked by the move.
    if row.inDoubt > 0 { return try context.waitInDoubt(&row, actor) }
    switch change {
    case .retrying(let failure, let pause) where row.attempt < row.maxAttempts:
      context.mark(.retry)
      try context.retryAfterError(&row, failure, context.now.adding(pause), actor)
    // A worker that counts differently from us must not go past the maximum.
    case .retrying(let failure, _): try context.fail(&row, failure, actor)
    case .requeued(let reason, _, let isUnsent, let isAfterTry, let isTooLong):
      var head: [String: JSONValue] = ["reason": .string(reason)]
      if isUnsent { head["unsent"] = true }
      if let settled { head["settled"] = settled.json }
      if isAfterTry { head["after_failed_try"] = true }
      if isTooLong { head["too_long"] = true }
      try context.leave(&row, by: .requeue, actor, head: head)
    default: throw StoreError(.databaseCorrupt, "\(row.id) cannot go back to pending by \(change)")
    }
  }
}

extension TaskRow {
  /// Whether worker writes under that claim still count.
  func isHeld(by holder: Claim) -> Bool {
    status == .running && epoch == holder.epoch && claim == holder.number
  }
}
