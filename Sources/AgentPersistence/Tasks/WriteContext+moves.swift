import AgentCore
import GRDB

/// The moves of a task, each with what belongs to it: where several verbs make the same move, they make it here.
extension WriteContext {
  /// A move that the caller has made sure is in the table.
  func leave(
    _ row: inout TaskRow, by kind: TaskMove, _ actor: Actor, head: [String: JSONValue] = [:], body: JSONValue? = nil
  ) throws {
    let from = row.status
    guard try move(&row, by: kind, actor: actor, head: head, body: body) else {
      throw StoreError(.databaseCorrupt, "\(row.id) cannot \(kind.rawValue) while it is \(from.rawValue)")
    }
  }

  func fail(_ row: inout TaskRow, _ failure: Failure, _ actor: Actor) throws {
    try leave(&row, by: .fail, actor, head: ["error": failure.json])
  }

  /// To `waiting`; a wait for a person stops the deadline. `usage` is what the caller has settled, for the record.
  func wait(
    _ row: inout TaskRow, for wait: TaskWait, settling usage: ModelUsage? = nil, isTooLong: Bool = false, _ actor: Actor
  ) throws {
    var head: [String: JSONValue] = [
      "reason": .string(wait.reason.rawValue), "until": JSONValue(wait.until?.text), "step": JSONValue(wait.step),
    ]
    if let usage { head["settled"] = usage.json }
    if isTooLong { head["too_long"] = true }
    try leave(&row, by: .wait, actor, head: head)
    guard row.status == .waiting else { return }
    (row.waitReason, row.waitStep) = (wait.reason, wait.step.map { Int64($0) })
    row.runAfter = wait.until?.milliseconds
    if wait.reason.isForPerson, let deadline = row.deadline {
      row.deadlineLeft = max(0, deadline - serviceMilliseconds)
      row.deadline = nil
    }
  }

  /// Back to `pending` after an error; the next attempt begins its wall time anew.
  func retryAfterError(
    _ row: inout TaskRow, _ failure: Failure, _ runAfter: Timestamp, _ actor: Actor
  ) throws {
    try leave(
      &row, by: .retryAfterError, actor,
      head: [
        "attempt": .integer(row.attempt + 1), "error": failure.json, "run_after": .string(runAfter.text),
      ])
    guard row.status == .pending else { return }
    row.attempt += 1
    row.wallUsed = 0
    row.runAfter = runAfter.milliseconds
  }

  /// Ends a wait: by the deadline, the crashes and a step in doubt, in this order; else back to `pending`.
  func endWait(_ row: inout TaskRow, _ actor: Actor) throws {
    if let left = row.deadlineLeft {
      (row.deadline, row.deadlineLeft) = (serviceMilliseconds + left, nil)
    }
    if let failure = row.overdueFailure(serviceMilliseconds) ?? row.crashFailure {
      try endOpenStep(of: &row, failure, actor)
      try fail(&row, failure, actor)
      return
    }
    try leave(&row, by: .resume, actor)
    if row.inDoubt > 0 { try waitInDoubt(&row, actor) }
  }

  /// Puts the moves that this closure made of the task into the notice.
  func tellMoves(of row: TaskRow, _ names: NameCache) {
    guard let agent = names[row.agent] else { return }
    for entry in row.appended where entry.step == nil { tell(StoreMove(entry, agent: AgentID(agent))) }
  }

  /// Waits for somebody to settle the step in doubt.
  func waitInDoubt(_ row: inout TaskRow, _ actor: Actor) throws {
    try wait(&row, for: TaskWait(reason: .stepInDoubt, step: try openDoubt(of: row)), actor)
  }

  /// The first step in doubt that nobody has settled.
  func openDoubt(of row: TaskRow) throws -> Int? {
    try db.firstInteger(
      """
      SELECT step FROM journal INDEXED BY journal_task WHERE task = ? AND step IS NOT NULL
      GROUP BY step HAVING max(CASE WHEN type IN (11, 14, 15) THEN seq END)
        = max(CASE WHEN type = 14 THEN seq END) ORDER BY step LIMIT 1
      """, [row.id.number]
    ).map { Int($0) }
  }
}

extension TaskRow {
  /// Deaths of the process since the last finished step at which a task is given up.
  static let fatalCrashes: Int64 = 5

  /// `timeout`, when the deadline has passed.
  func overdueFailure(_ serviceMilliseconds: Int64) -> Failure? {
    guard let deadline, deadline <= serviceMilliseconds else { return nil }
    return Failure(code: "timeout", detail: "the task took longer than its timeout of \(timeoutSeconds) s")
  }

  var crashFailure: Failure? {
    guard crashes >= Self.fatalCrashes else { return nil }
    return Failure(
      code: "crashed_repeatedly",
      detail: "the service died \(crashes) times while it ran this task, since the task's last finished step")
  }
}
