import AgentCore
import Foundation
import GRDB
import Vault

extension SQLiteTaskStore {
  package func clearValues(of id: TaskID) async throws(StoreError) -> ClearValues {
    try await clearValues(of: id, onRead: {})
  }

  /// `onRead` is called between the reading of the rows and their opening: tests have something happen there.
  func clearValues(of id: TaskID, onRead: @escaping @Sendable () -> Void) async throws(StoreError) -> ClearValues {
    while true {
      let destroyed = sealing.ring.destroyedKeys
      do throws(StoreError) {
        return try await openedValues(of: id, onRead)
      } catch {
        // A rotation came to its end meanwhile: what was read is of before, what stands there now opens. Each round takes
        // another such end.
        if error.code == .keyUnknown, sealing.ring.destroyedKeys != destroyed { continue }
        if error.isUnopened, sealing.rows.isNews(error) {
          file.options.log(.error, "\(error.code.rawValue): \(error.detail)")
        }
        throw error
      }
    }
  }

  private func openedValues(
    of id: TaskID, _ onRead: @escaping @Sendable () -> Void
  ) async throws(StoreError) -> ClearValues {
    let mask = sealing.mask
    return try await file.read { [sealing] db in
      guard let row = try db.firstRow("SELECT sealed FROM task WHERE id = ?", [id.number]),
        mask.fields != nil || row[0] as Int64 != 0
      else { return .none }
      let reading = try ClearReading(of: id, db, sealing, mask)
      onRead()
      return try reading.values()
    }
  }
}

extension KeyRing {
  /// The keys that were let go of.
  fileprivate var destroyedKeys: [UInt32] { rows.filter { $0.state == .destroyed }.map(\.id) }
}

/// Opens what the rows of one task hold sealed, and finds what they hold in clear and readers hide.
struct ClearReading {
  private let sealing: StoreSealing
  private let mask: RowMask
  /// Rows may be from before there was a key.
  private let isBeforeKeys: Bool
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

  init(of id: TaskID, _ db: Database, _ sealing: StoreSealing, _ mask: RowMask) throws {
    (self.sealing, self.mask) = (sealing, mask)
    isBeforeKeys = mask.fields == nil ? false : try db.sealingGoal()?.isBeforeKeys ?? true
    // A task's limits bound its steps, and so its rows.
    rows = try db.rows(
      "SELECT seq, type, step, head, body FROM journal INDEXED BY journal_task WHERE task = ? ORDER BY seq", [id.number]
    ).compactMap { row in
      guard let type = JournalEventType(storedCode: row[1]), !type.walked.isEmpty else { return nil }
      let (head, body): (String, Data?) = (row[3], row[4])
      let isHead = mask.fields != nil || SealedMark.mayStand(in: head)
      let isBody = body.map { mask.fields != nil || SealedMark.mayStand(in: $0) } ?? false
      guard isHead || isBody else { return nil }
      return SealedRow(
        sequence: row[0], type: type, step: (row[2] as Int64?).map { Int($0) },
        head: isHead ? JSONValue(stored: head) ?? .null : .null, body: isBody ? try body.map(JournalBody.opened) : nil)
    }
  }

  consuming func values() throws(StoreError) -> ClearValues {
    var reading = self
    for row in reading.rows {
      reading.find(in: try reading.open(row.head, row, .head), row, .head)
      guard let body = row.body else { continue }
      var clear = try reading.open(body, row, .body)
      if let fields = reading.mask.fields { clear = row.type.asWrittenNow(clear, head: row.head, fields) }
      reading.find(in: clear, row, .body)
      reading.take(clear, of: row)
    }
    return ClearValues(input: reading.input, steps: reading.steps, others: reading.others)
  }

  /// `clear`: the row's body, opened.
  private mutating func take(_ clear: JSONValue, of row: SealedRow) {
    guard let step = row.step, let part = clear["input"] ?? clear["output"] else { return }
    let sealed = part[StepSealing.member]
    if let sealed { steps.append((step, sealed)) }
    // Sealed where it stood, by its name alone; of a reply's calls one may be so, and another not.
    if sealed == nil, row.type == .stepStarted, let arguments = part[StepSealing.arguments] {
      steps.append((step, .object([StepSealing.arguments: arguments])))
    }
    if part[StepSealing.toolCalls] != nil {
      let exact = sealed?[StepSealing.calls]?.objectValue ?? [:]
      let all = exact.merging(StepSealing.arguments(inReply: part)) { exact, _ in exact }
      steps.append((step, .object([StepSealing.calls: .object(all)])))
    }
  }

  private mutating func open(
    _ value: JSONValue, _ row: SealedRow, _ column: WalkedMember.Column
  ) throws(StoreError) -> JSONValue {
    let place = StoreSealing.Column(type: row.type, name: column, row: row.sequence)
    return try value.replacingMarks { (pointer, mark) throws(StoreError) in
      // What only looks like a mark is a caller's word there.
      if isBeforeKeys, sealing.keyID(of: mark) == nil { return mark.stored }
      let clear = try sealing.open(mark, at: place.place(pointer))
      note(clear, at: pointer, row, column)
      return clear
    }
  }

  /// Notes what of a column whose marks are open the mask hides. What was sealed is met a second time, which does no harm.
  private mutating func find(in clear: JSONValue, _ row: SealedRow, _ column: WalkedMember.Column) {
    guard let fields = mask.fields else { return }
    _ = row.type.replacingSensitive(in: clear, column, fields) { (pointer, value) throws(Never) in
      note(value, at: pointer, row, column)
      return value
    }
  }

  private mutating func note(
    _ clear: JSONValue, at pointer: String, _ row: SealedRow, _ column: WalkedMember.Column
  ) {
    let prefix = "/input"
    if row.type == .taskSubmitted, column == .body, pointer.hasPrefix(prefix + "/") {
      input[String(pointer.dropFirst(prefix.count))] = clear
    } else if !pointer.contains("/\(StepSealing.member)/") {
      others.append(clear)
    }
  }
}
