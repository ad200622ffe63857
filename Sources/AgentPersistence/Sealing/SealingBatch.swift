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
    // A stretch of numbers at a time: a snapshot that is held for long holds checkpoints up.
    let upper = min(goal.last, cursor + limits.numbers)
    var batch = SealingBatch(upTo: upper)
    let rows = try GRDB.Row.fetchCursor(
      try db.cachedStatement(
        sql: """
          SELECT seq, task, type, head, body FROM journal WHERE seq > ? AND seq <= ? AND type IN (1, 11, 12, 13, 15)
            AND (? OR instr(head, ?) > 0 OR instr(body, ?) > 0) ORDER BY seq
          """),
      arguments: [
        cursor, upper, goal.readsAll, SealedMember.key, Data(SealedMember.key.utf8),
      ])
    var (count, bytes) = (0, 0)
    while let row = try rows.next() {
      let body: Data? = row[4]
      count += 1
      bytes += (row[3] as String).utf8.count + (body?.count ?? 0)
      if let changed = try renewed(row, &batch.unopened) { batch.rows.append(changed) }
      guard count < limits.rows, bytes < limits.bytes else {
        batch.upTo = row[0]
        break
      }
    }
    return batch
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
    let newBody = try body.map {
      try renewed(shown($0, type, head), StoreSealing.Column(type: type, name: .body, row: sequence), &unopened)
    }
    guard newHead != head || newBody != body else { return nil }
    let labels = (newHead["labels"]?.objectValue ?? [:]).filter { $0.value.stringValue == nil }.keys.sorted()
    return SealingBatch.Row(
      sequence: sequence, task: row[1], head: newHead.text, body: newBody.map { SealedColumn.encode($0) },
      labels: labels)
  }

  /// A step's row as the engine would hand it to the store now: what is shown, and beside it what is sealed.
  private func shown(_ body: JSONValue, _ type: JournalEventType, _ head: JSONValue) -> JSONValue {
    guard goal.readsAll, type.isStep else { return body }
    return StepSealing.body(
      body, of: type, kind: head["kind"]?.stringValue.flatMap(StepKind.init(rawValue:)),
      name: head["name"]?.stringValue ?? "", goal.fields)
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
        return try sealing.seal(value, at: place)
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

  /// Nil for what looks like a sealed value and is none: in rows from before there was a key it may be a caller's.
  private func keyID(of mark: SealedMark) -> UInt32? {
    if let id = mark.sealed.flatMap({ sealing.ring.keyID(ofSealed: $0) }) { return id }
    // Later only damage looks so. No key has this number: it is told as what does not open.
    return goal.kind == .first ? nil : 0
  }
}
