import AgentCore
import AgentPersistence
import GRDB

extension BenchmarkStore {
  /// Tasks that one commit inserts: some tens of megabytes of WAL.
  private static let chunk = 50_000

  /// Copies tasks, in turn, until there are `count` of them, the given ones included: each copy with its row, its
  /// labels, its input and its output or error, but no steps. A million through the verbs would take minutes.
  func multiply(_ templates: [TaskID], to count: Int) async throws {
    let start = ContinuousClock.now
    var left = count / templates.count - 1
    while left > 0 {
      let rounds = min(left, max(1, Self.chunk / templates.count))
      try await insertCopies(of: templates, rounds: rounds)
      left -= rounds
    }
    report("\(count) tasks in \(short((ContinuousClock.now - start).microseconds / 1e6)) s")
  }

  private func insertCopies(of templates: [TaskID], rounds: Int) async throws {
    let count = rounds * templates.count
    guard let first = try store.drawTaskIDs(count: count).first else { return }
    let list = JSONValue.array(templates.map { .integer($0.number) }).text
    try await file.write(.essential) { context in
      let sequence = context.lastSequence + 1
      for _ in 0..<2 * count { _ = context.drawSequence() }
      let source = Copies(
        rounds: rounds, templates: list, count: templates.count, first: first.number, sequence: sequence)
      try source.insert(into: context.db)
      let rows = try Row.fetchAll(
        context.db,
        sql: """
          SELECT agent, status, count(*) FROM task WHERE id IN (SELECT value FROM json_each(?))
          GROUP BY agent, status
          """, arguments: [list])
      for row in rows {
        let (agent, status, number): (Int64, Int64, Int64) = (row[0], row[1], row[2])
        context.count(.tasks, "\(agent):\(status)", by: number * Int64(rounds))
      }
    }
  }

  /// The copies of one commit: number `i` of template `ord` is task `first + i * count + ord`; its two rows of the
  /// journal lie at twice that from `sequence`.
  private struct Copies {
    var rounds: Int
    var templates: String
    var count: Int
    var first: Int64
    var sequence: Int64

    private var prefix: String {
      """
      WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < \(rounds) - 1),
        t(ord, id) AS MATERIALIZED (SELECT key, value FROM json_each(?)),
        copy(template, id, seq) AS (
          SELECT t.id, \(first) + n.i * \(count) + t.ord, \(sequence) + 2 * (n.i * \(count) + t.ord)
          FROM n CROSS JOIN t)
      """
    }

    func insert(into db: Database) throws {
      let columns = try db.columns(in: "task").map(\.name)
      let values = columns.map { column in
        switch column {
        case "id": "copy.id"
        case "input_seq": "copy.seq"
        case "output_seq": "iif(task.output_seq IS NULL, NULL, copy.seq + 1)"
        default: "task.\(column)"
        }
      }
      try run(
        """
        INSERT INTO task (\(columns.joined(separator: ", ")))
        SELECT \(values.joined(separator: ", ")) FROM copy CROSS JOIN task ON task.id = copy.template
        """, db)
      for (offset, column) in [(0, "input_seq"), (1, "output_seq")] {
        try run(
          """
          INSERT INTO journal (seq, task, task_seq, step, type, at, epoch, actor, head, body)
          SELECT copy.seq + \(offset), copy.id, task_seq, step, type, at, journal.epoch, actor, head, body
          FROM copy CROSS JOIN task ON task.id = copy.template CROSS JOIN journal ON journal.seq = task.\(column)
          """, db)
      }
      try run(
        """
        INSERT INTO label (name, value, task)
        SELECT name, value, copy.id FROM copy CROSS JOIN label ON label.task = copy.template
        """, db)
    }

    private func run(_ statement: String, _ db: Database) throws {
      try db.execute(sql: prefix + " " + statement, arguments: [templates])
    }
  }
}
