import AgentCore
import GRDB

/// The rows of steps, and the columns of `task` that sum them up.
extension WriteContext {
  /// Throws `claim_lost` for a step that has ended, for one beside another that is open, and for the same try twice.
  func startStep(_ start: StepStart, of row: inout TaskRow, _ actor: Actor) throws {
    try checkStart(start, row)
    row.settle(start.settling)
    row.tokensReserved = start.reservedTokens
    row.lastStep = max(row.lastStep, Int64(start.number))
    (row.openStep, row.openEffect) = (Int64(start.number), start.effect)
    switch start.kind {
    case .modelCall: row.modelCalls += 1
    case .toolCall: row.toolCalls += 1
    case .wait: break
    }
    mark(start.cell)
    if start.attempt > 1 { mark(.retry) }
    var head: [String: JSONValue] = [
      "kind": .string(start.kind.rawValue), "name": .string(start.name), "effect": .string(start.effect.rawValue),
      "attempt": JSONValue(start.attempt), "input_hash": .string(start.inputHash),
    ]
    if let evidence = start.evidence { head["evidence"] = evidence }
    if start.reservedTokens > 0 { head["reserved"] = .integer(start.reservedTokens) }
    if let settling = start.settling { head["settled"] = settling.json }
    try append(
      .stepStarted, to: &row, step: Int64(start.number), actor: actor, head: .object(head),
      body: start.input.map { ["input": $0] })
  }

  private func checkStart(_ start: StepStart, _ row: TaskRow) throws {
    guard let open = row.openStep else {
      if Int64(start.number) > row.lastStep { return }
      throw StoreError(.claimLost, "step \(start.number) of \(row.id) has ended already")
    }
    let lastTry = try stepHead(open, of: row)["attempt"]?.integerValue ?? 0
    guard open == Int64(start.number), Int64(start.attempt) > lastTry else {
      throw StoreError(.claimLost, "step \(open) of \(row.id) is open, at try \(lastTry)")
    }
  }

  /// Throws `claim_lost` for a step that is not open: it has ended, and must not end twice.
  func endStep(_ end: StepEnd, of row: inout TaskRow, _ actor: Actor) throws {
    let step = Int64(end.number)
    guard row.openStep == step else { throw StoreError(.claimLost, "step \(step) of \(row.id) is not open") }
    row.settle(end.usage)
    (row.openStep, row.openEffect) = (nil, nil)
    var head = try stepHead(step, of: row)
    if let usage = end.usage { head["usage"] = usage.json }
    switch end.outcome {
    case .finished(let output, let resultHash):
      row.crashes = 0
      head["evidence"] = nil
      head["result_hash"] = .string(resultHash)
      try append(
        .stepFinished, to: &row, step: step, actor: actor, head: .object(head), body: ["output": output])
    case .failed(let failure, let output):
      head["evidence"] = nil
      head["error"] = failure.json
      try append(
        .stepFailed, to: &row, step: step, actor: actor, head: .object(head), body: output.map { ["output": $0] })
    case .inDoubt(let failure):
      row.inDoubt += 1
      head["error"] = failure.json
      try append(.stepInDoubt, to: &row, step: step, actor: actor, head: .object(head))
    }
  }

  /// Ends the step that is open when the task ends without its worker: one that may have had its effect goes in doubt,
  /// an `idempotent` one too since nobody is there to look; all others failed. `booked`: what its last try used, settled
  /// by the caller; for the record.
  func endOpenStep(
    of row: inout TaskRow, _ failure: Failure, booked usage: ModelUsage? = nil, _ actor: Actor
  ) throws {
    guard let step = row.openStep else { return }
    if row.openEffect != .pure { return try doubtOpenStep(of: &row, actor) }
    (row.openStep, row.openEffect) = (nil, nil)
    var head = try stepHead(step, of: row)
    head["evidence"] = nil
    head["error"] = failure.json
    if let usage { head["usage"] = usage.json }
    try append(.stepFailed, to: &row, step: step, actor: actor, head: .object(head))
  }

  /// Whether a person has said of the open step that it be tried again, and it was not yet: until then nothing more
  /// of it can have happened.
  func isWantedAgain(_ row: TaskRow) throws -> Bool {
    guard let step = row.openStep else { return false }
    let newest = try db.firstInteger(
      "SELECT type FROM journal INDEXED BY journal_task WHERE task = ? AND step = ? ORDER BY seq DESC LIMIT 1",
      [row.id.number, step])
    return newest == JournalEventType.stepResolved.storedCode
  }

  /// Puts the open step in doubt: its intent is on disk and its answer is not.
  func doubtOpenStep(of row: inout TaskRow, _ actor: Actor) throws {
    guard let step = row.openStep else { return }
    (row.openStep, row.openEffect) = (nil, nil)
    row.inDoubt += 1
    var head = try stepHead(step, of: row)
    let failure = Failure(
      code: "step_in_doubt",
      detail: "this step was begun and nobody has its answer: its effect may have happened")
    head["error"] = failure.json
    try append(.stepInDoubt, to: &row, step: step, actor: actor, head: .object(head))
  }

  /// What every later row of a step repeats of its newest `step.started`: kind, name, effect, attempt, evidence.
  func stepHead(_ step: Int64, of row: TaskRow) throws -> [String: JSONValue] {
    let found = try db.firstRow(
      """
      SELECT head FROM journal INDEXED BY journal_task WHERE task = ? AND step = ? AND type = 11
      ORDER BY seq DESC LIMIT 1
      """, [row.id.number, step])
    guard let found, let head = JSONValue(stored: found[0])?.objectValue else {
      throw StoreError(.databaseCorrupt, "\(row.id) has no row that starts step \(step)")
    }
    return head.filter { ["kind", "name", "effect", "attempt", "evidence"].contains($0.key) }
  }
}

extension StepStart {
  /// What the crash test calls a step of this kind.
  fileprivate var cell: FaultPoint.Cell {
    switch (kind, effect) {
    case (.modelCall, _): .modelCall
    case (.wait, _): .wait
    case (.toolCall, .pure): .pure
    case (.toolCall, .idempotent): .idempotent
    case (.toolCall, .once): .once
    }
  }
}

extension Failure {
  /// How the open step of a task ends that a caller cancels.
  static let taskCancelled = Failure(code: "cancelled", detail: "the task was cancelled")
}
