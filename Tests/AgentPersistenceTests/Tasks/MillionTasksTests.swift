import AgentCore
import AgentTestKit
import Foundation
import GRDB
import Testing

@testable import AgentPersistence

/// A queue as long as it gets: the drill makes it a million tasks for each of the two, otherwise 20,000.
@Suite struct MillionTasksTests {
  static let count: Int64 = Drill.isOn ? 1_000_000 : 20_000

  @Test("one owner's million pending tasks and a disabled agent's million hold up nobody else's one")
  func fairness() async throws {
    let bench = try await TaskStoreBench()
    let disabled = AgentDefinition(id: "resting", instructions: "", tools: [])
    let template = try await bench.submit(by: .uid(1))[0]
    let resting = try await bench.submit(agent: disabled.id, by: .uid(1))[0]
    _ = try await bench.store.setDisabled(true, agent: disabled.id, by: .local)
    for id in [template, resting] { try await Self.multiply(id, in: bench) }
    #expect(bench.store.counts().byAgent[disabled.id]?[.pending] == Self.count)

    let lone = try await bench.submitBeyondQueue(by: .uid(2))
    let first = try await bench.timedClaim(agents: [TaskStoreBench.agent, disabled])
    let second = try await bench.timedClaim(agents: [TaskStoreBench.agent, disabled])
    // Owners take turns: the lone task is the first or the second one claimed, whoever's turn it was.
    #expect([first.id, second.id].contains(lone))
    #expect(![first.id, second.id].contains(resting))

    let quiet = try await TaskStoreBench()
    _ = try await quiet.submit(2, by: .uid(2))
    _ = try await quiet.timedClaim(agents: [TaskStoreBench.agent])
    let alone = try await quiet.timedClaim(agents: [TaskStoreBench.agent])
    print("claim beside \(2 * Self.count) pending: \(second.time), alone: \(alone.time)")
  }

  /// Copies a pending task's row until there are `count` of it; all share its journal row.
  private static func multiply(_ id: TaskID, in bench: TaskStoreBench) async throws {
    let ids = try bench.store.drawTaskIDs(count: Int(count) - 1)
    guard let first = ids.first else { return }
    try await bench.file.write(.essential) { context in
      let columns = try context.db.columns(in: "task").map(\.name).filter { $0 != "id" }.joined(separator: ", ")
      try context.db.execute(
        sql: """
          WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ? - 2)
          INSERT INTO task (id, \(columns)) SELECT ? + n.i, \(columns) FROM n, task WHERE task.id = ?
          """, arguments: [count, first.number, id.number])
      let row = try Row.fetchOne(context.db, sql: "SELECT agent FROM task WHERE id = ?", arguments: [id.number])
      guard let row else { return }
      context.count(.tasks, "\(row[0] as Int64):0", by: count - 1)
    }
  }
}

extension TaskStoreBench {
  /// Not `submit`: its queue is full at the million that is there already.
  fileprivate func submitBeyondQueue(by owner: Principal) async throws -> TaskID {
    let tasks = try newTasks()
    _ = try await store.submit(tasks, key: nil, maximumUnfinished: .max, by: owner)
    return try #require(tasks.first).id
  }

  fileprivate func timedClaim(agents: [AgentDefinition]) async throws -> (id: TaskID, time: Duration) {
    let clock = ContinuousClock()
    var claimed: [ClaimedTask] = []
    let time = try await clock.measure { claimed = try await claim(1, agents: agents) }
    return (try #require(claimed.first).task.id, time)
  }
}
