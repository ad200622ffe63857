import AgentCore

/// The life of one worker: what it knows of its task, and what it has decided but not yet written.
struct WorkerRun {
  let worker: Worker
  var progress = TaskProgress()
  /// Ends of steps that go into the next commit together with what follows them.
  private(set) var unwritten: [TaskChange] = []
  private var unrecordedTokens: Int64 = 0

  var parts: EngineParts { worker.parts }

  init(worker: Worker) { self.worker = worker }

  mutating func toItsEnd() async throws {
    if worker.claimed.hasSteps {
      progress = TaskProgress(replaying: remembered(try await parts.store.journal(of: worker.task.id)))
    }
    // Bounded by the limits on steps; an agent without any is bounded by its task's deadline.
    while true {
      if let reason = worker.interrupt.reason {
        try await leave(for: reason)
        return
      }
      let action = AgentLoop.next(progress.history)
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

  /// All of it, but for a deliberate bug.
  private func remembered(_ journal: [JournalEntry]) -> [JournalEntry] {
    #if DEBUG
    if parts.faults.bug == .dropsOutputs {
      return journal.map { entry in
        var entry = entry
        if entry.body?["output"]?["files"] != nil { entry.body = nil }
        return entry
      }
    }
    #endif
    return journal
  }

  // MARK: writing

  /// Notes a step's end; it is written with the next change.
  mutating func note(_ end: StepEnd) {
    progress.apply(end, at: parts.clock.now())
    unrecordedTokens += end.usage?.totalTokens ?? 0
    unwritten.append(.stepEnded(end))
  }

  /// The limit that one more step would pass, if any.
  func refusal(isModelCall: Bool, reservation: Int64) -> Failure? {
    Budget.refusal(
      of: progress, limits: worker.limits, isModelCall: isModelCall, reservation: reservation,
      unrecorded: unrecordedTokens)
  }

  /// Writes what is noted and `change`, in one commit; true when the task has left `running` by it.
  mutating func end(with change: TaskChange) async throws -> Bool {
    let status = try await commit([change])
    if case .failed(let failure) = change, status == .failed { await tellAgent(failure) }
    return status != .running
  }

  /// Writes what is noted and `changes` in one commit, and takes the rows in. Storage that refuses for now is asked
  /// again: the result is held, and nothing else is begun meanwhile.
  @discardableResult
  mutating func commit(_ changes: [TaskChange]) async throws -> TaskStatus {
    let all = unwritten + changes
    while true {
      do throws(StoreError) {
        let result = try await parts.store.advance(worker.claimed.claim, all)
        take(result.entries)
        if result.isCancelRequested { worker.interrupt.fire(.cancel) }
        return result.status
      } catch {
        guard error.code != .claimLost, !worker.isAbandoned() else { throw Worker.ClaimEnded() }
        parts.log.record(
          .warning, "worker", "a result could not be written yet",
          ["task": "\(worker.task.id)", "error": error.code.rawValue])
        try await parts.clock.sleep(for: Self.storagePause)
        if let status = try await adoptIfCommitted() { return status }
      }
    }
  }

  /// Between two offers of a result that the storage did not take.
  private static let storagePause: Duration = .milliseconds(500)

  private mutating func take(_ entries: [JournalEntry]) {
    for entry in entries { progress.apply(entry) }
    unwritten = []
    unrecordedTokens = 0
  }

  /// A commit whose answer was an error may be on disk all the same: then its rows stand in the journal.
  private mutating func adoptIfCommitted() async throws -> TaskStatus? {
    do throws(StoreError) {
      let entries = try await parts.store.journal(of: worker.task.id)
      let new = entries.filter { $0.taskSequence > progress.lastTaskSequence && $0.type != .taskCancelling }
      guard !new.isEmpty else { return nil }
      take(new)
      return try await parts.store.task(worker.task.id)?.status
    } catch {
      return nil
    }
  }

  private func tellAgent(_ failure: Failure) async {
    // What stays unsaid here is only a status page's hint; the task's own failure is stored.
    try? await parts.store.recordAgentError(failure, agent: worker.task.agent)
  }

  // MARK: leaving

  /// At a step boundary, or with an open step that an earlier life left.
  private mutating func leave(for reason: InterruptReason) async throws {
    if !reason.isRequeue, let open = progress.history.current.last, open.status == .started {
      note(StepEnd(number: open.number, outcome: .failed(Worker.cutFailure(reason), output: nil)))
    }
    _ = try await end(with: worker.outcome(of: reason))
  }

  /// After an interrupt cut the step in hand: `end` is how the step ends, nil leaves it open for the next try.
  mutating func leave(cutBy reason: InterruptReason, step end: StepEnd?) async throws -> Bool {
    guard let end else { return try await self.end(with: worker.outcome(of: reason)) }
    note(end)
    if case .inDoubt = end.outcome, reason.isRequeue {
      return try await self.end(with: .waiting(TaskWait(reason: .stepInDoubt, step: end.number)))
    }
    return try await self.end(with: worker.outcome(of: reason))
  }

  /// A step failed for good: the task is tried again later, or ends.
  mutating func leave(failedBy failure: Failure, isRetryable: Bool) async throws -> Bool {
    let attempt = worker.task.attempt
    guard isRetryable, attempt < worker.task.maxAttempts else { return try await end(with: .failed(failure)) }
    let pause = parts.retries.taskBackoff(afterAttempt: attempt, random: parts.random)
    let isOver = try await end(with: .retrying(failure, runAfter: parts.clock.now().adding(pause)))
    return isOver
  }

  mutating func wait(_ wait: TaskWait) async throws -> Bool {
    let isOver = try await end(with: .waiting(wait))
    return isOver
  }
}
