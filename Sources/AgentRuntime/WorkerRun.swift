import AgentCore

/// The life of one worker: what it knows of its task, and what it has decided but not yet written.
struct WorkerRun {
  let worker: Worker
  var progress = TaskProgress()
  /// Ends of steps, and rests, that go into the next commit together with what follows them.
  private(set) var unwritten: [TaskChange] = []
  private var unrecordedTokens: Int64 = 0
  private var refusals = RefusalNotice()
  /// The last try of the step in hand failed by itself, and the next one has not begun.
  var isAfterTry = false
  private var restBegan: Duration?
  /// The storage has said that it could not give back what was to be written.
  private var isUnstorable = false
  /// What is sealed of the task.
  var sealing: TaskSealing
  /// Nil until the first model call of this claim.
  var images: [TaskImage]?
  /// Of the task's final answer.
  let schema: JSONSchema?
  /// The task's deadline, of the clock's uptime.
  private let deadline: Duration

  var parts: EngineParts { worker.parts }

  init(worker: Worker) {
    self.worker = worker
    sealing = TaskSealing(
      worker.parts.sensitive, worker.task, agentBody: worker.claimed.definition.body)
    progress = TaskProgress(after: worker.claimed.lastTaskSequence)
    deadline = worker.parts.clock.uptime() + worker.claimed.timeLeft
    // Checked when the task was created: one that cannot be read is of a newer build (`toItsEnd`).
    schema = worker.task.outputSchema.flatMap { try? JSONSchema($0) }
  }

  /// Whether a pause leaves time for anything after it.
  func outlives(_ pause: Duration) -> Bool { pause < timeLeft }

  var timeLeft: Duration { deadline - parts.clock.uptime() }

  mutating func toItsEnd() async throws(Worker.ClaimEnded) {
    if worker.task.outputSchema != nil, schema == nil {
      let failure = Failure(
        code: "output_schema_unsupported", detail: "this build cannot check the task's output_schema")
      _ = try await end(with: .failed(failure))
      return
    }
    if worker.claimed.hasSteps { try await readJournal() }
    if let failure = try await openSealed() {
      _ = try await end(with: .failed(failure))
      return
    }
    // Bounded by the limits on steps; an agent without any is bounded by its task's deadline.
    while true {
      if let reason = worker.interrupt.reason {
        try await leave(for: reason)
        return
      }
      sealing.keepUp(with: &progress)
      if let failure = sealing.overfull {
        _ = try await end(with: .failed(failure))
        return
      }
      let action = AgentLoop.next(progress.history, schema: schema)
      let isOver: Bool
      switch action {
      case .finish(let output): isOver = try await end(with: .completed(output))
      case .fail(let failure): isOver = try await end(with: .failed(failure))
      case .callModel(let number, let attempt, let turn):
        isOver = try await callModel(number: number, attempt: attempt, turn: turn)
      case .callTool(let number, let attempt, let call, let planned):
        isOver = try await callTool(number: number, attempt: attempt, call: call, planned: planned)
      }
      if isOver { return }
    }
  }

  // MARK: writing

  /// Notes a step's end; it is written with the next change.
  mutating func note(_ end: StepEnd) {
    let end = sealing.filtered(end)
    progress.apply(end.shown, at: parts.clock.now())
    unrecordedTokens += end.usage?.totalTokens ?? 0
    unwritten.append(.stepEnded(end))
  }

  /// A provider lets the task wait from here on, which is no running time; until `endRest`.
  mutating func beginRest() {
    restBegan = parts.clock.uptime()
    worker.isResting(true)
  }

  mutating func endRest() {
    guard let began = restBegan else { return }
    restBegan = nil
    worker.isResting(false)
    let rest = parts.clock.uptime() - began
    // It goes with the next commit; a store that counts in milliseconds need not hear of less.
    if rest >= .milliseconds(1) { unwritten.append(.rested(rest)) }
  }

  /// The limit that one more try of step `number` would pass, if any. `settling`: what its last try used.
  func refusal(of number: Int, reservation: Int64?, settling: ModelUsage? = nil) -> Failure? {
    Budget.refusal(
      of: progress, limits: worker.limits, isNewStep: progress.history[number] == nil, reservation: reservation,
      unrecorded: unrecordedTokens + (settling?.totalTokens ?? 0))
  }

  /// Writes what is noted and `change`, in one commit; true when the task has left `running` by it.
  mutating func end(with change: TaskChange) async throws(Worker.ClaimEnded) -> Bool {
    try await commit([change]) != .running
  }

  /// Writes what is noted and `changes` in one commit, and takes the rows in. Storage that refuses for now is asked
  /// again: the result is held, and nothing else is begun meanwhile.
  @discardableResult
  mutating func commit(_ changes: [TaskChange]) async throws(Worker.ClaimEnded) -> TaskStatus {
    let changes = changes.map(sealing.filtered)
    let begins = !changes.isEmpty && changes.allSatisfy { if case .stepStarted = $0 { true } else { false } }
    while true {
      do throws(StoreError) {
        let result = try await parts.store.advance(worker.claimed.claim, unwritten + changes)
        take(result.entries)
        noteTaken("the result was written after all")
        if result.isCancelRequested { worker.interrupt.fire(.cancel) }
        return result.status
      } catch {
        if error.code == .claimLost { throw Worker.ClaimEnded() }
        if error.code == .jsonTooDeep { try await leave(unstorable: error) }
        let goesAlone = begins && !unwritten.isEmpty && [.diskFull, .overloaded].contains(error.code)
        if !goesAlone { try await pause(after: error, "a result could not be written yet") }
        if let status = try await adoptIfCommitted() {
          noteTaken("the result was written after all")
          return status
        }
        if begins, let reason = worker.interrupt.reason { try await leave(insteadOf: changes, for: reason) }
        // There is room for results alone: they do not wait for what would begin after them.
        if goesAlone { try await commit([]) }
      }
    }
  }

  /// Between two offers of a result that the storage did not take.
  private static let storagePause: Duration = .milliseconds(500)
  /// The same of a storage that is damaged: its writer has stopped, and only another start of the service mends it.
  private static let damagedPause: Duration = .seconds(5)

  /// Returns when the storage may be asked again; throws when nothing will come of it in this life. `isEager`: returns at
  /// a hard interrupt too.
  mutating func pause(
    after error: StoreError, _ message: String, isEager: Bool = false
  ) async throws(Worker.ClaimEnded) {
    guard error.code != .closed, !worker.isAbandoned() else { throw Worker.ClaimEnded() }
    let isDamaged = error.code == .databaseCorrupt
    // Nothing can be written in this life any more: a shutdown need not wait for it.
    if isDamaged, worker.interrupt.reason == .shutdown { throw Worker.ClaimEnded() }
    if refusals.isDue(at: parts.clock.uptime()) {
      parts.log.record(
        .warning, "worker", message, ["task": "\(worker.task.id)", "error": error.code.rawValue])
    }
    let length = isDamaged ? Self.damagedPause : Self.storagePause
    do {
      if isEager { return try await sleep(eagerly: length) }
      try await parts.clock.sleep(for: length)
    } catch {
      throw Worker.ClaimEnded()
    }
  }

  private func sleep(eagerly length: Duration) async throws {
    let clock = parts.clock
    _ = await withInterrupt(worker.interrupt, limit: length, clock: clock) {
      // Ends by cancellation only: at the interrupt, or when the pause is over.
      try? await clock.sleep(for: length * 2)
    }
    try _Concurrency.Task.checkCancellation()
  }

  /// The storage has taken, or given, what it had refused.
  mutating func noteTaken(_ message: String) {
    if refusals.isOver() { parts.log.record(.info, "worker", message, ["task": "\(worker.task.id)"]) }
  }

  private mutating func take(_ entries: [JournalEntry]) {
    for entry in entries {
      progress.apply(entry)
      if !entry.type.isStep { parts.log.record(entry, agent: worker.task.agent) }
    }
    unwritten = []
    unrecordedTokens = 0
    if entries.contains(where: { $0.type == .stepStarted }) { isAfterTry = false }
    if entries.contains(where: { $0.type == .stepFinished }) { worker.stepFinished() }
  }

  /// A commit whose answer was an error may be on disk all the same: then its rows stand in the journal.
  /// Nil: they surely do not. While that cannot be read, nothing is offered again.
  private mutating func adoptIfCommitted() async throws(Worker.ClaimEnded) -> TaskStatus? {
    while true {
      do throws(StoreError) {
        let entries = try await parts.store.journal(of: worker.task.id)
        let new = entries.filter { $0.taskSequence > progress.lastTaskSequence && $0.type != .taskCancelling }
        guard !new.isEmpty, let task = try await parts.store.task(worker.task.id) else { return nil }
        take(new)
        if task.cancelRequestedAt != nil { worker.interrupt.fire(.cancel) }
        return task.status
      } catch {
        try await pause(after: error, "whether a result was written could not be read yet")
      }
    }
  }

  // MARK: leaving

  /// At a step boundary, or with an open step that an earlier life left.
  private mutating func leave(for reason: InterruptReason) async throws(Worker.ClaimEnded) {
    if !reason.isRequeue, let open = progress.history.current.last, open.status == .started {
      _ = try await leave(open: open, cutBy: reason)
      return
    }
    _ = try await end(with: worker.outcome(of: reason))
  }

  /// After an interrupt cut the step in hand: `end` is how the step ends, nil leaves it open for the next try, and
  /// `usage` is what its last try used.
  mutating func leave(
    cutBy reason: InterruptReason, step end: StepEnd?, usage: ModelUsage? = nil
  ) async throws(Worker.ClaimEnded) -> Bool {
    guard let end else {
      return try await self.end(
        with: worker.outcome(
          of: reason, settling: usage, isAfterTry: isAfterTry, isTooLong: progress.isTooLong))
    }
    note(end)
    if case .inDoubt = end.outcome, reason.isRequeue {
      return try await self.end(with: .waiting(TaskWait(reason: .stepInDoubt, step: end.number)))
    }
    return try await self.end(with: worker.outcome(of: reason))
  }

  /// The storage takes no beginning, and there is a reason to stop: this is a boundary as good as any.
  private mutating func leave(
    insteadOf changes: [TaskChange], for reason: InterruptReason
  ) async throws(Worker.ClaimEnded) {
    var usage: ModelUsage?
    if case .stepStarted(let start)? = changes.first { usage = start.settling }
    let open = reason.isRequeue ? nil : progress.history.current.last { $0.status == .started }
    let end = open.map {
      StepEnd(number: $0.number, outcome: .failed(Worker.cutFailure(reason), output: nil), usage: usage)
    }
    _ = try await leave(cutBy: reason, step: end, usage: usage)
    throw Worker.ClaimEnded()
  }

  /// What could not be read back is not stored, and a conversation without it cannot go on: the task ends.
  private mutating func leave(unstorable error: StoreError) async throws(Worker.ClaimEnded) {
    // All that was deep is gone by now.
    guard !isUnstorable else { throw Worker.ClaimEnded() }
    isUnstorable = true
    let failure = Failure(code: error.code.rawValue, detail: error.detail)
    unwritten = unwritten.map { $0.withoutOutput(failure) }
    _ = try await end(with: .failed(failure))
    throw Worker.ClaimEnded()
  }

  /// A step failed for good: the task is tried again, after `pause` at the earliest, or ends. It ends at once too when its
  /// time would be over by then: the error says more than a timeout.
  mutating func leave(
    failedBy failure: Failure, retryAfter pause: Duration?
  ) async throws(Worker.ClaimEnded) -> Bool {
    let attempt = worker.task.attempt
    guard let pause, attempt < worker.task.maxAttempts else { return try await end(with: .failed(failure)) }
    let wait = max(RetryPolicy.taskBackoff(afterAttempt: attempt, random: parts.random), pause)
    guard outlives(wait) else { return try await end(with: .failed(failure)) }
    return try await end(with: .retrying(failure, after: wait))
  }
}

extension TaskChange {
  /// A step's end without what its tool or model gave.
  fileprivate func withoutOutput(_ failure: Failure) -> TaskChange {
    guard case .stepEnded(var end) = self else { return self }
    switch end.outcome {
    case .finished: end.outcome = .failed(failure, output: nil)
    case .failed(let own, _): end.outcome = .failed(own, output: nil)
    case .inDoubt: break
    }
    return .stepEnded(end)
  }
}
