import AgentCore
import Foundation
import GRDB

@testable import AgentPersistence

/// A database as the last version without keys left it: schema 4, made by its own migrations.
enum OldDatabase {
  /// Finished tasks `1...tasks`, each with a secret of its own in five places: `planted-N-…`.
  static func make(at path: String, tasks: Int) throws {
    let queue = try DatabaseQueue(path: path)
    try queue.writeWithoutTransaction { db in
      try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL")
      try SchemaMigrator.migrate(db, steps: Array(Migrations.all.prefix(4)))
      try db.inTransaction {
        try db.execute(
          sql: """
            INSERT INTO name VALUES (1, 'local'), (2, 'coder'), (3, 'system');
            INSERT INTO counter VALUES ('tasks', '2:3', ?);
            """, arguments: [tasks])
        for (name, value) in [
          ("commit_number", 5), ("next_seq", Int64(tasks * 4 + 1)), ("next_task", Int64(tasks + 1)),
          ("installation", 7), ("counter_sum", Int64(tasks)), ("epoch", 1),
        ] as [(String, Int64)] {
          try db.execute(sql: "INSERT INTO meta VALUES (?, ?)", arguments: [name, value])
        }
        for task in 1...tasks { try add(Int64(task), db) }
        return .commit
      }
    }
    try queue.close()
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
  }

  private static func add(_ id: Int64, _ db: Database) throws {
    let first = (id - 1) * 4 + 1
    try db.execute(
      sql: """
        INSERT INTO task (id, agent, owner, status, priority, attempt, max_attempts, last_task_seq, created, timeout,
          input_seq, output_seq, last_step, finished) VALUES (?, 2, 1, 3, 5, 1, 3, 4, 1, 60, ?, ?, 1, 9)
        """, arguments: [id, first, first + 3])
    try db.execute(sql: "INSERT INTO label VALUES ('token', ?, ?)", arguments: ["planted-\(id)-label", id])
    let rows: [(Int64, JSONValue, JSONValue)] = [
      (
        1, ["agent": "coder", "labels": ["token": .string("planted-\(id)-label")]],
        [
          "input": ["prompt": .string(filler(id)), "api_key": .string("planted-\(id)-input")],
          "metadata": ["password": .string("planted-\(id)-metadata")],
        ]
      ),
      (
        11, ["kind": "tool_call", "name": "http.request", "effect": "once", "attempt": 1],
        [
          "input": [
            "call_id": "c",
            "arguments": [
              "token": .string("planted-\(id)-argument"), "body": .string(#"{"n":1e2,"pin":"pinned-\#(id)"}"#),
            ],
          ]
        ]
      ),
      (
        12, ["kind": "model_call", "name": "p", "effect": "pure", "attempt": 1],
        ["output": ["tool_calls": [["id": "c", "name": "t", "arguments": ["token": .string("planted-\(id)-call")]]]]]
      ),
      (8, [:], ["output": ["text": "done", "files": []]]),
    ]
    for (index, (type, head, body)) in rows.enumerated() {
      try db.execute(
        sql: """
          INSERT INTO journal (seq, task, task_seq, step, type, at, epoch, actor, head, body)
          VALUES (?, ?, ?, ?, ?, 1, 1, 1, ?, ?)
          """,
        arguments: [
          first + Int64(index), id, index + 1, index == 1 || index == 2 ? 1 : nil, type, head.text,
          JSONColumn.encode(body),
        ])
    }
  }

  /// Of very different lengths, so that rows share pages and fill others.
  private static func filler(_ id: Int64) -> String { String(repeating: "words and ", count: Int(id * 37 % 900)) }
}
