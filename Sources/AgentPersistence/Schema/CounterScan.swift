import AgentCore
import GRDB

/// What the counters should say, counted from the tasks themselves. Reads every task: only for a start that finds the
/// counters wrong, for the full check, and for tests.
package enum CounterScan {
  /// Zero ones are left out, as the writer does.
  package static func count(_ db: Database) throws -> [CounterKey: Int64] {
    var counters: [CounterKey: Int64] = [:]
    for (name, statement) in statements {
      for row in try Row.fetchAll(db, sql: statement) {
        counters[CounterKey(name: name, label: row[0])] = row[1]
      }
    }
    return counters
  }

  private static let statements: [(CounterName, String)] = [
    (.tasks, "SELECT agent || ':' || status, count(*) FROM task GROUP BY agent, status")
  ]
}
