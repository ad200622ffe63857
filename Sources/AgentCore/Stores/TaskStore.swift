/// The durable queue and journal, as the engine and the routes see it. Every verb that changes something returns only
/// after its commit is on disk, and is one commit or none. All are safe to call from any task at once.
package protocol TaskStore: TaskReader, EngineStore, AgentStateStore {
  /// Numbers for new tasks, ascending and contiguous; drawn before the write, so that workspaces can carry them.
  func drawTaskIDs(count: Int) throws(StoreError) -> [TaskID]

  /// Stores all of `tasks` or none: `queue_full` when unfinished tasks would exceed `maximumUnfinished`; with a key
  /// that was used within 24 hours by the same principal, the tasks of then (`idempotency_mismatch` for another body,
  /// `task_deleted` when one is gone).
  func submit(
    _ tasks: [NewTask], key: IdempotencyKey?, maximumUnfinished: Int, by principal: Principal
  ) async throws(StoreError) -> Submission

  /// The tasks that an earlier `submit` with this key made, as they are now; nil for a key that is new. Refuses as
  /// `submit` does.
  func earlierTasks(
    for key: IdempotencyKey, by principal: Principal
  ) async throws(StoreError) -> [AgentTask]?

  /// Pending and waiting tasks end at once; of a running one the wish is stored (event `task.cancelling`), once.
  /// Finished: `task_finished`.
  func cancel(_ id: TaskID, by principal: Principal) async throws(StoreError) -> AgentTask

  /// Failed or cancelled → pending. `task_not_retryable`, `step_in_doubt`. Clears crashes and deadline, raises
  /// `attempt` (and `max_attempts` if need be).
  func retry(_ id: TaskID, from start: RetryStart, by principal: Principal) async throws(StoreError) -> AgentTask

  /// Settles a step in doubt. In an ended task the step alone (`retry` is `task_finished` there); in a waiting one the
  /// task goes on (`finished`, `retry`) or fails (`fail`). `step_not_in_doubt` otherwise, `not_found` for a
  /// step that does not exist.
  func resolve(
    _ id: TaskID, step: Int, as resolution: StepResolution, by principal: Principal
  ) async throws(StoreError) -> AgentTask

  /// Ends a wait for `restored`. `task_not_waiting` otherwise.
  func resume(_ id: TaskID, by principal: Principal) async throws(StoreError) -> AgentTask

  /// Deletes a finished task with all that hangs on it, its idempotency key not. `task_not_finished` otherwise.
  func purge(_ id: TaskID, by principal: Principal) async throws(StoreError)

  /// Deletes at most `limit` tasks that finished before `moment`; the ids that are gone.
  func deleteFinished(before moment: Timestamp, limit: Int) async throws(StoreError) -> [TaskID]
  func countFinished(before moment: Timestamp) async throws(StoreError) -> Int64
  /// Gives at most `limit` free pages back to the file system; true when there may be more.
  func reclaimPages(limit: Int) async throws(StoreError) -> Bool

  /// A real read and a real write.
  func probe() async throws(StoreError) -> StoreHealth
}

/// A caller's `Idempotency-Key`, with the digest of what it asked for.
package struct IdempotencyKey: Sendable, Hashable {
  package var key: String
  package var bodyHash: String
  package init(key: String, bodyHash: String) { (self.key, self.bodyHash) = (key, bodyHash) }
}

package enum Submission: Sendable {
  case created([AgentTask])
  /// The same request again: the tasks as they are now.
  case repeated([AgentTask])
}

package enum RetryStart: Sendable, Hashable {
  /// Goes on after the last finished step.
  case lastStep
  /// The conversation afresh; pins the newest definition.
  case beginning
  /// Keeps what came before that step.
  case step(Int)
}

package enum StepResolution: Sendable, Hashable {
  case finished(output: JSONValue, resultHash: String)
  case retry, fail
}

/// Reads. They never wait for a writer.
package protocol TaskReader: Sendable {
  func task(_ id: TaskID) async throws(StoreError) -> AgentTask?
  func tasks(_ query: TaskQuery) async throws(StoreError) -> Page<AgentTask>
  /// All rows of a task, in order: for whoever goes on from them. Throws `database_corrupt` where one cannot be read.
  func journal(of id: TaskID) async throws(StoreError) -> [JournalEntry]
  /// The same to look at: a row that cannot be read stands there without its body, as in all pages of events and tasks.
  func shownJournal(of id: TaskID) async throws(StoreError) -> [JournalEntry]
  /// At most `limit` rows above `sequence`, of one task or of all. A task's page and its status are of one snapshot.
  func events(
    after sequence: Int64, of task: TaskID?, limit: Int
  ) async throws(StoreError) -> (page: EventPage, status: TaskStatus?)
  /// The newest sequence, and the highest one that a deletion has taken.
  func eventBounds() async throws(StoreError) -> (newest: Int64, highestDeleted: Int64)
  /// Which of these tasks there are, in one snapshot.
  func existing(among ids: [TaskID]) async throws(StoreError) -> Set<TaskID>
  /// From memory.
  func counts() -> TaskCounts
}

extension TaskReader {
  package func shownJournal(of id: TaskID) async throws(StoreError) -> [JournalEntry] { try await journal(of: id) }

  package func existing(among ids: [TaskID]) async throws(StoreError) -> Set<TaskID> {
    var found: Set<TaskID> = []
    for id in ids where try await task(id) != nil { found.insert(id) }
    return found
  }
}

/// What the engine alone calls.
package protocol EngineStore: Sendable {
  /// Starts a new epoch and, in the same commit, puts back, parks, fails or cancels what a dead process left running:
  /// by cancel, deadline, crashes (5: `crashed_repeatedly`), step in doubt, else pending. Waits for a turn at a
  /// provider, before the step has begun, are due now: whose turn it would be died with that process.
  func beginEpoch() async throws(StoreError) -> RecoveryReport

  /// Claims the next tasks: owners of an agent take turns, an owner's tasks go by aged priority, then by age.
  func claim(_ request: ClaimRequest) async throws(StoreError) -> [ClaimedTask]

  /// Writes `changes` in one commit, or none: `claim_lost`. A task that fails by it leaves its failure with its agent
  /// (`AgentState.lastError`), one that completes takes away what an earlier one left.
  func advance(_ claim: Claim, _ changes: [TaskChange]) async throws(StoreError) -> AdvanceResult

  /// What a task holds sealed, opened: for its worker, which asks once a claim. Throws `sealed_value_invalid`, with table,
  /// row and column, for a value that does not open.
  func clearValues(of id: TaskID) async throws(StoreError) -> ClearValues

  /// Makes due pending tasks claimable and ends due timers of waiting ones, at most `limit`; how many.
  func promoteDue(limit: Int) async throws(StoreError) -> Int

  /// Brings the timers of those of `tasks` that wait for a provider forward to now, for `promoteDue` to end; how many.
  /// Others, and ids without a task, are passed over.
  func hasten(_ tasks: [TaskID]) async throws(StoreError) -> Int

  /// Fails pending and waiting tasks past their deadline (`timeout`), at most `limit`; the running ones past theirs
  /// are returned for their workers to end.
  func expireDeadlines(limit: Int) async throws(StoreError) -> [TaskID]
}

package struct RecoveryReport: Sendable, Hashable {
  package var epoch: Int64
  package var requeued: Int
  package var waiting: Int
  package var failed: Int
  package var cancelled: Int
  /// Tasks that still wait because a provider refused their own call, by that provider.
  package var refused: [ProviderID: [TaskID]] = [:]
  package init(epoch: Int64, requeued: Int = 0, waiting: Int = 0, failed: Int = 0, cancelled: Int = 0) {
    (self.epoch, self.requeued, self.waiting, self.failed, self.cancelled) =
      (epoch, requeued, waiting, failed, cancelled)
  }
}

/// Agents' stored state.
package protocol AgentStateStore: Sendable {
  func agentStates() async throws(StoreError) -> [AgentState]
  func setDisabled(
    _ isDisabled: Bool, agent: AgentID, by principal: Principal
  ) async throws(StoreError) -> AgentState
  /// Raises the generation: the next claim of each of its tasks pins the newest definition.
  func restartAgent(_ agent: AgentID, by principal: Principal) async throws(StoreError) -> AgentState
}
