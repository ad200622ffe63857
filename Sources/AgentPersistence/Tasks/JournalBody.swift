import AgentCore
import Foundation
import GRDB

/// The one place where bodies of the journal pass between JSON and the column.
enum JournalBody {
  /// The bytes for the column. What is sealed in the value is a mark by then. Throws `json_too_deep`.
  static func stored(_ value: JSONValue) throws(StoreError) -> DatabaseValue {
    try checkDepth(of: value)
    return JSONColumn.encode(value).databaseValue
  }

  /// Throws `json_too_deep` for what no reader would take any more.
  static func checkDepth(of value: JSONValue) throws(StoreError) {
    guard value.isDeeper(than: JSONValue.maximumStoredDepth) else { return }
    throw StoreError(
      .jsonTooDeep,
      "what is to be stored is nested deeper than \(JSONValue.maximumStoredDepth), and could not be read back")
  }

  /// Reads what `stored` wrote, marks of sealed values as they are stored.
  static func opened(_ bytes: Data) throws(StoreError) -> JSONValue {
    do {
      return try JSONColumn.decode(bytes)
    } catch {
      if error == .contentInvalid, let mended = mended(bytes) { return mended }
      throw StoreError(.databaseCorrupt, "a stored body cannot be read: \(error.rawValue)")
    }
  }

  /// A sealed value whose text is damaged must not take the rest of its row with it: emptied, it does not open, and all
  /// else can be read.
  private static func mended(_ bytes: Data) -> JSONValue? {
    let (start, end) = (Data("\"\(SealedMember.key)\":\"".utf8), Data("\"}".utf8))
    var rest = bytes[...]
    var mended = Data()
    while let found = rest.range(of: start), let close = rest[found.upperBound...].range(of: end) {
      mended += rest[..<found.upperBound]
      let text = rest[found.upperBound..<close.lowerBound]
      if text.allSatisfy({ $0 != 0x22 && $0 != 0x5C && (0x20..<0x7F).contains($0) }) { mended += text }
      rest = rest[close.lowerBound...]
    }
    mended += rest
    return try? JSONColumn.decode(mended)  // Damaged elsewhere: the caller says so.
  }
}

extension JournalEntry {
  /// The columns that `init(_:mask:name:)` reads, in its order.
  static let columns = "seq, task, task_seq, step, type, at, actor, head, body"

  /// Reads a row selected with `columns`, as everybody sees it; `name` gives the text behind a number of table `name`.
  init(_ row: Row, mask: RowMask, name: (Int64) throws -> String) throws {
    let sequence: Int64 = row[0]
    guard let type = JournalEventType(storedCode: row[4]), let text = try mask.shown(type, head: row[7], body: row[8])
    else { throw Self.unreadable(sequence) }
    try self.init(row, type, text, name: name)
  }

  /// The same for a page that is only looked at: what cannot be read of head and body is left out, and the row noted.
  init(
    _ row: Row, mask: RowMask, noting unreadable: inout [Int64], name: (Int64) throws -> String
  ) throws {
    guard let type = JournalEventType(storedCode: row[4]) else { throw Self.unreadable(row[0]) }
    let (text, isWhole) = mask.readable(type, head: row[7], body: row[8])
    if !isWhole { unreadable.append(row[0]) }
    try self.init(row, type, text, name: name)
  }

  private init(_ row: Row, _ type: JournalEventType, _ text: StoredText, name: (Int64) throws -> String) throws {
    guard let actor = Principal(try name(row[6])) else { throw Self.unreadable(row[0]) }
    self.init(
      sequence: row[0], task: TaskID(number: row[1]), taskSequence: row[2], step: (row[3] as Int64?).map { Int($0) },
      type: type, at: Timestamp(milliseconds: row[5]), actor: actor, head: text.head, body: text.body)
  }

  private static func unreadable(_ sequence: Int64) -> StoreError {
    StoreError(.databaseCorrupt, "row \(sequence) of the journal cannot be read")
  }
}

extension JSONValue {
  /// Reads JSON text that this store wrote; nil for anything else.
  init?(stored text: String) {
    // Our own text does not fail to parse unless the file is damaged, and then the caller says which row it was.
    guard let value = try? JSONValue(stored: text.utf8) else { return nil }
    self = value
  }
}
