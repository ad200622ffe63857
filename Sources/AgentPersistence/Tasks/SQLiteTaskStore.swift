import AgentCore
import GRDB
import Synchronization

/// The durable queue and journal on SQLite: each verb is one closure of the store file's writer, each read one
/// snapshot of a reader. The aspects are in files of their own; what all of them share is here.
package final class SQLiteTaskStore: TaskStore {
  let file: StoreFile
  let clock: any WallClock
  let digester: any Digester
  let sealing: StoreSealing
  let names = NameCache()
  /// Whose turn it is, per agent. Lost at a restart, and then everybody's turn begins anew.
  let turns = Mutex(ClaimTurns())
  /// Definitions by digest, so that a claim does not parse the same text again.
  let definitions = Mutex<[String: AgentDefinition]>([:])
  /// Service time, in milliseconds, when a commit was last made only to keep it.
  let serviceTimeKept = Mutex<Int64>(0)

  /// Rows that could not be read, and were told of.
  let told = Mutex<Set<Int64>>([])
  /// A file with more of them is damaged beyond single rows.
  static let toldRows = 1000

  /// Bytes of bodies that one page of a list or of events may hold; it ends early where it would hold more.
  let pageBytes: Int64

  /// Sixteen of the largest inputs: what one answer may cost in memory.
  package static let defaultPageBytes: Int64 = 16 << 20

  /// Takes over an opened file, whose rows it seals with `sealing`, and reads the names that its counters refer to.
  package init(
    file: StoreFile, clock: any WallClock, digester: any Digester, sealing: StoreSealing,
    pageBytes: Int64 = defaultPageBytes
  ) async throws(StoreError) {
    (self.file, self.clock, self.digester, self.pageBytes) = (file, clock, digester, pageBytes)
    self.sealing = sealing
    file.seal(with: sealing)
    let (stored, goal, holdsClear) = try await file.read { db in
      let names = try db.rows("SELECT id, text FROM name").map { (id: $0[0] as Int64, text: $0[1] as String) }
      return (names, try db.sealingGoal(), try db.holdsClearValues())
    }
    sealing.noteStart(goal, isEmpty: file.lastSequence == 0, holdsClear: holdsClear)
    for name in stored { names.remember(name.id, name.text) }
    for key in file.counters().keys where key.name == .tasks {
      if let agent = key.label.split(separator: ":").first.flatMap({ Int64($0) }) { names.rememberAgent(agent) }
    }
  }

  package func drawTaskIDs(count: Int) throws(StoreError) -> [TaskID] { try file.drawTaskIDs(count: count) }

  package func counts() -> TaskCounts {
    var counts = TaskCounts()
    for (key, value) in file.counters() where key.name == .tasks && value != 0 {
      let parts = key.label.split(separator: ":")
      guard parts.count == 2, let agent = Int64(parts[0]), let code = Int64(parts[1]),
        let status = TaskStatus(storedCode: code)
      else { continue }
      counts.byStatus[status, default: 0] += value
      if let name = names[agent] { counts.byAgent[AgentID(name), default: [:]][status, default: 0] += value }
    }
    return counts
  }

  /// One verb of a caller on one task: its row is read, changed by `change`, written back, and shown.
  func change(
    _ id: TaskID, by principal: Principal, marking cell: FaultPoint.Cell? = nil, lane: WriteLane = .caller,
    _ change: @escaping @Sendable (WriteContext, inout TaskRow, Actor) throws -> Void
  ) async throws(StoreError) -> AgentTask {
    try await file.write(lane) { [names] context in
      var row = try context.existingTask(id)
      let actor = try Actor(principal, in: context, names)
      try change(context, &row, actor)
      if let cell { context.mark(cell) }
      try context.save(row)
      return try context.task(row)
    }
  }
}
