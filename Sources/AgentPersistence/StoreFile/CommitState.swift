import AgentCore
import GRDB

/// What the writer knows of the last commit: table `meta` and the counters, as they stand on disk.
struct CommitState: Sendable {
  var commitNumber: Int64 = 0
  var epoch: Int64 = 0
  var lastSequence: Int64 = 0
  var highestSequenceDeleted: Int64 = 0
  var nextTask: Int64 = 1
  var serviceMilliseconds: Int64 = 0
  /// UTC milliseconds of the last commit.
  var lastAt: Int64 = 0
  /// Random, made with the database, more than 0.
  var installation: Int64 = 0
  /// The sum of all counters, as the last commit recorded it: the start compares.
  var counterSum: Int64 = 0
  /// Zero ones are left out.
  var counters: [CounterKey: Int64] = [:]

  init() {}

  init(reading db: Database) throws {
    let rows = try Row.fetchAll(db, sql: "SELECT name, value FROM meta")
    let meta = Dictionary(rows.map { ($0["name"] as String, $0["value"] as Int64) }, uniquingKeysWith: { $1 })
    commitNumber = meta["commit_number"] ?? 0
    epoch = meta["epoch"] ?? 0
    lastSequence = (meta["next_seq"] ?? 1) - 1
    highestSequenceDeleted = meta["highest_seq_deleted"] ?? 0
    nextTask = meta["next_task"] ?? 1
    serviceMilliseconds = meta["service_milliseconds"] ?? 0
    lastAt = meta["last_at"] ?? 0
    installation = meta["installation"] ?? 0
    counterSum = meta["counter_sum"] ?? 0
    for row in try Row.fetchAll(db, sql: "SELECT name, label, value FROM counter WHERE value <> 0") {
      // A counter that this version does not know belongs to one that was tried before: nobody asks for it.
      guard let name = CounterName(rawValue: row["name"]) else { continue }
      counters[CounterKey(name: name, label: row["label"])] = row["value"]
    }
  }

  /// Writes all rows of `meta`, inside the commit that they tell of.
  func write(to db: Database) throws {
    let statement = try db.cachedStatement(
      sql: """
        INSERT INTO meta (name, value) VALUES ('commit_number', ?), ('epoch', ?), ('next_seq', ?),
          ('highest_seq_deleted', ?), ('next_task', ?), ('service_milliseconds', ?), ('last_at', ?),
          ('installation', ?), ('counter_sum', ?)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value <> excluded.value
        """)
    try statement.execute(arguments: [
      commitNumber, epoch, lastSequence + 1, highestSequenceDeleted, nextTask, serviceMilliseconds, lastAt,
      installation, counterSum,
    ])
  }

  /// Adds the changes, and writes each changed counter once.
  mutating func apply(_ changes: [CounterKey: Int64], to db: Database) throws {
    let statement = try db.cachedStatement(
      sql: """
        INSERT INTO counter (name, label, value) VALUES (?, ?, ?)
        ON CONFLICT (name, label) DO UPDATE SET value = excluded.value
        """)
    for (key, change) in changes where change != 0 {
      let value = (counters[key] ?? 0) + change
      try statement.execute(arguments: [key.name.rawValue, key.label, value])
      counters[key] = value == 0 ? nil : value
      counterSum &+= change
    }
  }
}
