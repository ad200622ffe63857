import AgentCore
import GRDB

extension SQLiteTaskStore {
  /// How long a key answers with the tasks of its first use.
  static let idempotencyLifetime: Duration = .seconds(24 * 3600)
  /// Expired keys deleted in passing by each submission that brings one: more than it adds, so that they run out.
  static let expiredKeysPerSubmission = 16

  package func submit(
    _ tasks: [NewTask], key: IdempotencyKey?, maximumUnfinished: Int, by principal: Principal
  ) async throws(StoreError) -> Submission {
    try await file.write { [names] context in
      let actor = try Actor(principal, in: context, names)
      if let key {
        try Self.deleteExpiredKeys(context)
        let earlier = try Self.earlierTasks(key, actor.number, context.now, context.db, context.mask)
        if let earlier { return .repeated(earlier) }
      }
      let unfinished = Self.unfinishedCount(context, names)
      guard unfinished + Int64(tasks.count) <= Int64(maximumUnfinished) else {
        throw StoreError(
          .queueFull, "\(unfinished) tasks are unfinished already; at most \(maximumUnfinished) may be at once")
      }
      let stored = try Self.insert(tasks, actor, context, names)
      if let key, let first = tasks.first { try Self.remember(key, actor, first.id, tasks.count, context) }
      context.mark(.create)
      return .created(stored)
    }
  }

  package func earlierTasks(
    for key: IdempotencyKey, by principal: Principal
  ) async throws(StoreError) -> [AgentTask]? {
    let (now, mask) = (file.now(), sealing.mask)
    return try await file.read { db in
      guard let number = try db.nameID(principal.description) else { return nil }
      return try Self.earlierTasks(key, number, now, db, mask)
    }
  }

  private static func insert(
    _ tasks: [NewTask], _ actor: Actor, _ context: WriteContext, _ names: NameCache
  ) throws -> [AgentTask] {
    guard let last = tasks.map(\.id.number).max() else { return [] }
    // Numbers are drawn before the write, so a lower one may be written later; `created` must not fall with the id
    // all the same, since ranges of time are read as ranges of ids.
    let next = try context.db.firstInteger("SELECT created FROM task WHERE id > ? ORDER BY id LIMIT 1", [last])
    let created = min(context.now.milliseconds, next ?? .max)
    return try tasks.map { task in
      let agent = try context.nameNumber(task.agent.name, names)
      names.rememberAgent(agent)
      var row = TaskRow(
        task, agent: agent, owner: actor.number, created: created, inputSequence: context.lastSequence + 1)
      _ = try context.move(
        &row, by: .submit, actor: actor, head: task.submittedHead.objectValue ?? [:], body: task.submittedBody)
      try context.save(row)
      guard let entry = row.appended.last else { throw StoreError(.databaseCorrupt, "\(task.id) has no first row") }
      for (name, value) in task.labels where entry.head["labels"]?[name] == .string(value) {
        // One that is sealed stands in no index.
        try context.db.run("INSERT INTO label (name, value, task) VALUES (?, ?, ?)", [name, value, task.id.number])
      }
      return AgentTask(
        row, agent: task.agent.name, owner: actor.principal,
        submitted: StoredText(head: entry.head, body: entry.body), ended: nil)
    }
  }

  /// From the counters, earlier closures of the same commit included.
  private static func unfinishedCount(_ context: WriteContext, _ names: NameCache) -> Int64 {
    let codes = TaskStatus.allCases.filter { !$0.isTerminal }.map(\.storedCode)
    return names.agents.reduce(0) { sum, agent in
      codes.reduce(sum) { $0 + context.counter(.tasks, "\(agent):\($1)") }
    }
  }

  /// The tasks of an earlier request with this key; nil when the key is new.
  private static func earlierTasks(
    _ key: IdempotencyKey, _ principal: Int64, _ now: Timestamp, _ db: Database, _ mask: RowMask
  ) throws -> [AgentTask]? {
    let oldest = now.milliseconds - idempotencyLifetime.wholeMilliseconds
    guard
      let found = try db.firstRow(
        "SELECT body_hash, task, count FROM idempotency WHERE principal = ? AND key = ? AND created > ?",
        [principal, key.key, oldest])
    else { return nil }
    guard found[0] as String == key.bodyHash else {
      throw StoreError(.idempotencyMismatch, "this Idempotency-Key came with another body before")
    }
    let first: Int64 = found[1]
    let count: Int64 = found[2]
    let rows = try db.rows(
      "SELECT \(TaskRow.columns) FROM task WHERE id >= ? AND id < ? ORDER BY id", [first, first + count])
    guard rows.count == Int(count) else {
      throw StoreError(.taskDeleted, "a task that this Idempotency-Key made has been deleted since")
    }
    return try rows.map { try db.task(TaskRow($0), mask) }
  }

  private static func remember(
    _ key: IdempotencyKey, _ actor: Actor, _ first: TaskID, _ count: Int, _ context: WriteContext
  ) throws {
    // An expired row of this very key may still stand when there are many of them.
    try context.db.run(
      """
      INSERT INTO idempotency (principal, key, body_hash, task, count, created) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (principal, key) DO UPDATE SET body_hash = excluded.body_hash, task = excluded.task,
        count = excluded.count, created = excluded.created
      """, [actor.number, key.key, key.bodyHash, first.number, count, context.now.milliseconds])
  }

  private static func deleteExpiredKeys(_ context: WriteContext) throws {
    try context.db.run(
      """
      DELETE FROM idempotency WHERE (principal, key) IN
        (SELECT principal, key FROM idempotency WHERE created <= ? ORDER BY created LIMIT ?)
      """, [context.now.milliseconds - idempotencyLifetime.wholeMilliseconds, expiredKeysPerSubmission])
  }
}
