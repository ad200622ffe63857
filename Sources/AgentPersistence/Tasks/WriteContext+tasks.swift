import AgentCore
import GRDB

/// Reading and writing of rows inside a write closure. All changes of `task` and all new rows of `journal` go through
/// here, so that counters, notices and numbers cannot be forgotten.
extension WriteContext {
  /// The number of a text in table `name`, given on first use. Names are never deleted.
  func nameNumber(_ text: String, _ cache: NameCache) throws -> Int64 {
    if let id = try db.nameID(text) { return id }
    try db.run("INSERT INTO name (text) VALUES (?)", [text])
    let id = db.lastInsertedRowID
    cache.remember(id, text)
    return id
  }

  /// The row of a task; nil when there is none.
  func taskRow(_ id: TaskID) throws -> TaskRow? {
    try db.firstRow("SELECT \(TaskRow.columns) FROM task WHERE id = ?", [id.number]).map(TaskRow.init)
  }

  /// The task as callers see it.
  func task(_ row: TaskRow) throws -> AgentTask { try db.task(row, mask) }

  /// The row of a task that a caller named. Throws `not_found`.
  func existingTask(_ id: TaskID) throws -> TaskRow {
    guard let row = try taskRow(id) else { throw StoreError(.notFound, "there is no \(id)") }
    return row
  }

  /// Appends a row to the journal and counts it in `row`, which the caller saves afterwards. What is sensitive in it is
  /// sealed; the entry, like every read, shows it as `[sealed]`.
  @discardableResult
  func append(
    _ type: JournalEventType, to row: inout TaskRow, step: Int64? = nil, actor: Actor, head: JSONValue = .object([:]),
    body: JSONValue? = nil
  ) throws -> JournalEntry {
    row.lastTaskSequence += 1
    let sequence = drawSequence()
    let sealed = try seal(type, row: sequence, head: head, body: body)
    if sealed.hasSealed { row.hasSealed = true }
    try JournalBody.checkDepth(of: sealed.stored.head)
    try db.run(
      """
      INSERT INTO journal (seq, task, task_seq, step, type, at, epoch, actor, head, body)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        sequence, row.id.number, row.lastTaskSequence, step, type.storedCode, now.milliseconds, epoch, actor.number,
        sealed.stored.head.text, try sealed.stored.body.map(JournalBody.stored),
      ])
    touch(row.id)
    let entry = JournalEntry(
      sequence: sequence, task: row.id, taskSequence: row.lastTaskSequence, step: step.map { Int($0) }, type: type,
      at: now, actor: actor.principal, head: sealed.shown.head, body: sealed.shown.body)
    row.appended.append(entry)
    return entry
  }

  /// Makes one move of the contract's table: changes the status and appends its event. Returns false, with nothing
  /// changed, when the table has no such move.
  func move(
    _ row: inout TaskRow, by move: TaskMove, actor: Actor, head: [String: JSONValue] = [:], body: JSONValue? = nil
  ) throws -> Bool {
    let status = row.stored == nil && row.lastTaskSequence == 0 ? nil : Optional(row.status)
    guard let result = TaskTransition.result(of: move, from: status, cancelRequested: row.cancelAt != nil) else {
      return false
    }
    var head = head
    if row.status == .running, result.status != .running { leaveRunning(&row, settledInto: &head) }
    if result.status != .waiting { (row.waitReason, row.waitStep) = (nil, nil) }
    row.status = result.status
    row.runAfter = nil
    if result.status.isTerminal { enterEnd(&row) }
    // An outcome that an acknowledged cancel has overtaken leaves no output and no error behind.
    let isOvertaken = result.event == .taskCancelled && move != .cancel
    let entry = try append(
      result.event, to: &row, actor: actor,
      head: isOvertaken ? .object(head.filter { $0.key == "settled" }) : .object(head),
      body: isOvertaken ? nil : body)
    if result.status == .completed || result.status == .failed { row.outputSequence = entry.sequence }
    return true
  }

  private func leaveRunning(_ row: inout TaskRow, settledInto head: inout [String: JSONValue]) {
    if let since = row.runningSince { row.wallUsed += max(0, serviceMilliseconds - since) }
    row.runningSince = nil
    if let settled = row.settleReservation() { head["settled"] = settled.json }
  }

  private func enterEnd(_ row: inout TaskRow) {
    row.finished = now.milliseconds
    (row.deadline, row.deadlineLeft) = (nil, nil)
  }

  /// Writes a changed row back and adjusts the counters.
  func save(_ row: TaskRow) throws {
    if row.stored == nil {
      try insert(row)
    } else if row.hasMoved {
      try updateMoved(row)
    } else {
      try updateProgress(row)
    }
    if row.stored != nil, row.isNewlySealed { try db.run("UPDATE task SET sealed = 1 WHERE id = ?", [row.id.number]) }
    guard row.stored != row.status else { return }
    if row.status.isTerminal { tellEnd(of: row.id) }
    if let old = row.stored { count(old, agent: row.agent, by: -1) }
    count(row.status, agent: row.agent, by: 1)
  }

  /// Adjusts the counter that a task of that agent is part of.
  func count(_ status: TaskStatus, agent: Int64, by delta: Int64) {
    count(.tasks, "\(agent):\(status.storedCode)", by: delta)
  }
}

/// Who makes a change: the principal with its number in table `name`.
struct Actor {
  var principal: Principal
  var number: Int64

  init(_ principal: Principal, in context: WriteContext, _ cache: NameCache) throws {
    self.principal = principal
    number = try context.nameNumber(principal.description, cache)
  }
}
