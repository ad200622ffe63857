import AgentCore
import Foundation
import GRDB

/// The one place where bodies of the journal pass between JSON and the column.
enum JournalBody {
  /// The bytes for a column of sealed JSON.
  static func sealed(_ value: JSONValue) -> DatabaseValue { SealedColumn.encode(value).databaseValue }

  /// Reads what `sealed` wrote.
  static func opened(_ bytes: Data) throws(StoreError) -> JSONValue {
    do {
      return try SealedColumn.decode(bytes)
    } catch {
      throw StoreError(.databaseCorrupt, "a stored body cannot be read: \(error.rawValue)")
    }
  }
}

extension JournalEntry {
  /// The columns that `init(_:name:)` reads, in its order.
  static let columns = "seq, task, task_seq, step, type, at, actor, head, body"

  /// Reads a row selected with `columns`; `name` gives the text behind a number of table `name`.
  init(_ row: Row, name: (Int64) throws -> String) throws {
    let sequence: Int64 = row[0]
    guard let type = JournalEventType(storedCode: row[4]), let actor = Principal(try name(row[6])),
      let head = JSONValue(stored: row[7])
    else { throw StoreError(.databaseCorrupt, "row \(sequence) of the journal cannot be read") }
    self.init(
      sequence: sequence, task: TaskID(number: row[1]), taskSequence: row[2], step: (row[3] as Int64?).map { Int($0) },
      type: type, at: Timestamp(milliseconds: row[5]), actor: actor, head: head,
      body: try (row[8] as Data?).map(JournalBody.opened))
  }
}

extension JSONValue {
  /// Reads JSON text that this store wrote; nil for anything else.
  init?(stored text: String) {
    // Our own text does not fail to parse unless the file is damaged, and then the caller says which row it was.
    guard let value = try? JSONValue(parsing: text) else { return nil }
    self = value
  }
}
