import AgentCore
import GRDB

/// What one pass over the journal is to reach, and how far it is: the row of table `sealing_pass`.
struct SealingGoal: Sendable, Hashable {
  enum Kind: String, Sendable {
    /// Rows from before there was a key.
    case first
    /// Rows from before the list had a name that it has now.
    case list
    /// Values of an older key alone.
    case key
  }

  var kind: Kind
  /// Seals the same as the policy did when the pass began.
  var fields: SensitiveFields
  /// What all values are sealed with at its end.
  var key: UInt32
  var cursor: Int64 = 0
  var last: Int64
  var unopened: Int64 = 0
  var isFinished = false

  /// There may be rows from before there was a key.
  var isBeforeKeys: Bool { kind == .first && !isFinished }

  /// Rows that hold no sealed value have to be looked at too.
  var readsAll: Bool { kind != .key }
}

extension Database {
  func sealingGoal() throws -> SealingGoal? {
    guard
      let row = try firstRow(
        "SELECT kind, fields, key, cursor, last, unopened, finished IS NOT NULL FROM sealing_pass WHERE id = 1")
    else { return nil }
    let (kind, fields, key): (String, String, Int64) = (row[0], row[1], row[2])
    guard let kind = SealingGoal.Kind(rawValue: kind), let number = UInt32(exactly: key),
      let names = JSONValue(stored: fields)?.arrayValue?.compactMap(\.stringValue)
    else { throw StoreError(.databaseCorrupt, "the row of sealing_pass cannot be read") }
    return SealingGoal(
      kind: kind, fields: SensitiveFields(names), key: number, cursor: row[3], last: row[4], unopened: row[5],
      isFinished: row[6] as Int64 != 0)
  }

  /// The goal that the list and the key in use ask for; nil while all of the journal is as they want it. `last`: the
  /// newest row that there is.
  func dueSealing(fields: SensitiveFields, key: UInt32, last: Int64) throws -> SealingGoal? {
    // The table is ahead of the process between the commit of a rotation and the moment it takes effect.
    guard try activeFieldKey() ?? key == key else { return nil }
    guard let known = try sealingGoal() else {
      return SealingGoal(kind: .first, fields: fields, key: key, last: last)
    }
    if known.key == key, known.fields.canonical == fields.canonical { return known.isFinished ? nil : known }
    let isCovered = known.fields.covers(fields)
    // A shorter list asks for nothing.
    if known.isFinished, isCovered, known.key == key { return nil }
    // A pass that was not finished has to be made whole by its successor.
    let kind: SealingGoal.Kind =
      if !known.isFinished, known.kind != .key { known.kind } else { isCovered ? .key : .list }
    return SealingGoal(kind: kind, fields: fields, key: key, last: last)
  }

  /// Whether values stay in clear that the list names, so that readers have to hide them.
  func holdsClearValues() throws -> Bool { try metaNumber(WriteContext.clearValues) > 0 }

  /// Nil where there is no ring.
  func activeFieldKey() throws -> UInt32? {
    try firstInteger("SELECT id FROM key_ring WHERE purpose = 'field' AND state = 'active'").flatMap {
      UInt32(exactly: $0)
    }
  }
}

extension WriteContext {
  func begin(_ goal: SealingGoal) throws {
    try db.run(
      """
      INSERT INTO sealing_pass (id, fields, key, kind, cursor, last, unopened, started, finished)
      VALUES (1, ?, ?, ?, ?, ?, 0, ?, NULL)
      ON CONFLICT (id) DO UPDATE SET fields = excluded.fields, key = excluded.key, kind = excluded.kind,
        cursor = excluded.cursor, last = excluded.last, unopened = 0, started = excluded.started, finished = NULL
      """,
      [
        JSONValue.array(goal.fields.canonical.map(JSONValue.string)).text, Int64(goal.key), goal.kind.rawValue,
        goal.cursor, goal.last, now.milliseconds,
      ])
    // It looks at those again.
    if goal.readsAll, try db.metaNumber(Self.clearValues) != 0 { try db.setMetaNumber(Self.clearValues, to: 0) }
  }

  func moveSealing(to cursor: Int64, unopened: Int, inClear: Int = 0) throws {
    try db.run("UPDATE sealing_pass SET cursor = ?, unopened = unopened + ? WHERE id = 1", [cursor, unopened])
    guard inClear > 0 else { return }
    try db.setMetaNumber(Self.clearValues, to: try db.metaNumber(Self.clearValues) + Int64(inClear))
  }

  /// The number of table `meta` that counts values which stay in clear: too large for one seal.
  fileprivate static let clearValues = "values_in_clear"

  func finishSealing() throws {
    try db.run("UPDATE sealing_pass SET finished = ? WHERE id = 1", [now.milliseconds])
  }

  /// Of the names that rows are sealed by, only `fields` count from now on. A shorter list unseals nothing; what is written
  /// under it is not sealed as before, so a longer one to come has to look at it again. Goes with the first row that is
  /// written so: a process that dies right after it has told of it.
  func narrowSealing(to fields: SensitiveFields) throws {
    guard let known = try db.sealingGoal() else { return }
    let names = known.fields.narrowed(to: fields).canonical
    guard names != known.fields.canonical else { return }
    try db.run(
      "UPDATE sealing_pass SET fields = ? WHERE id = 1", [JSONValue.array(names.map(JSONValue.string)).text])
  }
}
