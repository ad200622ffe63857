import AgentCore
import Foundation
import GRDB

/// Whole tasks from their rows, on the writer's connection and on a reader's alike.
extension Database {
  /// Head and body of one row of the journal, as everybody sees them.
  func journalText(_ sequence: Int64) throws -> StoredText {
    guard let row = try firstRow("SELECT head, body FROM journal WHERE seq = ?", [sequence]),
      let head = JSONValue(shown: row[0])
    else { throw StoreError(.databaseCorrupt, "row \(sequence) of the journal is missing or cannot be read") }
    return StoredText(head: head, body: try (row[1] as Data?).map(JournalBody.shown))
  }

  /// The task as callers see it.
  func task(_ row: TaskRow, names: inout NameLookup) throws -> AgentTask {
    guard let owner = Principal(try names.text(row.owner, in: self)) else {
      throw StoreError(.databaseCorrupt, "\(row.id) has an owner that is no principal")
    }
    return AgentTask(
      row, agent: try names.text(row.agent, in: self), owner: owner, submitted: try journalText(row.inputSequence),
      ended: try row.outputSequence.map(journalText))
  }

  /// The task as callers see it.
  func task(_ row: TaskRow) throws -> AgentTask {
    var names = NameLookup()
    return try task(row, names: &names)
  }
}

/// The texts behind numbers of table `name` that one read has asked for: a page has few.
struct NameLookup {
  private var texts: [Int64: String] = [:]

  mutating func text(_ id: Int64, in db: Database) throws -> String {
    if let text = texts[id] { return text }
    let text = try db.nameText(id)
    texts[id] = text
    return text
  }
}
