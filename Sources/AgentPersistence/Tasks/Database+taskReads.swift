import AgentCore
import Foundation
import GRDB

/// Whole tasks from their rows, on the writer's connection and on a reader's alike.
extension Database {
  /// Head and body of one row of the journal, as everybody sees them.
  func journalText(_ sequence: Int64, _ mask: RowMask) throws -> StoredText {
    guard let row = try firstRow("SELECT type, head, body FROM journal WHERE seq = ?", [sequence]),
      let type = JournalEventType(storedCode: row[0]), let text = try mask.shown(type, head: row[1], body: row[2])
    else { throw StoreError(.databaseCorrupt, "row \(sequence) of the journal is missing or cannot be read") }
    return text
  }

  /// The same for a page: what cannot be read is left out, and the row noted.
  private func journalText(_ sequence: Int64, _ mask: RowMask, noting unreadable: inout [Int64]) throws -> StoredText {
    guard let row = try firstRow("SELECT type, head, body FROM journal WHERE seq = ?", [sequence]),
      let type = JournalEventType(storedCode: row[0])
    else { return try journalText(sequence, mask) }
    let (text, isWhole) = mask.readable(type, head: row[1], body: row[2])
    if !isWhole { unreadable.append(sequence) }
    return text
  }

  /// The task as a page of tasks shows it.
  func task(
    _ row: TaskRow, _ mask: RowMask, names: inout NameLookup, noting unreadable: inout [Int64]
  ) throws -> AgentTask {
    let submitted = try journalText(row.inputSequence, mask, noting: &unreadable)
    let ended = try row.outputSequence.map { try journalText($0, mask, noting: &unreadable) }
    return try task(row, names: &names, submitted, ended)
  }

  /// The task as callers see it.
  func task(_ row: TaskRow, _ mask: RowMask) throws -> AgentTask {
    var names = NameLookup()
    let submitted = try journalText(row.inputSequence, mask)
    return try task(row, names: &names, submitted, try row.outputSequence.map { try journalText($0, mask) })
  }

  private func task(
    _ row: TaskRow, names: inout NameLookup, _ submitted: StoredText, _ ended: StoredText?
  ) throws -> AgentTask {
    guard let owner = Principal(try names.text(row.owner, in: self)) else {
      throw StoreError(.databaseCorrupt, "\(row.id) has an owner that is no principal")
    }
    return AgentTask(
      row, agent: try names.text(row.agent, in: self), owner: owner, submitted: submitted, ended: ended)
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
