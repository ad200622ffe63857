import AgentCore
import AgentTestKit
import Foundation
import GRDB
import Testing

@testable import AgentPersistence

@Suite struct SchemaTests {
  @Test("The steps are numbered without gaps, and none has changed since it was released")
  func appendOnly() {
    #expect(Migrations.all.map(\.number) == Array(1...Migrations.all.count))
    let digests = Migrations.all.map { FixedDigester().digest(Array($0.statements.utf8)).prefix(16) }
    #expect(digests == Self.released)
  }

  /// A step whose digest stands here is never edited once a version with it was released: a change is a new step.
  private static let released: [Substring] = [
    "5fe8d05b5dbb51f3", "7bdf6ffe8f0e54b7", "a6e48579c7bc770f", "a823b13bc50b46b8", "f100530b0c74f844",
  ]

  @Test("The counters that nobody reads go with their step, and the sum that a start compares with them")
  func countersGo() throws {
    let queue = try DatabaseQueue()
    try queue.writeWithoutTransaction { db in
      try SchemaMigrator.migrate(db, steps: Array(Migrations.all.prefix(2)))
      try db.execute(
        sql: """
          INSERT INTO counter VALUES ('tasks', '1:0', 5), ('claimable', '1:1', 4), ('quarantined', '1', 1);
          INSERT INTO meta VALUES ('counter_sum', 10)
          """)
      try SchemaMigrator.migrate(db)
      let state = try CommitState(reading: db)
      #expect(try rows(db, "SELECT name, value FROM counter") == ["tasks 5"])
      #expect(state.counterSum == 5 && state.counters == [CounterKey(name: .tasks, label: "1:0"): 5])
    }
  }

  private func opened() throws -> DatabaseQueue {
    let queue = try DatabaseQueue()
    _ = try queue.writeWithoutTransaction { db in try SchemaMigrator.migrate(db) }
    return queue
  }

  private func rows(_ db: Database, _ query: String) throws -> [String] {
    try Row.fetchAll(db, sql: query).map { row in
      row.databaseValues.map { value in
        value.isNull ? "-" : String.fromDatabaseValue(value) ?? Int64.fromDatabaseValue(value).map(String.init) ?? "?"
      }.joined(separator: " ")
    }
  }

  private func addTask(_ db: Database, _ id: Int64, status: Int64, waitReason: Int64? = nil) throws {
    try db.execute(
      sql: """
        INSERT INTO task (id, agent, owner, status, wait_reason, priority, attempt, max_attempts, epoch, last_task_seq,
          created, timeout, input_seq) VALUES (?, 1, 1, ?, ?, 5, 2, 3, 7, 1, 0, 60000, 1)
        """, arguments: [id, status, waitReason])
  }

  private func addRow(
    _ db: Database, _ seq: Int64, task: Int64 = 1, step: Int64? = nil, type: Int64, head: String = "{}"
  ) throws {
    try db.execute(
      sql:
        """
        INSERT INTO journal (seq, task, task_seq, step, type, at, epoch, actor, head)
        VALUES (?, ?, ?, ?, ?, 5, 1, 1, ?)
        """,
      arguments: [seq, task, seq, step, type, head])
  }

  @Test("The views name every state, reason and event as the program does")
  func names() throws {
    try opened().write { db in
      for status in TaskStatus.allCases { try addTask(db, status.storedCode + 1, status: status.storedCode) }
      for reason in WaitReason.allCases {
        try addTask(db, 100 + reason.storedCode, status: TaskStatus.waiting.storedCode, waitReason: reason.storedCode)
      }
      for type in JournalEventType.allCases { try addRow(db, type.storedCode, type: type.storedCode) }
      #expect(
        try rows(db, "SELECT id, status FROM v_tasks WHERE id < 100 ORDER BY id")
          == TaskStatus.allCases.sorted { $0.storedCode < $1.storedCode }.map { "\($0.storedCode + 1) \($0.rawValue)" })
      #expect(
        try rows(db, "SELECT id - 100, wait_reason FROM v_tasks WHERE id > 100 ORDER BY id")
          == WaitReason.allCases.sorted { $0.storedCode < $1.storedCode }.map { "\($0.storedCode) \($0.rawValue)" })
      #expect(
        try rows(db, "SELECT seq, type FROM v_events ORDER BY seq")
          == JournalEventType.allCases.sorted { $0.storedCode < $1.storedCode }
          .map { "\($0.storedCode) \($0.rawValue)" })
      #expect(try rows(db, "SELECT * FROM v_tasks WHERE id = 101") == ["101 waiting approval 7 2"])
      #expect(try rows(db, "SELECT * FROM v_events WHERE seq = 12") == ["12 1 12 step.finished 5"])
    }
  }

  private static let start = #"{"kind":"tool_call","effect":"once","attempt":1,"input_hash":"in","reserved":50}"#
  private static let again = #"{"kind":"tool_call","effect":"once","attempt":2,"input_hash":"in","reserved":60}"#
  private static let end = #"{"kind":"tool_call","result_hash":"out","usage":{"cost_nanousd":7}}"#

  @Test(
    "A step stands as its rows tell, and a reservation is settled by whatever comes after it",
    arguments: [
      ([(11, start)], "1 1 tool_call once started 1 in - -", ["50 reserved"]),
      ([(11, start), (12, end)], "1 1 tool_call once finished 1 in out 7", ["50 settled"]),
      ([(11, start), (13, "{}")], "1 1 tool_call once failed 1 in - -", ["50 settled"]),
      ([(11, start), (14, "{}")], "1 1 tool_call once in_doubt 1 in - -", ["50 settled"]),
      ([(11, start), (11, again)], "1 1 tool_call once started 2 in - -", ["50 settled", "60 reserved"]),
      (
        [(11, start), (14, "{}"), (15, #"{"action":"retry"}"#)], "1 1 tool_call once in_doubt 1 in - -",
        ["50 settled"]
      ),
      (
        [(11, start), (14, "{}"), (15, #"{"action":"retry"}"#), (11, again), (12, end)],
        "1 1 tool_call once finished 2 in out 7", ["50 settled", "60 settled"]
      ),
      (
        [(11, start), (14, "{}"), (15, #"{"action":"finished","result_hash":"out"}"#)],
        "1 1 tool_call once finished 1 in out -", ["50 settled"]
      ),
      (
        [(11, start), (14, "{}"), (15, #"{"action":"fail"}"#)], "1 1 tool_call once failed 1 in - -", ["50 settled"]
      ),
    ] as [([(Int64, String)], String, [String])])
  func steps(journal: [(Int64, String)], step: String, reservations: [String]) throws {
    try opened().write { db in
      for (index, row) in journal.enumerated() {
        try addRow(db, Int64(index + 1), step: 1, type: row.0, head: row.1)
      }
      // A neighbour that says nothing about it.
      try addRow(db, 50, task: 2, step: 1, type: 12, head: Self.end)
      #expect(try rows(db, "SELECT * FROM v_steps WHERE task = 1") == [step])
      #expect(try rows(db, "SELECT amount, state FROM v_reservations ORDER BY amount") == reservations)
    }
  }

  @Test("A task that is put back settles what its open step had reserved", arguments: [3, 5, 6, 8, 9, 10] as [Int64])
  func settledByTask(type: Int64) throws {
    try opened().write { db in
      try addRow(db, 1, step: 1, type: 11, head: Self.start)
      try addRow(db, 2, type: 7)
      #expect(try rows(db, "SELECT state FROM v_reservations") == ["reserved"])
      try addRow(db, 3, type: type)
      #expect(try rows(db, "SELECT state FROM v_reservations") == ["settled"])
    }
  }

  @Test("The other views answer with what they promise")
  func otherViews() throws {
    try opened().write { db in
      try db.execute(
        sql: """
          INSERT INTO name (id, text) VALUES (1, 'local');
          INSERT INTO idempotency VALUES (1, 'key', 'hash', 9, 2, 77);
          INSERT INTO meta VALUES ('epoch', 4)
          """)
      #expect(try rows(db, "SELECT * FROM v_idempotency") == ["local key hash 9 2 77"])
      #expect(try rows(db, "SELECT epoch FROM v_meta") == ["4"])
      #expect(try rows(db, "SELECT * FROM v_audit") == [])
    }
  }

  @Test("Counters equal a count of the tasks after random writes, failed ones included, and after each start")
  func countersEqualScan() async throws {
    let fixture = try StoreFixture()
    let seed: UInt64 = 20_261_124
    let random = SeededRandom(seed: seed)
    var store = try fixture.open()
    for round in 0..<6 {
      if round == 3 { fixture.faults.withLock { $0 = [store.commitNumber + 2: 1034] } }
      let moves = (0..<40).map { _ in Int64(random.next() % 1000) }
      _ = try await store.together(moves.map { Self.randomWrite($0) })
      fixture.setFault(nil)
      let (counters, scan) = (store.counters(), try await store.read { try CounterScan.count($0) })
      #expect(counters == scan, "seed \(seed), round \(round)")
      #expect(!scan.isEmpty)
      await store.close()
      store = try fixture.open()
      #expect(store.counters() == scan, "seed \(seed), round \(round), after a start")
    }
    #expect(!fixture.logged("counters_recounted"))
    await store.close()
  }

  /// Makes a task, or moves one to another state; a third of them throw at the end.
  private static func randomWrite(_ number: Int64) -> Write {
    { context in
      let (agent, owner, status, crashes) = (number % 3, number % 2, number % 6, number % 5)
      let id = number % 60 + 1
      try count(id, by: -1, context)
      try context.db.execute(
        sql: """
          INSERT INTO task (id, agent, owner, status, priority, attempt, max_attempts, crashes, last_task_seq, created,
            timeout, input_seq) VALUES (?, ?, ?, ?, 5, 1, 3, ?, 1, 0, 60000, 1)
          ON CONFLICT (id) DO UPDATE SET status = excluded.status, crashes = excluded.crashes
          """, arguments: [id, agent, owner, status, crashes])
      try count(id, by: 1, context)
      guard number % 3 != 0 else { throw StoreError(.claimLost, "") }
      return context.drawSequence()
    }
  }

  private static func count(_ id: Int64, by delta: Int64, _ context: WriteContext) throws {
    let query = "SELECT agent, status FROM task WHERE id = ?"
    guard let row = try Row.fetchOne(context.db, sql: query, arguments: [id]) else { return }
    context.count(.tasks, "\(row[0] as Int64):\(row[1] as Int64)", by: delta)
  }
}
