import AgentCore
import AgentPersistence
import Synchronization

/// How commits end from now on, as SQLite would say.
final class CommitFault: Sendable {
  private let code = Mutex<Int32>(0)

  /// 0: they go well again.
  func set(_ newCode: Int32) { code.withLock { $0 = newCode } }
  func next() -> Int32 { code.withLock { $0 } }

  static let ioError: Int32 = 10
  static let full: Int32 = 13
}

/// Which of a worker's commits are on disk although their answer says that they failed.
final class LostAnswers: Sendable {
  private let isMeant: @Sendable ([TaskChange]) -> Bool
  private let left: Mutex<Int>
  private let offers = Mutex(0)
  private let hold = Mutex<(@Sendable () async -> Void)?>(nil)

  init(times: Int = 1, _ isMeant: @escaping @Sendable ([TaskChange]) -> Bool) {
    self.isMeant = isMeant
    left = Mutex(times)
  }

  /// Answers lost so far.
  var count: Int { offers.withLock { $0 } }

  /// Run before each read of a journal by a worker.
  func beforeJournal(_ body: @escaping @Sendable () async -> Void) { hold.withLock { $0 = body } }
  func journalIsRead() async { await hold.withLock { $0 }?() }

  func loses(_ changes: [TaskChange]) -> Bool {
    guard isMeant(changes) else { return false }
    let isLost = left.withLock { left in
      guard left > 0 else { return false }
      left -= 1
      return true
    }
    if isLost { offers.withLock { $0 += 1 } }
    return isLost
  }
}

/// What a test does around some of the engine's verbs on its store; what a hook throws, the verb throws.
struct StoreHooks: Sendable {
  /// May change what is asked for.
  var beforeClaim: @Sendable (ClaimRequest) async throws(StoreError) -> ClaimRequest = { request in request }
  var afterClaim: @Sendable ([ClaimedTask]) async -> Void = { _ in }
  var beforeAdvance: @Sendable ([TaskChange]) throws(StoreError) -> Void = { _ in }
  var beforeJournal: @Sendable () throws(StoreError) -> Void = {}
  var beforeDeadlines: @Sendable () throws(StoreError) -> Void = {}
  var beforeClearValues: @Sendable () throws(StoreError) -> Void = {}
}

/// A store some of whose answers to workers get lost after the commit, and with a test's hooks around it.
final class ForgetfulStore: TaskStore {
  private let store: SQLiteTaskStore
  private let lost: LostAnswers?
  private let hooks: StoreHooks

  init(_ store: SQLiteTaskStore, losing lost: LostAnswers?, hooks: StoreHooks = StoreHooks()) {
    (self.store, self.lost, self.hooks) = (store, lost, hooks)
  }

  func advance(_ claim: Claim, _ changes: [TaskChange]) async throws(StoreError) -> AdvanceResult {
    try hooks.beforeAdvance(changes)
    // Counted first: whoever sees the commit sees that its answer is lost.
    let isLost = lost?.loses(changes) == true
    let result = try await store.advance(claim, changes)
    if isLost { throw StoreError(.storageIOError, "the answer got lost") }
    return result
  }

  func drawTaskIDs(count: Int) throws(StoreError) -> [TaskID] { try store.drawTaskIDs(count: count) }
  func submit(
    _ tasks: [NewTask], key: IdempotencyKey?, maximumUnfinished: Int, by principal: Principal
  ) async throws(StoreError) -> Submission {
    try await store.submit(tasks, key: key, maximumUnfinished: maximumUnfinished, by: principal)
  }
  func earlierTasks(for key: IdempotencyKey, by principal: Principal) async throws(StoreError) -> [AgentTask]? {
    try await store.earlierTasks(for: key, by: principal)
  }
  func cancel(_ id: TaskID, by principal: Principal) async throws(StoreError) -> AgentTask {
    try await store.cancel(id, by: principal)
  }
  func retry(_ id: TaskID, from start: RetryStart, by principal: Principal) async throws(StoreError) -> AgentTask {
    try await store.retry(id, from: start, by: principal)
  }
  func resolve(
    _ id: TaskID, step: Int, as resolution: StepResolution, by principal: Principal
  ) async throws(StoreError) -> AgentTask { try await store.resolve(id, step: step, as: resolution, by: principal) }
  func resume(_ id: TaskID, by principal: Principal) async throws(StoreError) -> AgentTask {
    try await store.resume(id, by: principal)
  }
  func purge(_ id: TaskID, by principal: Principal) async throws(StoreError) {
    try await store.purge(id, by: principal)
  }
  func deleteFinished(before moment: Timestamp, limit: Int) async throws(StoreError) -> [TaskID] {
    try await store.deleteFinished(before: moment, limit: limit)
  }
  func countFinished(before moment: Timestamp) async throws(StoreError) -> Int64 {
    try await store.countFinished(before: moment)
  }
  func reclaimPages(limit: Int) async throws(StoreError) -> Bool { try await store.reclaimPages(limit: limit) }
  func probe() async throws(StoreError) -> StoreHealth { try await store.probe() }
  func task(_ id: TaskID) async throws(StoreError) -> AgentTask? { try await store.task(id) }
  func tasks(_ query: TaskQuery) async throws(StoreError) -> Page<AgentTask> { try await store.tasks(query) }
  func journal(of id: TaskID) async throws(StoreError) -> [JournalEntry] {
    await lost?.journalIsRead()
    try hooks.beforeJournal()
    return try await store.journal(of: id)
  }
  func events(
    after sequence: Int64, of task: TaskID?, limit: Int
  ) async throws(StoreError) -> (page: EventPage, status: TaskStatus?) {
    try await store.events(after: sequence, of: task, limit: limit)
  }
  func eventBounds() async throws(StoreError) -> (newest: Int64, highestDeleted: Int64) {
    try await store.eventBounds()
  }
  func counts() -> TaskCounts { store.counts() }
  func beginEpoch() async throws(StoreError) -> RecoveryReport { try await store.beginEpoch() }
  func claim(_ request: ClaimRequest) async throws(StoreError) -> [ClaimedTask] {
    let claimed = try await store.claim(try await hooks.beforeClaim(request))
    await hooks.afterClaim(claimed)
    return claimed
  }
  func promoteDue(limit: Int) async throws(StoreError) -> Int { try await store.promoteDue(limit: limit) }
  func hasten(_ tasks: [TaskID]) async throws(StoreError) -> Int { try await store.hasten(tasks) }
  func clearValues(of id: TaskID) async throws(StoreError) -> ClearValues {
    try hooks.beforeClearValues()
    return try await store.clearValues(of: id)
  }
  func expireDeadlines(limit: Int) async throws(StoreError) -> [TaskID] {
    try hooks.beforeDeadlines()
    return try await store.expireDeadlines(limit: limit)
  }
  func agentStates() async throws(StoreError) -> [AgentState] { try await store.agentStates() }
  func setDisabled(
    _ isDisabled: Bool, agent: AgentID, by principal: Principal
  ) async throws(StoreError) -> AgentState { try await store.setDisabled(isDisabled, agent: agent, by: principal) }
  func restartAgent(_ agent: AgentID, by principal: Principal) async throws(StoreError) -> AgentState {
    try await store.restartAgent(agent, by: principal)
  }
}
