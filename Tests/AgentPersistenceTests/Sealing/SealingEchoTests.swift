import AgentCore
import AgentTestKit
import GRDB
import Testing

@testable import AgentPersistence

@Suite("What was said of a value before it was sealed")
struct SealingEchoTests {
  /// Rows of task 1 that say its values once more, in every place that has words.
  private static func addEchoes(_ fixture: StoreFixture, of word: String) throws {
    let text: JSONValue = .string("echo \(word)")
    let rows: [(Int, Int?, JSONValue, JSONValue?)] = [
      (
        11, 2, ["kind": "tool_call", "name": "file.read", "effect": "pure", "attempt": 1],
        ["input": ["call_id": "d", "arguments": ["path": text]]]
      ),
      (
        12, 2, ["kind": "tool_call", "name": "file.read", "effect": "pure", "attempt": 1],
        ["output": ["text": text, "files": [["path": text, "size": 1]]]]
      ),
      (
        13, 3,
        ["kind": "tool_call", "name": "x", "effect": "pure", "attempt": 1, "error": ["code": "c", "detail": text]], nil
      ),
      (
        12, 4, ["kind": "model_call", "name": "p", "effect": "pure", "attempt": 1],
        ["output": ["text": text, "tool_calls": []]]
      ),
      (15, 5, ["action": "finished"], ["output": ["text": text]]),
      (9, nil, ["error": ["code": "c", "detail": text]], nil),
      (8, nil, [:], ["output": ["text": text, "json": ["a": text], "files": []]]),
    ]
    let queue = try DatabaseQueue(path: fixture.database)
    try queue.write { db in
      for (index, (type, step, head, body)) in rows.enumerated() {
        try db.execute(
          sql: """
            INSERT INTO journal (seq, task, task_seq, step, type, at, epoch, actor, head, body)
            VALUES (?, 1, ?, ?, ?, 1, 1, 1, ?, ?)
            """,
          arguments: [9 + index, 5 + index, step, type, head.text, try body.map { try JSONColumn.encode($0) }])
      }
      try db.execute(sql: "UPDATE meta SET value = 16 WHERE name = 'next_seq'")
      try db.execute(sql: "UPDATE task SET last_task_seq = 11 WHERE id = 1")
    }
    try queue.close()
  }

  @Test("is hidden by the first sealing, wherever it stands, and what a caller wrote stays")
  func first() async throws {
    let fixture = try OldDatabase.fixture(tasks: 2)
    try Self.addEchoes(fixture, of: "planted-1-input")
    let bench = try await SealingBench(fixture, TestKeys())
    await bench.pass { $0.rows = 3 }.run()
    #expect(try await bench.goal()?.isFinished == true)
    #expect(try await bench.clear(1).revealArguments(ofStep: 2) == ["path": "echo planted-1-input"])
    let shown = try await bench.store.journal(of: TaskID(number: 1)).map { $0.head.text + ($0.body?.text ?? "") }
    #expect(shown.suffix(7).allSatisfy { $0.contains("echo [sealed]") }, "\(shown)")
    #expect(try await bench.traces(of: "planted-") == 0)
  }

  @Test("is hidden once the list names the value") func longer() async throws {
    let fixture = try OldDatabase.fixture(tasks: 2)
    try Self.addEchoes(fixture, of: "pinned-1")
    var bench = try await SealingBench(fixture, TestKeys())
    let keys = bench.keys
    await bench.pass().run()
    await bench.file.close()
    bench = try await SealingBench(fixture, keys, fields: SensitiveFields(["api_key", "password", "token", "pin"]))
    await bench.pass().run()
    #expect(try await bench.goal()?.kind == .list)
    #expect(try await bench.traces(of: "echo pinned-") == 0)
  }
}
