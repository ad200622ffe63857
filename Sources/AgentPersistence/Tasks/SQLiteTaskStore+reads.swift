import AgentCore
import Foundation
import GRDB

extension SQLiteTaskStore {
  package func task(_ id: TaskID) async throws(StoreError) -> AgentTask? {
    let mask = sealing.mask
    return try await file.read { db in
      let row = try db.firstRow("SELECT \(TaskRow.columns) FROM task WHERE id = ?", [id.number])
      return try row.map { try db.task(TaskRow($0), mask) }
    }
  }

  package func existing(among ids: [TaskID]) async throws(StoreError) -> Set<TaskID> {
    try await file.read { db in
      try Set(ids.filter { try db.firstInteger("SELECT 1 FROM task WHERE id = ?", [$0.number]) != nil })
    }
  }

  package func journal(of id: TaskID) async throws(StoreError) -> [JournalEntry] {
    let mask = sealing.mask
    return try await file.read { db in
      var names = NameLookup()
      // A task's limits bound its steps, and so its rows.
      return try db.rows(
        "SELECT \(JournalEntry.columns) FROM journal INDEXED BY journal_task WHERE task = ? ORDER BY seq", [id.number]
      ).map { row in try JournalEntry(row, mask: mask) { try names.text($0, in: db) } }
    }
  }

  package func shownJournal(of id: TaskID) async throws(StoreError) -> [JournalEntry] {
    let mask = sealing.mask
    let (entries, unreadable) = try await file.read { db in
      var (names, unreadable) = (NameLookup(), [Int64]())
      let entries = try db.rows(
        "SELECT \(JournalEntry.columns) FROM journal INDEXED BY journal_task WHERE task = ? ORDER BY seq", [id.number]
      ).map { row in try JournalEntry(row, mask: mask, noting: &unreadable) { try names.text($0, in: db) } }
      return (entries, unreadable)
    }
    tell(unreadable)
    return entries
  }

  /// One ERROR for each such row in a life of the process.
  func tell(_ unreadable: [Int64]) {
    for row in unreadable {
      let isNews = told.withLock { $0.count < Self.toldRows && $0.insert(row).inserted }
      guard isNews else { continue }
      file.options.log(
        .error, "database_corrupt: row \(row) of the journal cannot be read: it is shown without what it holds")
    }
  }

  package func events(
    after sequence: Int64, of task: TaskID?, limit: Int
  ) async throws(StoreError) -> (page: EventPage, status: TaskStatus?) {
    let mask = sealing.mask
    let (page, status, unreadable) = try await file.read { [pageBytes] db in
      var status: TaskStatus?
      if let task, let code = try db.firstInteger("SELECT status FROM task WHERE id = ?", [task.number]) {
        status = TaskStatus(storedCode: code)
      }
      var unreadable: [Int64] = []
      var page = try Self.eventPage(after: sequence, of: task, limit: max(1, limit), pageBytes, mask, &unreadable, db)
      page.highestDeleted = try db.metaNumber("highest_seq_deleted")
      return (page, status, unreadable)
    }
    tell(unreadable)
    return (page, status)
  }

  private static func eventPage(
    after sequence: Int64, of task: TaskID?, limit: Int, _ pageBytes: Int64, _ mask: RowMask,
    _ unreadable: inout [Int64], _ db: Database
  ) throws -> EventPage {
    let rows: RowCursor
    if let task {
      rows = try Row.fetchCursor(
        try db.cachedStatement(
          sql: """
            SELECT \(JournalEntry.columns) FROM journal INDEXED BY journal_task
            WHERE task = ? AND seq > ? ORDER BY seq LIMIT ?
            """), arguments: [task.number, sequence, limit])
    } else {
      rows = try Row.fetchCursor(
        try db.cachedStatement(
          sql: "SELECT \(JournalEntry.columns) FROM journal WHERE seq > ? ORDER BY seq LIMIT ?"),
        arguments: [sequence, limit])
    }
    var names = NameLookup()
    var entries: [JournalEntry] = []
    var bytes: Int64 = 0
    while bytes < pageBytes, let row = try rows.next() {
      bytes += Int64((row[8] as Data?)?.count ?? 0)
      entries.append(try JournalEntry(row, mask: mask, noting: &unreadable) { try names.text($0, in: db) })
    }
    if let last = entries.last, entries.count == limit || bytes >= pageBytes {
      return EventPage(entries: entries, lookedUpTo: last.sequence, hasMore: true)
    }
    // All that the snapshot has was looked at. Its newest number, not its newest row: that one may be deleted.
    return EventPage(entries: entries, lookedUpTo: max(sequence, try newestSequence(db)))
  }

  package func eventBounds() async throws(StoreError) -> (newest: Int64, highestDeleted: Int64) {
    try await file.read { db in (try Self.newestSequence(db), try db.metaNumber("highest_seq_deleted")) }
  }

  /// The last number that a commit of this snapshot has given.
  private static func newestSequence(_ db: Database) throws -> Int64 { max(0, try db.metaNumber("next_seq") - 1) }
}
