import AgentCore
import Foundation
import GRDB

/// Some rows of the journal, read and sealed anew on a reader: the writer only puts them down.
struct SealingBatch: Sendable {
  struct Change: Sendable {
    var sequence: Int64
    var task: Int64
    var head: String
    var body: DatabaseValue
    /// Labels that stand in no index any more.
    var labels: [String]
  }

  /// Those that are to be written, ascending.
  var changes: [Change] = []
  /// All up to this number have been looked at.
  var upTo: Int64
  /// Why values of older keys, or damaged ones, and rows that cannot be read, stay as they are.
  var unopened: [StoreError] = []
  /// The tasks of which a value is sealed in it.
  var sealedTasks: Set<Int64> = []
  /// How many values of those stand in clear: too large for one seal.
  var clearValues = 0
}

/// Makes batches of one pass.
struct SealingReader {
  let goal: SealingGoal
  let sealing: StoreSealing
  let limits: SealingPass.Limits
  /// Of one pass.
  var echoes = EchoFilters()

  /// The rows after `cursor`.
  func batch(after cursor: Int64, _ db: Database) throws -> SealingBatch {
    var batch = SealingBatch(upTo: cursor)
    batch.upTo = try walk(after: cursor, all: goal.readsAll, db) { row in
      if let change = try renewed(row, db, &batch) {
        batch.changes.append(change)
        batch.sealedTasks.insert(change.task)
      }
    }
    return batch
  }

  /// The keys that the sealed values after `cursor` name, as far as one look goes.
  func keys(after cursor: Int64, _ db: Database) throws -> (named: Set<UInt32>, upTo: Int64) {
    var named: Set<UInt32> = []
    let upTo = try walk(after: cursor, all: false, db) { row in
      let (head, body): (String, Data?) = (row[3], row[4])
      note(JSONValue(stored: head), orDamaged: Data(head.utf8), &named)
      if let body { note(readable(body), orDamaged: body, &named) }
    }
    return (named, upTo)
  }

  private func note(_ value: JSONValue?, orDamaged bytes: Data, _ named: inout Set<UInt32>) {
    guard let value else {
      named.formUnion(SealedMark.found(inDamaged: bytes).compactMap { sealing.keyID(of: $0) })
      return
    }
    _ = value.replacingMarks { (_, mark) throws(Never) in
      if let key = sealing.keyID(of: mark) { named.insert(key) }
      return .null
    }
  }

  /// Nil for a body that is damaged: whoever asks goes on without it, and tells.
  private func readable(_ body: Data) -> JSONValue? { try? JournalBody.opened(body) }

  /// Gives `body` the rows after `cursor`: all that are walked, or those alone that hold sealed values. The number up to
  /// which there are no more. A stretch at a time: a snapshot that is held for long holds checkpoints up.
  private func walk(after cursor: Int64, all: Bool, _ db: Database, _ body: (Row) throws -> Void) throws -> Int64 {
    let upper = min(goal.last, cursor + limits.numbers)
    let rows = try Row.fetchCursor(
      try db.cachedStatement(
        sql: """
          SELECT seq, task, type, head, body FROM journal WHERE seq > ? AND seq <= ?
            AND type IN (SELECT value FROM json_each(?)) AND (? OR instr(head, ?) > 0 OR instr(body, ?) > 0)
          ORDER BY seq
          """),
      arguments: [
        cursor, upper, all ? JournalEventType.textCodes : JournalEventType.walkedCodes, all, SealedMember.key,
        Data(SealedMember.key.utf8),
      ])
    var (count, bytes) = (0, 0)
    while let row = try rows.next() {
      // Words alone are read for the few tasks that have something sealed.
      if let type = JournalEventType(storedCode: row[2]), !type.walked.isEmpty { count += 1 }
      bytes += (row[3] as String).utf8.count + ((row[4] as Data?)?.count ?? 0)
      try body(row)
      guard count < limits.rows, bytes < limits.bytes else { return row[0] }
    }
    return upper
  }

  /// Nil for a row that stays as it is. A column that cannot be read does so, whatever becomes of the other one: a
  /// damaged row must not keep all that follow from being sealed.
  private func renewed(_ row: Row, _ db: Database, _ batch: inout SealingBatch) throws -> SealingBatch.Change? {
    let (sequence, task): (Int64, Int64) = (row[0], row[1])
    let (headText, bodyData): (String, Data?) = (row[3], row[4])
    // The statement asks for no other.
    guard let type = JournalEventType(storedCode: row[2]) else { return nil }
    let known = try echoes(of: task, type, batch, db)
    guard !type.walked.isEmpty || !known.isEmpty else { return nil }
    let (head, body) = (JSONValue(stored: headText), bodyData.flatMap(readable))
    if head == nil || (body == nil) != (bodyData == nil) {
      batch.unopened.append(
        StoreError(.databaseCorrupt, "Row \(sequence) of table journal cannot be read: what is damaged stays as it is.")
      )
    }
    let newHead = try head.map {
      try renewed(
        StepSealing.head($0, knowing: known), StoreSealing.Column(type: type, name: .head, row: sequence), &batch)
    }
    let column = StoreSealing.Column(type: type, name: .body, row: sequence)
    let newBody = try body.map { try renewed(asWrittenNow($0, head: head ?? .null, column, known), column, &batch) }
    let labels = try newHead.map(sealedLabels) ?? sensitiveLabels(of: task, db)
    guard newHead != head || newBody != body || newHead == nil && !labels.isEmpty else { return nil }
    var change = SealingBatch.Change(
      sequence: sequence, task: task, head: newHead?.text ?? headText, body: bodyData.databaseValue, labels: labels)
    do throws(StoreError) {
      if let newBody { change.body = try JournalBody.stored(newBody) }
    } catch {
      // Its own error: it must not keep all that follow from being sealed.
      batch.unopened.append(StoreError(error.code, "Row \(sequence) of table journal stays as it is: \(error.detail)"))
      batch.clearValues += 1
      return nil
    }
    return change
  }

  private func sealedLabels(_ head: JSONValue) -> [String] {
    (head["labels"]?.objectValue ?? [:]).filter { $0.value.stringValue == nil }.keys.sorted()
  }

  /// Where the head does not tell: nobody is to find the task by one.
  private func sensitiveLabels(of task: Int64, _ db: Database) throws -> [String] {
    // A task has few.
    try db.rows("SELECT name FROM label WHERE task = ?", [task]).map { $0[0] as String }.filter(goal.fields.contains)
  }

  /// Finds the values of the task in a row's words, where rows before it have some that are sealed. What a caller wrote
  /// beside them stays as it came.
  private func echoes(
    of task: Int64, _ type: JournalEventType, _ batch: SealingBatch, _ db: Database
  ) throws -> SealedFilter {
    guard goal.readsAll, type != .taskSubmitted else { return SealedFilter() }
    return try echoes.filter(of: task) {
      guard
        try batch.sealedTasks.contains(task)
          || db.firstInteger("SELECT sealed FROM task WHERE id = ?", [task]) ?? 0 != 0
      else { return nil }
      do {
        let reading = try ClearReading(of: TaskID(number: task), db, sealing, RowMask(fields: goal.fields))
        return SealedFilter(try reading.values().revealTexts())
      } catch let error as StoreError where error.isUnopened || error.code == .databaseCorrupt {
        // One that does not open is told where it would be sealed anew.
        return SealedFilter()
      }
    }
  }

  private func asWrittenNow(
    _ body: JSONValue, head: JSONValue, _ column: StoreSealing.Column, _ known: SealedFilter
  ) -> JSONValue {
    guard goal.readsAll else { return body }
    let new = column.type.asWrittenNow(body, head: head, goal.fields, knowing: known)
    guard new != body else { return body }
    let opened = body.replacingMarks { (pointer, mark) throws(Never) in
      // `try?`: one that does not open stays, and is told where it would be sealed anew.
      (try? sealing.open(mark, at: column.place(pointer))) ?? mark.stored
    }
    return opened == body
      ? new : column.type.asWrittenNow(body, opened: opened, head: head, goal.fields, knowing: known)
  }

  private func renewed(
    _ value: JSONValue, _ column: StoreSealing.Column, _ batch: inout SealingBatch
  ) throws(StoreError) -> JSONValue {
    var renewal = SealedRenewal(sealing, key: goal.key, isBeforeKeys: goal.kind == .first, place: column.place)
    let new = try column.type.replacingSensitive(in: value, column.name, goal.fields) {
      (pointer, value) throws(StoreError) in
      try renewal.renewed(value, at: pointer)
    }
    batch.unopened += renewal.failures
    batch.clearValues += renewal.clearValues
    return new
  }
}

extension JournalEventType {
  /// The types whose rows are walked, as JSON of their codes.
  fileprivate static let walkedCodes =
    JSONValue.array(allCases.filter { !$0.walked.isEmpty }.map { .integer($0.storedCode) }).text

  /// And those that tell of a task in words.
  fileprivate static let textCodes =
    JSONValue.array(
      allCases.filter { !$0.walked.isEmpty || $0.hasWords }.map { .integer($0.storedCode) }
    ).text

  /// An output, or why there is none.
  private var hasWords: Bool {
    [.taskCompleted, .taskFailed, .taskRetrying, .stepInDoubt].contains(self)
  }
}
