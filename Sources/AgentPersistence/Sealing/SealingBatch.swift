import AgentCore
import Foundation
import GRDB

/// Some rows of the journal, read and sealed anew on a reader: the writer only puts them down.
struct SealingBatch: Sendable {
  struct Row: Sendable {
    var sequence: Int64
    var task: Int64
    var head: String
    var body: Data?
    /// Labels that stand in no index any more.
    var labels: [String]
  }

  /// Those that are to be written, ascending.
  var rows: [Row] = []
  /// All up to this number have been looked at.
  var upTo: Int64
  /// Why values of older keys, or damaged ones, and rows that cannot be read, stay as they are.
  var unopened: [StoreError] = []
}

/// Makes batches of one pass.
struct SealingReader {
  let goal: SealingGoal
  let sealing: StoreSealing
  let limits: SealingPass.Limits

  /// The rows after `cursor`.
  func batch(after cursor: Int64, _ db: Database) throws -> SealingBatch {
    var batch = SealingBatch(upTo: cursor)
    batch.upTo = try walk(after: cursor, all: goal.readsAll, db) { row in
      if let changed = try renewed(row, db, &batch.unopened) { batch.rows.append(changed) }
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
    let rows = try GRDB.Row.fetchCursor(
      try db.cachedStatement(
        sql: """
          SELECT seq, task, type, head, body FROM journal WHERE seq > ? AND seq <= ? AND type IN (1, 11, 12, 13, 15)
            AND (? OR instr(head, ?) > 0 OR instr(body, ?) > 0) ORDER BY seq
          """),
      arguments: [
        cursor, upper, all, SealedMember.key, Data(SealedMember.key.utf8),
      ])
    var (count, bytes) = (0, 0)
    while let row = try rows.next() {
      count += 1
      bytes += (row[3] as String).utf8.count + ((row[4] as Data?)?.count ?? 0)
      try body(row)
      guard count < limits.rows, bytes < limits.bytes else { return row[0] }
    }
    return upper
  }

  /// Nil for a row that stays as it is. A column that cannot be read does so, whatever becomes of the other one: a
  /// damaged row must not keep all that follow from being sealed.
  private func renewed(_ row: Row, _ db: Database, _ unopened: inout [StoreError]) throws -> SealingBatch.Row? {
    let (sequence, task): (Int64, Int64) = (row[0], row[1])
    let (headText, bodyData): (String, Data?) = (row[3], row[4])
    // The statement asks for no other.
    guard let type = JournalEventType(storedCode: row[2]) else { return nil }
    let (head, body) = (JSONValue(stored: headText), bodyData.flatMap(readable))
    if head == nil || (body == nil) != (bodyData == nil) {
      unopened.append(
        StoreError(.databaseCorrupt, "Row \(sequence) of table journal cannot be read: what is damaged stays as it is.")
      )
    }
    let newHead = try head.map {
      try renewed($0, StoreSealing.Column(type: type, name: .head, row: sequence), &unopened)
    }
    let column = StoreSealing.Column(type: type, name: .body, row: sequence)
    let newBody = try body.map { try renewed(asWrittenNow($0, head: head ?? .null, column), column, &unopened) }
    let labels = try newHead.map(sealedLabels) ?? sensitiveLabels(of: task, db)
    guard newHead != head || newBody != body || newHead == nil && !labels.isEmpty else { return nil }
    return SealingBatch.Row(
      sequence: sequence, task: task, head: newHead?.text ?? headText,
      body: newBody.map { JSONColumn.encode($0) } ?? bodyData, labels: labels)
  }

  private func sealedLabels(_ head: JSONValue) -> [String] {
    (head["labels"]?.objectValue ?? [:]).filter { $0.value.stringValue == nil }.keys.sorted()
  }

  /// Where the head does not tell: nobody is to find the task by one.
  private func sensitiveLabels(of task: Int64, _ db: Database) throws -> [String] {
    // A task has few.
    try db.rows("SELECT name FROM label WHERE task = ?", [task]).map { $0[0] as String }.filter(goal.fields.contains)
  }

  private func asWrittenNow(_ body: JSONValue, head: JSONValue, _ column: StoreSealing.Column) -> JSONValue {
    guard goal.readsAll else { return body }
    let new = column.type.asWrittenNow(body, head: head, goal.fields)
    guard new != body else { return body }
    let opened = body.replacingMarks { (pointer, mark) throws(Never) in
      // `try?`: one that does not open stays, and is told where it would be sealed anew.
      (try? sealing.open(mark, at: column.place(pointer))) ?? mark.stored
    }
    return opened == body ? new : column.type.asWrittenNow(body, opened: opened, head: head, goal.fields)
  }

  private func renewed(
    _ value: JSONValue, _ column: StoreSealing.Column, _ unopened: inout [StoreError]
  ) throws(StoreError) -> JSONValue {
    var failures: [StoreError] = []
    defer { unopened += failures }
    return try column.type.replacingSensitive(in: value, column.name, goal.fields) {
      (pointer, value) throws(StoreError) in
      let place = column.place(pointer)
      guard let mark = SealedMark(value), let key = keyID(of: mark) else {
        return try sealing.seal(try opened(value, at: pointer, column, &failures), at: place)
      }
      if key == goal.key { return value }
      do throws(StoreError) {
        return try sealing.seal(try sealing.open(mark, at: place), at: place)
      } catch {
        guard error.isUnopened else { throw error }
        failures.append(error)
        return value
      }
    }
  }

  /// Members of a value may have been sealed before the list named it.
  private func opened(
    _ value: JSONValue, at pointer: String, _ column: StoreSealing.Column, _ failures: inout [StoreError]
  ) throws(StoreError) -> JSONValue {
    try value.replacingMarks(at: pointer) { (pointer, mark) throws(StoreError) in
      guard sealing.keyID(of: mark) != nil else { return mark.stored }
      do throws(StoreError) {
        return try sealing.open(mark, at: column.place(pointer))
      } catch {
        guard error.isUnopened else { throw error }
        failures.append(error)
        return mark.stored
      }
    }
  }

  /// Nil for what looks like a sealed value and is none: in rows from before there was a key it may be a caller's.
  private func keyID(of mark: SealedMark) -> UInt32? {
    if let id = sealing.keyID(of: mark) { return id }
    // Later only damage looks so. No key has this number: it is told as what does not open.
    return goal.kind == .first ? nil : 0
  }
}
