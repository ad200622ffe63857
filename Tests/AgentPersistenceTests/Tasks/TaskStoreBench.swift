import AgentCore
import AgentTestKit
import Synchronization
import Testing

@testable import AgentPersistence

/// A store on a real file in a folder of its own, with a clock that tests move, and short forms for what tests do all
/// the time.
final class TaskStoreBench: Sendable {
  let folder: TemporaryFolder
  let clock = ManualClock()
  private let open: Mutex<(file: StoreFile, store: SQLiteTaskStore)>
  let notices: NoticeLog
  private let pageBytes: Int64
  let sealing: StoreSealing

  var file: StoreFile { open.withLock { $0.file } }
  var store: SQLiteTaskStore { open.withLock { $0.store } }

  /// - Parameter pageBytes: how much one page may hold.
  init(pageBytes: Int64 = SQLiteTaskStore.defaultPageBytes) async throws {
    self.pageBytes = pageBytes
    folder = try TemporaryFolder("tasks")
    notices = NoticeLog()
    sealing = StoreSealing(ring: try TestKeys.ring(), policy: SensitivePolicy())
    open = Mutex(try await Self.open(folder.path, clock, notices, sealing, pageBytes))
    _ = try await store.beginEpoch()
  }

  private static func open(
    _ path: String, _ clock: ManualClock, _ notices: NoticeLog, _ sealing: StoreSealing, _ pageBytes: Int64
  ) async throws -> (file: StoreFile, store: SQLiteTaskStore) {
    let options = StoreOptions(
      folder: path, clock: clock, random: SeededRandom(seed: 1),
      onCommit: { notices.add($0) }, commitFault: { _ in notices.fault.load(ordering: .relaxed) })
    let file = try StoreFile.open(options)
    let store = try await SQLiteTaskStore(
      file: file, clock: clock, digester: FixedDigester(), sealing: sealing, pageBytes: pageBytes)
    return (file, store)
  }

  /// Ends the process, as far as the store can tell, and starts the next one; without `beginEpoch`.
  func reopen() async throws {
    await file.close()
    let next = try await Self.open(folder.path, clock, notices, sealing, pageBytes)
    open.withLock { $0 = next }
  }

  static let agent = AgentDefinition(id: "coder", instructions: "Write code.", tools: ["file.read"])
  static let otherAgent = AgentDefinition(id: "writer", instructions: "Write prose.", tools: [])

  func newTasks(
    _ count: Int = 1, agent: AgentID = "coder", input: JSONValue = "do it", priority: Int = 5,
    labels: [String: String] = [:], maxAttempts: Int = 3, timeoutSeconds: Int = 3600
  ) throws -> [NewTask] {
    try store.drawTaskIDs(count: count).map {
      NewTask(
        id: $0, agent: agent, input: input, priority: priority, labels: labels, maxAttempts: maxAttempts,
        timeoutSeconds: timeoutSeconds)
    }
  }

  @discardableResult
  func submit(
    _ count: Int = 1, agent: AgentID = "coder", input: JSONValue = "do it", priority: Int = 5,
    labels: [String: String] = [:], maxAttempts: Int = 3, timeoutSeconds: Int = 3600, by owner: Principal = .local
  ) async throws -> [TaskID] {
    let tasks = try newTasks(
      count, agent: agent, input: input, priority: priority, labels: labels, maxAttempts: maxAttempts,
      timeoutSeconds: timeoutSeconds)
    _ = try await store.submit(tasks, key: nil, maximumUnfinished: 1_000_000, by: owner)
    return tasks.map(\.id)
  }

  func claim(
    _ places: Int = 1, agents: [AgentDefinition] = [agent], quarantine: Bool = false
  ) async throws -> [ClaimedTask] {
    try await store.claim(
      ClaimRequest(
        rooms: agents.map { ClaimRequest.Room(agent: $0, places: places) }, places: places,
        quarantineIsFree: quarantine))
  }

  /// Submits one task and claims it.
  func running(
    input: JSONValue = "do it", maxAttempts: Int = 3, timeoutSeconds: Int = 3600
  ) async throws -> ClaimedTask {
    let ids = try await submit(input: input, maxAttempts: maxAttempts, timeoutSeconds: timeoutSeconds)
    let claimed = try #require(try await claim().first)
    #expect(claimed.task.id == ids.first)
    return claimed
  }

  @discardableResult
  func advance(_ claimed: ClaimedTask, _ changes: TaskChange...) async throws -> AdvanceResult {
    try await store.advance(claimed.claim, changes)
  }

  func task(_ id: TaskID) async throws -> AgentTask { try #require(try await store.task(id)) }
  func types(_ id: TaskID) async throws -> [JournalEventType] { try await store.journal(of: id).map(\.type) }
  func steps(_ id: TaskID) async throws -> StepHistory { StepHistory(replaying: try await store.journal(of: id)) }

  /// The error code of what `body` throws; nil when it does not throw.
  func code(_ body: (SQLiteTaskStore) async throws -> Void) async throws -> StoreError.Code? {
    do {
      try await body(store)
      return nil
    } catch let error as StoreError {
      return error.code
    }
  }

  /// The row of a task as the database has it.
  func row(_ id: TaskID) async throws -> TaskRow {
    try await file.read { db in
      let found = try db.firstRow("SELECT \(TaskRow.columns) FROM task WHERE id = ?", [id.number])
      guard let found else { throw StoreError(.notFound, "\(id)") }
      return try TaskRow(found)
    }
  }

  /// Counters in memory and on disk against a count of all tasks.
  func expectTrueCounters(_ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let scanned = try await file.read { try CounterScan.count($0) }
    #expect(file.counters() == scanned, comment, sourceLocation: sourceLocation)
    let stored = try await file.read { try CommitState(reading: $0).counters }
    #expect(stored == scanned, comment, sourceLocation: sourceLocation)
  }
}

/// What commits told, and how they end.
final class NoticeLog: Sendable {
  /// The SQLite result code that commits end with from now on; 0: they go well.
  let fault = Atomic<Int32>(0)
  private let notices = Mutex<[CommitNotice]>([])
  func add(_ notice: CommitNotice) { notices.withLock { $0.append(notice) } }

  /// Those since the last call.
  func take() -> [CommitNotice] {
    notices.withLock { list in
      defer { list = [] }
      return list
    }
  }
}

extension TaskChange {
  static func start(
    _ number: Int, _ effect: EffectClass = .pure, kind: StepKind = .toolCall, attempt: Int = 1, reserved: Int64 = 0,
    settling: ModelUsage? = nil, evidence: JSONValue? = nil
  ) -> TaskChange {
    .stepStarted(
      StepStart(
        number: number, kind: kind, name: kind == .modelCall ? "sandbox" : "file.read", effect: effect,
        attempt: attempt, input: attempt == 1 ? ["n": JSONValue(number)] : nil, inputHash: "hash-\(number)",
        evidence: evidence, reservedTokens: reserved, settling: settling))
  }

  static func finish(_ number: Int, usage: ModelUsage? = nil) -> TaskChange {
    .stepEnded(
      StepEnd(
        number: number, outcome: .finished(output: ["r": JSONValue(number)], resultHash: "r\(number)"), usage: usage))
  }

  static func doubt(_ number: Int) -> TaskChange {
    .stepEnded(StepEnd(number: number, outcome: .inDoubt(Failure(code: "cut", detail: "no answer"))))
  }

  static let broken = TaskChange.failed(Failure(code: "broken", detail: "it broke"))
  static let done = TaskChange.completed(
    TaskOutput(text: "done", json: ["a": 1], files: [TaskOutput.File(path: "a.txt", size: 3)]))
}
