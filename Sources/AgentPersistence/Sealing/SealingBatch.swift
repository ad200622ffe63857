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
  /// Why values of older keys, or damaged ones, stay as they are.
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
      if let changed = try renewed(row, &batch.unopened) { batch.rows.append(changed) }
    }
    return batch
  }

  /// The keys that the sealed values after `cursor` name, as far as one look goes.
  func keys(after cursor: Int64, _ db: Database) throws -> (named: Set<UInt32>, upTo: Int64) {
    var named: Set<UInt32> = []
    let upTo = try walk(after: cursor, all: false, db) { row in
      let columns = [JSONValue(stored: row[3] as String), try (row[4] as Data?).map(JournalBody.opened)]
      for value in columns.compactMap(\.self) {
        _ = value.replacingMarks { (_, mark) throws(Never) in
          if let key = sealing.keyID(of: mark) { named.insert(key) }
          return .null
        }
      }
    }
    return (named, upTo)
  }

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

  /// Nil for a row that stays as it is.
  private func renewed(_ row: Row, _ unopened: inout [StoreError]) throws -> SealingBatch.Row? {
    let sequence: Int64 = row[0]
    let (headText, bodyData): (String, Data?) = (row[3], row[4])
    guard let type = JournalEventType(storedCode: row[2]), let head = JSONValue(stored: headText) else {
      throw StoreError(.databaseCorrupt, "row \(sequence) of the journal cannot be read")
    }
    let body = try bodyData.map(JournalBody.opened)
    let newHead = try renewed(head, StoreSealing.Column(type: type, name: .head, row: sequence), &unopened)
    let column = StoreSealing.Column(type: type, name: .body, row: sequence)
    let newBody = try body.map { try renewed(asWrittenNow($0, head: head, column), column, &unopened) }
    guard newHead != head || newBody != body else { return nil }
    let labels = (newHead["labels"]?.objectValue ?? [:]).filter { $0.value.stringValue == nil }.keys.sorted()
    return SealingBatch.Row(
      sequence: sequence, task: row[1], head: newHead.text, body: newBody.map { SealedColumn.encode($0) },
      labels: labels)
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
