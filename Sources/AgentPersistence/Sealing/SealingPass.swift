import AgentCore
import GRDB
import Synchronization
import Vault

/// Goes over the rows that are there and seals what is not sealed as it should be: rows from before there was a key,
/// values under an older key, members that a longer list names. Works beside the service: rows are read and sealed on a
/// reader, the writer puts them down in short turns, and the place reached goes into the same commit, so that a process
/// that dies anywhere goes on there. Definitions of agents, which are few, are looked at in each run. It is over when nothing of what was overwritten is left in database or WAL.
package final class SealingPass: Sendable {
  package struct Progress: Sendable, Hashable {
    /// Numbers of the journal: up to `done` of `total`.
    package var done: Int64
    package var total: Int64
    package var isRunning: Bool
    /// Values and rows that the pass left as they are, for they do not open or cannot be read: of the last one where none
    /// runs.
    package var unopened: Int64 = 0
  }

  /// How much one turn takes. Tests set others.
  package struct Limits: Sendable {
    /// So many short rows are parsed in some 5 ms.
    package var rows = 500
    /// As many bytes as are parsed in some 20 ms.
    package var bytes = 1 << 20
    /// Numbers that one snapshot may look through.
    package var numbers: Int64 = 20_000
    /// Of the writer, in one turn. One row of many MiB may take longer: it cannot be parted.
    package var writer: Duration = .milliseconds(20)
    package init() {}
  }

  private struct State {
    var progress = Progress(done: 0, total: 0, isRunning: false)
    var isWantedAgain = false
  }

  let file: StoreFile
  let sealing: StoreSealing
  let clock: any WallClock
  let limits: Limits
  private let state = Mutex(State())

  package init(file: StoreFile, sealing: StoreSealing, clock: any WallClock, limits: Limits = Limits()) {
    (self.file, self.sealing, self.clock, self.limits) = (file, sealing, clock, limits)
  }

  package func progress() -> Progress { state.withLock { $0.progress } }

  /// Brings the journal to what the list and the key in use want; returns at once where it is so already. To be called
  /// after a start, after `KeyRing.adopt` of a rotation, and after a reload that changed the list; while it runs, it
  /// goes on to that by itself. Storage that refuses for now is asked again. Cancelling ends it, and the next run goes on.
  package func run() async {
    let begins = state.withLock { state in
      state.isWantedAgain = state.progress.isRunning
      state.progress.isRunning = true
      return !state.isWantedAgain
    }
    guard begins else { return }
    repeat { await pass() } while isWantedAgain()
  }

  private func isWantedAgain() -> Bool {
    state.withLock { state in
      defer { state.isWantedAgain = false }
      let goesOn = state.isWantedAgain && !Task.isCancelled
      if !goesOn { state.progress.isRunning = false }
      return goesOn
    }
  }

  private func pass() async {
    var told: StoreError.Code?
    while !Task.isCancelled {
      do throws(StoreError) {
        // Each time round something may have asked for another goal meanwhile.
        while try await reachGoal() {}
        return
      } catch {
        if error.code == .closed { return }
        if told != error.code { file.options.log(.error, "\(error.code.rawValue): sealing rests: \(error.detail)") }
        told = error.code
        guard await pause(.seconds(1)) else { return }
      }
    }
  }

  /// False when there is nothing to do, or the caller wants no more of it.
  private func reachGoal() async throws(StoreError) -> Bool {
    let next = try await nextGoal()
    let definitions = try await sealDefinitions(for: next)
    guard var goal = next else {
      let known = try await file.read { try $0.sealingGoal() }
      state.withLock { $0.progress.unopened = (known?.unopened ?? 0) + definitions.unopened }
      if definitions.changed > 0, try await emptyWAL() { tellEnd(unopened: definitions.unopened) }
      return false
    }
    note(goal, definitions)
    let count = goal.last - goal.cursor
    file.options.log(
      .info, "sealing_started: \(count) numbers of the journal are looked through (\(goal.kind.rawValue)).")
    let echoes = EchoFilters()
    while goal.cursor < goal.last {
      if Task.isCancelled { return false }
      // Rows are written by a shorter list now: the goal is another one.
      if sealing.policy.lapsed != nil { return true }
      let reader = SealingReader(goal: goal, sealing: sealing, limits: limits, echoes: echoes)
      let batch = try await file.read { [goal] db in try reader.batch(after: goal.cursor, db) }
      tell(batch.unopened)
      try await put(batch, &goal, definitions)
    }
    guard try await settle(goal, definitions) else { return true }
    guard try await sweep(goal) else { return false }
    let holdsClear = try await file.write(.essential) { context in
      try context.finishSealing()
      return try context.db.holdsClearValues()
    }
    if !holdsClear { sealing.rows.noteAllSealed(by: goal.fields) }
    tellEnd(unopened: goal.unopened + definitions.unopened)
    return true
  }

  private func note(_ goal: SealingGoal, _ definitions: DefinitionsLook) {
    state.withLock {
      ($0.progress.done, $0.progress.total) = (goal.cursor, goal.last)
      $0.progress.unopened = goal.unopened + definitions.unopened
    }
  }

  /// Once for each value of a process.
  func tell(_ unopened: [StoreError]) {
    for error in unopened where sealing.rows.isNews(error) {
      file.options.log(.error, "\(error.code.rawValue): \(error.detail)")
    }
  }

  private func tellEnd(unopened: Int64) {
    guard unopened > 0 else {
      file.options.log(.info, "sealing_finished: all rows are sealed as configuration asks.")
      return
    }
    file.options.log(
      .warning,
      "sealing_finished: \(unopened) values or rows that do not open, or are too large for one seal, stay as they are; "
        + "each is named above.")
  }

  /// What is to be done now, begun; nil: nothing is.
  private func nextGoal() async throws(StoreError) -> SealingGoal? {
    if let lapsed = sealing.policy.lapsed {
      try await file.write(.essential) { context in try context.narrowSealing(to: lapsed) }
      sealing.rows.narrow(to: lapsed)
      sealing.policy.forgetLapsed(lapsed)
    }
    let (fields, key) = (sealing.policy.fields, sealing.ring.activeFieldKey)
    guard try await file.read({ try $0.dueSealing(fields: fields, key: key, last: 0) }) != nil else { return nil }
    let goal = try await file.write(.essential) { [sealing] context -> SealingGoal? in
      // Read again: all that is written after this closure is sealed by these, or by what comes after them.
      let (fields, key) = (sealing.policy.fields, sealing.ring.activeFieldKey)
      guard var goal = try context.db.dueSealing(fields: fields, key: key, last: context.lastSequence) else {
        return nil
      }
      if goal == (try context.db.sealingGoal()) { return goal }
      try context.begin(goal)
      if goal.last == 0, goal.kind != .key {
        try context.finishSealing()
        goal.isFinished = true
      }
      return goal
    }
    guard let goal, goal.isFinished else { return goal }
    // There are no rows.
    sealing.rows.noteAllSealed(by: goal.fields)
    return nil
  }

  /// Puts the rows down, in as many turns of the writer as they take.
  private func put(
    _ batch: SealingBatch, _ goal: inout SealingGoal, _ definitions: DefinitionsLook
  ) async throws(StoreError) {
    var rest = batch.changes[...]
    // Both are counted in the first turn.
    var (unopened, inClear) = (batch.unopened.count, batch.clearValues)
    repeat {
      let (changes, count, clear) = (rest, unopened, inClear)
      let written = try await file.write(.essential) { [clock, limits] context in
        let began = clock.uptime()
        var written = 0
        for change in changes {
          try context.put(change)
          written += 1
          if clock.uptime() - began >= limits.writer { break }
        }
        let isWhole = written == changes.count
        try context.moveSealing(
          to: isWhole ? batch.upTo : changes[changes.startIndex + written - 1].sequence, unopened: count,
          inClear: clear)
        try context.keepReservation()
        return written
      }
      rest = rest.dropFirst(written)
      goal.unopened += Int64(unopened)
      (unopened, inClear) = (0, 0)
      goal.cursor = rest.isEmpty ? batch.upTo : batch.changes[rest.startIndex - 1].sequence
      note(goal, definitions)
    } while !rest.isEmpty
  }

  /// Lets go of the keys that nothing is sealed with any more. False: another goal has come up.
  private func settle(_ goal: SealingGoal, _ definitions: DefinitionsLook) async throws(StoreError) -> Bool {
    let held = try await keysOfUnopened(goal).union(definitions.keys)
    let rows = try await file.write(.essential) { [sealing] context -> [KeyRingRow]? in
      guard sealing.ring.activeFieldKey == goal.key, try context.db.activeFieldKey() ?? goal.key == goal.key,
        sealing.policy.fields.canonical == goal.fields.canonical, sealing.policy.lapsed == nil
      else { return nil }
      try context.db.destroyOpeningFieldKeys(but: held)
      return try context.db.keyRing()
    }
    guard let rows else { return false }
    guard !rows.isEmpty else { return true }
    do throws(VaultError) {
      try sealing.ring.adopt(rows)
    } catch {
      throw StoreError(.sealingUnavailable, "The key ring cannot be read: \(error)")
    }
    return true
  }

  /// The keys that values name which did not open: perhaps they will, once their bytes are put back from a backup. All
  /// other values are under the key in use by now.
  private func keysOfUnopened(_ goal: SealingGoal) async throws(StoreError) -> Set<UInt32> {
    guard try await file.read({ try $0.sealingGoal()?.unopened ?? 0 }) > 0 else { return [] }
    let reader = SealingReader(goal: goal, sealing: sealing, limits: limits)
    var (named, cursor) = (Set<UInt32>(), Int64(0))
    while cursor < goal.last {
      let start = cursor
      let found = try await file.read { db in try reader.keys(after: start, db) }
      named.formUnion(found.named)
      cursor = found.upTo
    }
    return named
  }

  /// Takes what was overwritten out of free pages and out of the WAL. False: the caller wants no more of it.
  private func sweep(_ goal: SealingGoal) async throws(StoreError) -> Bool {
    if goal.kind == .first {
      // Pages that were freed while nothing was overwritten.
      while try await file.write(.essential, { try $0.reclaimPages(SealingPass.pagesPerTurn) }) {
        if Task.isCancelled { return false }
      }
    }
    return try await emptyWAL()
  }

  /// False: the caller wants no more of it.
  private func emptyWAL() async throws(StoreError) -> Bool {
    while try await !file.truncateWAL() {
      // A reader holds it: those of this service are short.
      guard await pause(.milliseconds(100)) else { return false }
    }
    return true
  }

  /// 2 MiB: some milliseconds of the writer.
  static let pagesPerTurn = 500

  /// False when the caller wants no more of it.
  private func pause(_ duration: Duration) async -> Bool {
    if Task.isCancelled { return false }
    // Cut short only by whoever cancels.
    return (try? await clock.sleep(for: duration)) != nil
  }
}

extension WriteContext {
  fileprivate func put(_ change: SealingBatch.Change) throws {
    try db.run("UPDATE journal SET head = ?, body = ? WHERE seq = ?", [change.head, change.body, change.sequence])
    for name in change.labels { try db.run("DELETE FROM label WHERE name = ? AND task = ?", [name, change.task]) }
    try db.run("UPDATE task SET sealed = 1 WHERE id = ? AND sealed = 0", [change.task])
  }

  /// True when there may be more free pages.
  func reclaimPages(_ limit: Int) throws -> Bool {
    // The statement takes no bound value; an Int has only digits.
    try db.execute(sql: "PRAGMA incremental_vacuum(\(max(1, limit)))")
    return try db.firstInteger("PRAGMA freelist_count") ?? 0 > 0
  }
}
