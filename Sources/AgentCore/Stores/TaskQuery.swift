/// Which tasks to list.
package struct TaskQuery: Sendable, Hashable {
  /// Empty: all.
  package var statuses: [TaskStatus]
  package var agent: AgentID?
  package var owner: Principal?
  package var label: Label?
  package var createdAfter: Timestamp?
  package var createdBefore: Timestamp?
  /// 1–500.
  package var limit: Int
  /// Opaque, from the page before.
  package var cursor: String?
  package var isAscending: Bool

  package struct Label: Sendable, Hashable {
    package var name: String
    package var value: String
    package init(name: String, value: String) { (self.name, self.value) = (name, value) }
  }

  package init(
    statuses: [TaskStatus] = [], agent: AgentID? = nil, owner: Principal? = nil, label: Label? = nil,
    createdAfter: Timestamp? = nil, createdBefore: Timestamp? = nil, limit: Int = 50, cursor: String? = nil,
    isAscending: Bool = false
  ) {
    (self.statuses, self.agent, self.owner, self.label) = (statuses, agent, owner, label)
    (self.createdAfter, self.createdBefore, self.limit) = (createdAfter, createdBefore, limit)
    (self.cursor, self.isAscending) = (cursor, isAscending)
  }
}

/// One page of a list. A page may be short, or empty, and yet have a cursor; without one it is the last.
package struct Page<Item: Sendable>: Sendable {
  package var items: [Item]
  package var nextCursor: String?
  package init(items: [Item], nextCursor: String?) { (self.items, self.nextCursor) = (items, nextCursor) }
}

/// A stretch of the event stream.
package struct EventPage: Sendable {
  /// Ascending by sequence.
  package var entries: [JournalEntry]
  /// The last number looked at: the next read goes on after it.
  package var lookedUpTo: Int64
  /// The page is full, by rows or by bytes: the snapshot may have more.
  package var hasMore: Bool
  /// The highest sequence that a deletion had taken, in the same snapshot.
  package var highestDeleted: Int64
  package init(entries: [JournalEntry], lookedUpTo: Int64, hasMore: Bool = false, highestDeleted: Int64 = 0) {
    (self.entries, self.lookedUpTo, self.hasMore) = (entries, lookedUpTo, hasMore)
    self.highestDeleted = highestDeleted
  }
}

/// The numbers that status pages and metrics show, from the writer's counters: no scan.
package struct TaskCounts: Sendable, Hashable {
  package var byStatus: [TaskStatus: Int64] = [:]
  package var byAgent: [AgentID: [TaskStatus: Int64]] = [:]
  package init() {}

  /// Pending, running and waiting together.
  package var unfinished: Int64 {
    byStatus.reduce(0) { $1.key.isTerminal ? $0 : $0 + $1.value }
  }
}

/// What a commit changed, told to live readers after it is on disk.
package struct CommitNotice: Sendable {
  package var lastSequence: Int64
  package var tasks: Set<TaskID>
  /// Moves that the store decided by itself, for the log: those of workers and callers have others to tell of them.
  package var moves: [StoreMove]
  /// Tasks that it brought to their end, whoever decided that.
  package var ended: Set<TaskID>
  package init(lastSequence: Int64, tasks: Set<TaskID>, moves: [StoreMove] = [], ended: Set<TaskID> = []) {
    (self.lastSequence, self.tasks, self.moves, self.ended) = (lastSequence, tasks, moves, ended)
  }
}

/// A task's move as its event tells it, with the agent, which the event does not name.
package struct StoreMove: Sendable, Hashable {
  package var entry: JournalEntry
  package var agent: AgentID
  package init(_ entry: JournalEntry, agent: AgentID) { (self.entry, self.agent) = (entry, agent) }
}

/// What a real read and a real write of the database showed.
package struct StoreHealth: Sendable, Hashable {
  package var journalMode: String
  package var synchronous: Int
  package var writeTime: Duration
  package var readTime: Duration
  package init(journalMode: String, synchronous: Int, writeTime: Duration, readTime: Duration) {
    (self.journalMode, self.synchronous, self.writeTime, self.readTime) =
      (journalMode, synchronous, writeTime, readTime)
  }
}
