import AgentCore
import AgentRuntime
import AgentTestKit
import Synchronization

/// What the routes asked of the store, and answers said beforehand. It stores nothing: the store's own behaviour has
/// its own tests.
final class StoreDouble: TaskStore {
  struct State {
    var calls: [String] = []
    var refusal: StoreError?
    /// Of reads of one task.
    var readRefusal: StoreError?
    var entries: [JournalEntry] = []
    /// What a deletion has taken.
    var highestDeleted: Int64 = 0
    var queries: [TaskQuery] = []
    var submitted: [NewTask] = []
    var keys: [IdempotencyKey?] = []
    var task = AgentTask(
      id: TaskID(number: 7), agent: "coder", owner: .local, status: .pending, input: "do it",
      createdAt: Timestamp(milliseconds: 0))
  }
  let state = Mutex(State())

  var calls: [String] { state.withLock { $0.calls } }

  private func note(_ call: String) throws(StoreError) -> AgentTask {
    let (refusal, task) = state.withLock { state in
      state.calls.append(call)
      return (state.refusal, state.task)
    }
    if let refusal { throw refusal }
    return task
  }

  func task(_ id: TaskID) async throws(StoreError) -> AgentTask? {
    if let refusal = state.withLock({ $0.readRefusal }) { throw refusal }
    let task = try note("task \(id)")
    return task.id == id ? task : nil
  }
  func tasks(_ query: TaskQuery) async throws(StoreError) -> Page<AgentTask> {
    state.withLock { $0.queries.append(query) }
    return Page(items: [try note("tasks")], nextCursor: "next")
  }
  func journal(of id: TaskID) async throws(StoreError) -> [JournalEntry] {
    _ = try note("journal \(id)")
    return state.withLock { $0.entries }
  }
  func events(
    after sequence: Int64, of task: TaskID?, limit: Int
  ) async throws(StoreError) -> (page: EventPage, status: TaskStatus?) {
    state.withLock { state in
      let entries = state.entries.filter { $0.sequence > sequence && $0.task == task ?? $0.task }
      let page = EventPage(entries: entries, lookedUpTo: state.entries.last?.sequence ?? sequence)
      return (page, state.task.status)
    }
  }
  func eventBounds() async throws(StoreError) -> (newest: Int64, highestDeleted: Int64) {
    state.withLock { ($0.entries.last?.sequence ?? 0, $0.highestDeleted) }
  }
  func counts() -> TaskCounts { TaskCounts() }

  func drawTaskIDs(count: Int) throws(StoreError) -> [TaskID] {
    (1...count).map { TaskID(number: Int64($0)) }
  }
  func submit(
    _ tasks: [NewTask], key: IdempotencyKey?, maximumUnfinished: Int, by principal: Principal
  ) async throws(StoreError) -> Submission {
    state.withLock { state in
      state.submitted += tasks
      state.keys.append(key)
    }
    return .created([try note("submit \(tasks.count) by \(principal)")])
  }
  func earlierTasks(for key: IdempotencyKey, by principal: Principal) async throws(StoreError) -> [AgentTask]? { nil }
  func cancel(_ id: TaskID, by principal: Principal) async throws(StoreError) -> AgentTask {
    try note("cancel \(id) by \(principal)")
  }
  func retry(_ id: TaskID, from start: RetryStart, by principal: Principal) async throws(StoreError) -> AgentTask {
    try note("retry \(id) \(start)")
  }
  func resolve(
    _ id: TaskID, step: Int, as resolution: StepResolution, by principal: Principal
  ) async throws(StoreError) -> AgentTask { try note("resolve \(id) \(step)") }
  func resume(_ id: TaskID, by principal: Principal) async throws(StoreError) -> AgentTask {
    try note("resume \(id)")
  }
  func purge(_ id: TaskID, by principal: Principal) async throws(StoreError) { _ = try note("purge \(id)") }
  func deleteFinished(before moment: Timestamp, limit: Int) async throws(StoreError) -> [TaskID] {
    _ = try note("delete before \(moment.text)")
    return [TaskID(number: 1), TaskID(number: 2)]
  }
  func countFinished(before moment: Timestamp) async throws(StoreError) -> Int64 {
    _ = try note("count before \(moment.text)")
    return 3
  }
  func reclaimPages(limit: Int) async throws(StoreError) -> Bool { false }
  func probe() async throws(StoreError) -> StoreHealth {
    _ = try note("probe")
    return StoreHealth(journalMode: "wal", synchronous: 2, writeTime: .milliseconds(2), readTime: .milliseconds(1))
  }

  func beginEpoch() async throws(StoreError) -> RecoveryReport { RecoveryReport(epoch: 1) }
  func claim(_ request: ClaimRequest) async throws(StoreError) -> [ClaimedTask] { [] }
  func advance(_ claim: Claim, _ changes: [TaskChange]) async throws(StoreError) -> AdvanceResult {
    throw StoreError(.claimLost, "nothing is ever claimed")
  }
  func promoteDue(limit: Int) async throws(StoreError) -> Int { 0 }
  func hasten(_ tasks: [TaskID]) async throws(StoreError) -> Int { 0 }
  func clearValues(of id: TaskID) async throws(StoreError) -> ClearValues { .none }
  func expireDeadlines(limit: Int) async throws(StoreError) -> [TaskID] { [] }

  func agentStates() async throws(StoreError) -> [AgentState] {
    _ = try note("states")
    return []
  }
  func setDisabled(
    _ isDisabled: Bool, agent: AgentID, by principal: Principal
  ) async throws(StoreError) -> AgentState {
    _ = try note("\(isDisabled ? "disable" : "enable") \(agent)")
    return AgentState(agent: agent, isDisabled: isDisabled)
  }
  func restartAgent(_ agent: AgentID, by principal: Principal) async throws(StoreError) -> AgentState {
    _ = try note("restart \(agent)")
    return AgentState(agent: agent)
  }
}

/// A workspace with one file, `a/b.txt`; the archive of the folder `/endless` has no end.
final class WorkspaceDouble: WorkspaceStore {
  let endedArchives = Mutex(0)

  func create(for task: TaskID, files: [WorkspaceUpload]) async throws(Failure) {}
  func remove(_ task: TaskID) async throws(Failure) {}
  func existing() async throws(Failure) -> [TaskID] { [] }
  func path(for task: TaskID) -> String { "/w/\(task)" }
  func checkedFolder(_ folder: String) async throws(Failure) -> String {
    throw Failure(code: "folder_not_allowed", detail: "no roots")
  }
  let isCut = Mutex(false)
  func files(in workspace: String) async throws(Failure) -> (files: [TaskOutput.File], isCut: Bool) {
    ([TaskOutput.File(path: "a/b.txt", size: 5)], isCut.withLock { $0 })
  }
  func read(_ path: String, in workspace: String) async throws(Failure) -> [UInt8] {
    guard path == "a/b.txt" else { throw Failure(code: "file_not_found", detail: path) }
    return Array("hello".utf8)
  }
  func keepImage(_ bytes: [UInt8], digest: String, of task: TaskID) async throws(Failure) {}
  func image(_ digest: String, of task: TaskID) async throws(Failure) -> [UInt8] {
    throw Failure(code: "file_not_found", detail: digest)
  }
  func archive(_ workspace: String, write: @escaping @Sendable ([UInt8]) async throws -> Void) async throws {
    defer { endedArchives.withLock { $0 += 1 } }
    while workspace == "/endless" { try await write([UInt8](repeating: 0, count: 65_536)) }
    for index in 0..<20 { try await write([UInt8](repeating: UInt8(index), count: 512)) }
  }
}

/// An engine that is never run asks nothing of these.
struct EnginePartsDouble: ProviderRegistry, ToolSource {
  func provider(named id: ProviderID?) throws(ProviderError) -> any ModelProvider {
    throw ProviderError(.providerUnknown, "none")
  }
  func tool(named name: String) -> (any AgentTool)? { nil }
}
