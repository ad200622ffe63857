import AgentTestKit
import Foundation

/// What stands in a database file, read by a process of its own through the views made for it.
struct StoreWitness: Sendable {
  struct TaskLine: Sendable {
    var id: Int
    var status: String
    var waitReason: String
    var epoch: Int
    var attempt: Int
  }
  struct StepLine: Sendable {
    var task: Int
    var step: Int
    var kind: String
    var effect: String
    var status: String
    var attempt: Int
    var resultHash: String
  }
  struct EventLine: Sendable, Hashable {
    var sequence: Int
    var task: Int
    var taskSequence: Int
    var type: String
  }

  struct Failed: Error, CustomStringConvertible {
    var description: String
  }

  var tasks: [TaskLine] = []
  var steps: [StepLine] = []
  var events: [EventLine] = []
  var keyTasks: [(key: String, task: Int, count: Int)] = []
  var epoch = 0
  var integrity: [String] = []
  var foreignKeyRows = 0

  var lastSequence: Int { events.last?.sequence ?? 0 }

  /// `isCopy`: nobody else's, so that it may be opened for writing, as a database whose log is gone must be.
  init(path: String, isCopy: Bool = false) throws {
    let output = try Self.run(
      isCopy ? [path] : ["-readonly", path],
      """
      .timeout 20000
      .mode list
      BEGIN;
      SELECT 't', id, status, wait_reason, epoch, attempt FROM v_tasks;
      SELECT 's', task, step, kind, effect, status, attempt, result_hash FROM v_steps;
      SELECT 'e', seq, task, task_seq, type FROM v_events ORDER BY seq;
      SELECT 'k', key, task, count FROM v_idempotency;
      SELECT 'm', epoch FROM v_meta;
      COMMIT;
      SELECT 'i', integrity_check FROM pragma_integrity_check;
      SELECT 'f', count(*) FROM pragma_foreign_key_check;
      """)
    // Foundation's own splitting: a collection's is not optimised in a test's build, and these are many lines.
    for line in output.components(separatedBy: "\n") { take(line.components(separatedBy: "|")) }
    guard epoch > 0, !integrity.isEmpty else { throw Failed(description: "the database at \(path) cannot be read") }
  }

  private mutating func take(_ fields: [String]) {
    func text(_ index: Int) -> String { index < fields.count ? fields[index] : "" }
    func number(_ index: Int) -> Int { Int(text(index)) ?? 0 }
    switch text(0) {
    case "t":
      tasks.append(
        TaskLine(id: number(1), status: text(2), waitReason: text(3), epoch: number(4), attempt: number(5)))
    case "s":
      steps.append(
        StepLine(
          task: number(1), step: number(2), kind: text(3), effect: text(4), status: text(5), attempt: number(6),
          resultHash: text(7)))
    case "e":
      events.append(EventLine(sequence: number(1), task: number(2), taskSequence: number(3), type: text(4)))
    case "k": keyTasks.append((text(1), number(2), number(3)))
    case "m": epoch = number(1)
    case "i": integrity.append(text(1))
    case "f": foreignKeyRows = number(1)
    default: break
    }
  }

  /// Of a dead process's files, on a copy: reading them in place would recover the log in the product's stead.
  static func ofTheDead(data: String, scratch: String) throws -> StoreWitness {
    try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
    for name in ["agent.db", "agent.db-wal"] {
      // Absent before the first copy, and the log may be absent at all.
      try? FileManager.default.removeItem(atPath: scratch + "/" + name)
      if FileManager.default.fileExists(atPath: data + "/" + name) {
        try FileManager.default.copyItem(atPath: data + "/" + name, toPath: scratch + "/" + name)
      }
    }
    // Left by a reader that died; the next copy must not meet it.
    defer { try? FileManager.default.removeItem(atPath: scratch + "/agent.db-shm") }
    return try StoreWitness(path: scratch + "/agent.db", isCopy: true)
  }

  private static func run(_ database: [String], _ commands: String) throws -> String {
    let process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["sqlite3", "-batch"] + database
    let (input, output) = (Pipe(), Pipe())
    (process.standardInput, process.standardOutput) = (input, output)
    try process.run()
    input.fileHandleForWriting.write(Data(commands.utf8))
    try input.fileHandleForWriting.close()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failed(description: "sqlite3 ended with an error") }
    return String(decoding: bytes, as: UTF8.self)
  }
}
