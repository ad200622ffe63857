import AgentCore
import GRDB

/// What one write closure works with: the connection inside the batch's transaction, and the numbers that only the
/// writer gives. A closure that throws is rolled back to its own savepoint, its numbers and counts with it.
///
/// Not Sendable: it lives on the writer's thread, for the time of the closure.
package final class WriteContext {
  package let db: Database
  /// UTC; never less than in any commit before.
  package let now: Timestamp
  /// Service time: milliseconds that any process has served this database, suspended time included.
  package let serviceMilliseconds: Int64
  /// The process start, 0 before `beginEpoch`.
  package var epoch: Int64
  /// The last sequence drawn.
  package private(set) var lastSequence: Int64
  package private(set) var touchedTasks: Set<TaskID> = []
  package private(set) var counterChanges: [CounterKey: Int64] = [:]
  /// The highest sequence that a purge has taken out of the journal, in all commits.
  package private(set) var highestSequenceDeleted: Int64
  package private(set) var faultCells: Set<FaultPoint.Cell> = []
  package private(set) var moves: [StoreMove] = []
  package private(set) var endedTasks: Set<TaskID> = []
  /// What this closure's rows are sealed with; nil until the task store has taken the file over.
  let sealing: StoreSealing?
  /// Whether it has stored a reservation of seals, which goes with its transaction.
  private(set) var hasReserved = false
  private let ledger: CounterLedger

  package init(
    db: Database, now: Timestamp, serviceMilliseconds: Int64, epoch: Int64, lastSequence: Int64,
    highestSequenceDeleted: Int64 = 0, ledger: CounterLedger = CounterLedger([:]), sealing: StoreSealing? = nil
  ) {
    (self.db, self.now, self.serviceMilliseconds) = (db, now, serviceMilliseconds)
    (self.epoch, self.lastSequence) = (epoch, lastSequence)
    (self.highestSequenceDeleted, self.ledger, self.sealing) = (highestSequenceDeleted, ledger, sealing)
  }

  /// The next sequence of the journal: drawn inside the write, so that commit order is sequence order.
  package func drawSequence() -> Int64 {
    lastSequence += 1
    return lastSequence
  }

  /// Says that live readers of this task have something to read after the commit.
  package func touch(_ task: TaskID) { touchedTasks.insert(task) }

  /// Says that the store moved a task by itself: the notice of this commit tells it.
  package func tell(_ move: StoreMove) { moves.append(move) }

  /// Says that a task has come to its end.
  package func tellEnd(of task: TaskID) { endedTasks.insert(task) }

  /// Changes a counter; all changes of a batch become one update each, in the same commit.
  package func count(_ name: CounterName, _ label: String = "", by delta: Int64) {
    counterChanges[CounterKey(name: name, label: label), default: 0] += delta
  }

  /// The counter as this closure sees it: earlier closures of the batch and its own changes included.
  package func counter(_ name: CounterName, _ label: String = "") -> Int64 {
    let key = CounterKey(name: name, label: label)
    return ledger[key] + (counterChanges[key] ?? 0)
  }

  /// Says that rows of the journal up to this sequence have been deleted.
  package func noteDeleted(upTo sequence: Int64) { highestSequenceDeleted = max(highestSequenceDeleted, sequence) }

  /// Called after values were sealed: no key may seal more often than the table says, after a crash neither.
  func keepReservation() throws {
    guard let (id, reserved) = sealing?.ring.reservation() else { return }
    hasReserved = true
    try db.run("UPDATE key_ring SET seals = ? WHERE id = ? AND seals < ?", [reserved, Int64(id), reserved])
  }

  /// Names this write for the crash test: the writer passes `CELL.before_commit` right before the COMMIT and
  /// `CELL.after_commit` right after it, before any caller goes on.
  package func mark(_ cell: FaultPoint.Cell) { faultCells.insert(cell) }
}

package struct CounterKey: Hashable, Sendable {
  package var name: CounterName
  package var label: String
  package init(name: CounterName, label: String) { (self.name, self.label) = (name, label) }
}

/// The counters that the writer keeps (table `counter`), and what their labels are.
package enum CounterName: String, Sendable, CaseIterable {
  /// Tasks by state; label: `AGENT-NAME-ID:STATUS-CODE`.
  case tasks
}
