import AgentCore
import Foundation
import GRDB

extension SQLiteTaskStore {
  package func clearValues(of id: TaskID) async throws(StoreError) -> ClearValues {
    do {
      return try await file.read { [sealing] db in
        guard let row = try db.firstRow("SELECT sealed FROM task WHERE id = ?", [id.number]),
          row[0] as Int64 != 0
        else {
          return .none
        }
        return try ClearReading(of: id, db, sealing).values()
      }
    } catch {
      if error.isUnopened { tellOnce(error) }
      throw error
    }
  }

  /// One line for each value, however often it is asked for.
  private func tellOnce(_ error: StoreError) {
    let isNew = unopened.withLock { told in
      guard told.count < Self.toldValues else { return false }
      return told.insert(error.detail).inserted
    }
    if isNew { file.options.log(.error, "\(error.code.rawValue): \(error.detail)") }
  }

  /// Past so many damaged values another line tells nothing new.
  private static let toldValues = 1000
}

/// Opens what the rows of one task hold sealed.
private struct ClearReading {
  private let sealing: StoreSealing
  private let rows: [SealedRow]
  private var input: [String: JSONValue] = [:]
  /// The opened members `sealed` of steps.
  private var steps: [(step: Int, sealed: JSONValue)] = []
  private var others: [JSONValue] = []

  private struct SealedRow {
    var sequence: Int64
    var type: JournalEventType
    var step: Int?
    var head: JSONValue
    var body: JSONValue?
  }

  init(of id: TaskID, _ db: Database, _ sealing: StoreSealing) throws {
    self.sealing = sealing
    // A task's limits bound its steps, and so its rows.
    rows = try db.rows(
      "SELECT seq, type, step, head, body FROM journal INDEXED BY journal_task WHERE task = ? ORDER BY seq", [id.number]
    ).compactMap { row in
      guard let type = JournalEventType(storedCode: row[1]), !type.walked.isEmpty else { return nil }
      let (head, body): (String, Data?) = (row[3], row[4])
      let (isHead, isBody) = (SealedMark.mayStand(in: head), body.map { SealedMark.mayStand(in: $0) } ?? false)
      guard isHead || isBody else { return nil }
      return SealedRow(
        sequence: row[0], type: type, step: (row[2] as Int64?).map { Int($0) },
        head: isHead ? JSONValue(stored: head) ?? .null : .null, body: isBody ? try body.map(JournalBody.opened) : nil)
    }
  }

  consuming func values() throws(StoreError) -> ClearValues {
    var reading = self
    for row in reading.rows {
      _ = try reading.open(row.head, row, .head)
      if let body = row.body { reading.take(try reading.open(body, row, .body), of: row) }
    }
    return ClearValues(input: reading.input, steps: reading.steps, others: reading.others)
  }

  /// `clear`: the row's body, opened.
  private mutating func take(_ clear: JSONValue, of row: SealedRow) {
    guard let step = row.step, let part = clear["input"] ?? clear["output"] else { return }
    if let sealed = part[StepSealing.member] { return steps.append((step, sealed)) }
    // Sealed where it stood, by its name alone.
    if row.type == .stepStarted, let arguments = part["arguments"] { steps.append((step, ["arguments": arguments])) }
    if let calls = part["tool_calls"]?.arrayValue {
      let byID = calls.map { ($0["id"]?.stringValue ?? "", $0["arguments"] ?? .null) }
      steps.append((step, ["calls": .object(Dictionary(byID) { $1 })]))
    }
  }

  private mutating func open(
    _ value: JSONValue, _ row: SealedRow, _ column: WalkedMember.Column
  ) throws(StoreError) -> JSONValue {
    let place = StoreSealing.Column(type: row.type, name: column, row: row.sequence)
    let prefix = "/input"
    return try value.replacingMarks { (pointer, mark) throws(StoreError) in
      let clear = try sealing.open(mark, at: place.place(pointer))
      if row.type == .taskSubmitted, column == .body, pointer.hasPrefix(prefix + "/") {
        input[ClearValues.path(ofPointer: String(pointer.dropFirst(prefix.count)))] = clear
      } else if !pointer.contains("/\(StepSealing.member)/") {
        others.append(clear)
      }
      return clear
    }
  }
}
