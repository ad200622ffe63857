import AgentCore
import GRDB

extension SQLiteTaskStore {
  package func cancel(_ id: TaskID, by principal: Principal) async throws(StoreError) -> AgentTask {
    try await change(id, by: principal, marking: .cancel, lane: .essential) { context, row, actor in
      guard !row.status.isTerminal else {
        throw StoreError(.taskFinished, "\(id) is \(row.status.rawValue) already")
      }
      guard row.status == .running else {
        try context.endOpenStep(of: &row, Failure(code: "cancelled", detail: "the task was cancelled"), actor)
        try context.leave(&row, by: .cancel, actor)
        return
      }
      // The wish is stored once; asking again changes nothing.
      guard row.cancelAt == nil else { return }
      row.cancelAt = context.now.milliseconds
      try context.append(.taskCancelling, to: &row, actor: actor)
    }
  }

  package func retry(
    _ id: TaskID, from start: RetryStart, by principal: Principal
  ) async throws(StoreError) -> AgentTask {
    try await change(id, by: principal, marking: .retry) { context, row, actor in
      guard row.status == .failed || row.status == .cancelled else {
        throw StoreError(.taskNotRetryable, "\(id) is \(row.status.rawValue): only failed and cancelled ones go again")
      }
      guard row.inDoubt == 0 else {
        throw StoreError(.stepInDoubt, "a step of \(id) is in doubt: resolve it first")
      }
      let from = try Self.firstSetAside(start, row)
      row.beginAnew(settingAsideFrom: from)
      var head: [String: JSONValue] = ["attempt": .integer(row.attempt)]
      if let from { head["from"] = .integer(from) }
      try context.leave(&row, by: .retryAsked, actor, head: head)
      if start == .beginning {
        row.agentVersion = nil
        try context.pin(row)
      }
    }
  }

  /// The first step that a retry sets aside; nil when all stay.
  private static func firstSetAside(_ start: RetryStart, _ row: TaskRow) throws -> Int64? {
    switch start {
    case .lastStep: return nil
    case .beginning: return 1
    case .step(let number):
      guard number >= 1, Int64(number) <= row.lastStep else {
        throw StoreError(.invalidCursor, "\(row.id) has no step \(number): its last one is \(row.lastStep)")
      }
      return Int64(number)
    }
  }

  package func resume(_ id: TaskID, by principal: Principal) async throws(StoreError) -> AgentTask {
    try await change(id, by: principal) { [names] context, row, actor in
      guard row.status == .waiting, row.waitReason == .restored else {
        throw StoreError(.taskNotWaiting, "\(id) does not wait to be resumed after a restore")
      }
      try context.endWait(&row, actor)
      context.tellMoves(of: row, names)
    }
  }

  package func resolve(
    _ id: TaskID, step: Int, as resolution: StepResolution, by principal: Principal
  ) async throws(StoreError) -> AgentTask {
    try await change(id, by: principal) { [names] context, row, actor in
      guard step >= 1, Int64(step) <= row.lastStep else {
        throw StoreError(.notFound, "\(id) has no step \(step): its last one is \(row.lastStep)")
      }
      guard try context.isInDoubt(step, of: row) else {
        throw StoreError(.stepNotInDoubt, "step \(step) of \(id) is not in doubt")
      }
      if row.status.isTerminal, resolution == .retry {
        throw StoreError(.taskFinished, "\(id) is \(row.status.rawValue): its step can only be finished or failed")
      }
      let failure = Failure(code: "step_in_doubt", detail: "step \(step) was in doubt and was settled as failed")
      try context.settle(step, of: &row, as: resolution, failure, actor)
      guard row.status == .waiting else { return }
      if resolution == .fail {
        try context.fail(&row, failure, actor)
      } else if row.waitReason == .stepInDoubt {
        try context.endWait(&row, actor)
      }
      context.tellMoves(of: row, names)
    }
  }
}

extension WriteContext {
  /// Whether the step's newest row says so.
  fileprivate func isInDoubt(_ step: Int, of row: TaskRow) throws -> Bool {
    let newest = try db.firstInteger(
      """
      SELECT type FROM journal INDEXED BY journal_task WHERE task = ? AND step = ? ORDER BY seq DESC LIMIT 1
      """, [row.id.number, step])
    return newest == JournalEventType.stepInDoubt.storedCode
  }

  fileprivate func settle(
    _ step: Int, of row: inout TaskRow, as resolution: StepResolution, _ failure: Failure, _ actor: Actor
  ) throws {
    row.inDoubt -= 1
    var head = try stepHead(Int64(step), of: row)
    head["evidence"] = nil
    var body: JSONValue?
    switch resolution {
    case .finished(let output, let resultHash):
      row.crashes = 0
      head["action"] = "finished"
      head["result_hash"] = .string(resultHash)
      body = ["output": output]
    case .retry:
      head["action"] = "retry"
      // Open, and as doubtful as before: should the task end before the next try, somebody has to settle it anew.
      (row.openStep, row.openEffect) = (Int64(step), .once)
    case .fail:
      head["action"] = "fail"
      head["error"] = failure.json
    }
    try append(.stepResolved, to: &row, step: Int64(step), actor: actor, head: .object(head), body: body)
  }
}

extension TaskRow {
  /// What a retry that was asked for clears, beside the status: crashes, deadline and limits begin anew, usage goes on.
  fileprivate mutating func beginAnew(settingAsideFrom from: Int64?) {
    attempt += 1
    maxAttempts = max(maxAttempts, attempt)
    (crashes, wallUsed, tokensUsed, tokensReserved) = (0, 0, 0, 0)
    (deadline, deadlineLeft, cancelAt, finished, outputSequence) = (nil, nil, nil, nil, nil)
    if let from, let open = openStep, open >= from { (openStep, openEffect) = (nil, nil) }
  }
}
