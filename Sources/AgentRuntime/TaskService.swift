import AgentCore
import Synchronization

/// The verbs on tasks as routes and commands call them: rules first, then one durable write, then word to the engine.
package final class TaskService: Sendable {
  package struct Options: Sendable {
    /// Unfinished tasks in all; past it `queue_full`.
    package var maximumUnfinished: Int
    package init(maximumUnfinished: Int = 5_000_000) { self.maximumUnfinished = maximumUnfinished }
  }

  private let store: any TaskStore
  private let workspaces: any WorkspaceStore
  private let agents: AgentDirectory
  private let events: TaskEvents
  private let engine: Dispatcher
  private let clock: any WallClock
  private let digester: any Digester
  private let log: any ServiceLog
  private let sensitive: SensitivePolicy
  private let options: Options
  /// Keys of requests that are being stored at this moment.
  private let inFlight = Mutex<Set<String>>([])

  package init(
    store: any TaskStore, workspaces: any WorkspaceStore, agents: AgentDirectory, events: TaskEvents,
    engine: Dispatcher, clock: any WallClock, digester: any Digester,
    log: any ServiceLog = NoLog(), sensitive: SensitivePolicy = SensitivePolicy(), options: Options = Options()
  ) {
    (self.store, self.workspaces, self.agents, self.events) = (store, workspaces, agents, events)
    (self.engine, self.clock, self.digester) = (engine, clock, digester)
    (self.log, self.sensitive, self.options) = (log, sensitive, options)
  }

  /// Stores all of the drafts or none. With one draft, pointers of refused fields begin at the draft (`/input`), in a
  /// batch at `/tasks/N`. Codes: `invalid_field`, `agent_unknown`, `folder_not_allowed`, those of the workspace,
  /// `idempotency_mismatch`, `idempotency_in_flight`, `task_deleted`, `queue_full`, those of the storage.
  package func submit(
    _ drafts: [TaskDraft], isBatch: Bool = false, key: String? = nil, by principal: Principal
  ) async throws(ServiceError) -> Submission {
    guard let key else {
      try check(drafts, isBatch: isBatch)
      return try await store(drafts, isBatch: isBatch, key: nil, by: principal)
    }
    let slot = "\(principal) \(key)"
    guard inFlight.withLock({ $0.insert(slot).inserted }) else {
      throw ServiceError("idempotency_in_flight", "a request with this Idempotency-Key is being stored right now")
    }
    defer { inFlight.withLock { _ = $0.remove(slot) } }
    // A batch of one is another request than the task alone: its answer has another shape.
    let hash = digester.digest([
      "batch": .bool(isBatch), "tasks": .array(drafts.map { .string($0.fingerprint(digester)) }),
    ])
    let asked = IdempotencyKey(key: key, bodyHash: hash)
    // Before the rules: a request that was taken is answered again, though its agent or folder is gone by now, or the
    // disk is full.
    let earlier = try await mapped { () async throws(StoreError) in
      try await store.earlierTasks(for: asked, by: principal)
    }
    if let earlier { return .repeated(earlier) }
    try check(drafts, isBatch: isBatch)
    return try await store(drafts, isBatch: isBatch, key: asked, by: principal)
  }

  private func check(_ drafts: [TaskDraft], isBatch: Bool) throws(ServiceError) {
    guard !drafts.isEmpty else { throw .invalid([ServiceError.Field("/tasks", "at least one task")]) }
    guard drafts.count <= TaskDraft.Bounds.batch else {
      throw ServiceError("batch_too_large", "at most \(TaskDraft.Bounds.batch) tasks in a batch")
    }
    let reserved = drafts.enumerated().flatMap { index, draft in
      draft.reservedMembers(sensitive.fields, prefix: isBatch ? "/tasks/\(index)" : "")
    }
    guard reserved.isEmpty else { throw .reserved(reserved) }
    var problems: [ServiceError.Field] = []
    var unknown: ServiceError.Field?
    for (index, draft) in drafts.enumerated() {
      let prefix = isBatch ? "/tasks/\(index)" : ""
      problems += draft.problems(prefix: prefix) + draft.sealedValueProblems(sensitive.fields, prefix: prefix)
      if agents[draft.agent] == nil, unknown == nil {
        let names = agents.all.map(\.id.name).joined(separator: ", ")
        unknown = ServiceError.Field("\(prefix)/agent", "no agent of that name; there are: \(names)")
      }
    }
    guard problems.isEmpty else { throw .invalid(problems + (unknown.map { [$0] } ?? [])) }
    if let unknown { throw ServiceError("agent_unknown", unknown.detail, fields: [unknown]) }
  }

  private func store(
    _ drafts: [TaskDraft], isBatch: Bool, key: IdempotencyKey?, by principal: Principal
  ) async throws(ServiceError) -> Submission {
    let folders = try await checkedFolders(drafts, isBatch: isBatch)
    let ids = try mapped { () throws(StoreError) in try store.drawTaskIDs(count: drafts.count) }
    let tasks = zip(zip(ids, drafts), folders).map { pair, folder in newTask(pair.0, pair.1, folder: folder) }
    try await makeWorkspaces(ids, drafts, isBatch: isBatch)
    let submission: Submission
    do {
      submission = try await store.submit(
        tasks, key: key, maximumUnfinished: options.maximumUnfinished, by: principal)
    } catch {
      // An outcome that is unknown may be a stored one: its workspace stays, and the next start settles it.
      if !error.leavesOutcomeUnknown { await removeWorkspaces(tasks.filter { $0.folder == nil }.map(\.id)) }
      throw ServiceError(error)
    }
    switch submission {
    case .created(let tasks):
      for task in tasks { log.record("task.submitted", task, by: principal) }
      engine.wake()
    case .repeated: await removeWorkspaces(tasks.filter { $0.folder == nil }.map(\.id))
    }
    return submission
  }

  private func checkedFolders(_ drafts: [TaskDraft], isBatch: Bool) async throws(ServiceError) -> [String?] {
    var folders: [String?] = []
    for (index, draft) in drafts.enumerated() {
      guard let folder = draft.folder else {
        folders.append(nil)
        continue
      }
      do throws(Failure) {
        let checked = try await workspaces.checkedFolder(folder)
        // An agent that only reads may work where the service may only read.
        if Self.writes(agents[draft.agent]) { try await workspaces.checkWritable(checked) }
        folders.append(checked)
      } catch {
        let field = ServiceError.Field("\(isBatch ? "/tasks/\(index)" : "")/folder", error.detail)
        throw ServiceError(error.code, error.detail, fields: [field])
      }
    }
    return folders
  }

  private static func writes(_ agent: AgentDefinition?) -> Bool {
    agent?.tools.contains { ["file.write", "file.edit"].contains($0) } ?? false
  }

  private func newTask(_ id: TaskID, _ draft: TaskDraft, folder: String?) -> NewTask {
    NewTask(
      id: id, agent: draft.agent, input: draft.input, metadata: draft.metadata, outputSchema: draft.outputSchema,
      priority: draft.priority ?? TaskDraft.Bounds.defaultPriority, labels: draft.labels, folder: folder,
      limits: draft.limits, maxAttempts: draft.maxAttempts ?? TaskDraft.Bounds.defaultMaxAttempts,
      timeoutSeconds: draft.timeoutSeconds ?? TaskDraft.Bounds.defaultTimeoutSeconds, traceparent: draft.traceparent)
  }

  private func makeWorkspaces(
    _ ids: [TaskID], _ drafts: [TaskDraft], isBatch: Bool
  ) async throws(ServiceError) {
    // Those without files go together: a batch of a thousand then costs one sync and not thousands.
    let empty = zip(ids, drafts).filter { $0.1.folder == nil && $0.1.files.isEmpty }.map(\.0)
    do { try await workspaces.createEmpty(for: empty) } catch { throw ServiceError(error.code, error.detail) }
    var made = empty
    for (index, (id, draft)) in zip(ids, drafts).enumerated() where draft.folder == nil && !draft.files.isEmpty {
      do {
        try await workspaces.create(for: id, files: draft.files)
        made.append(id)
      } catch {
        // What failed has cleaned up after itself.
        await removeWorkspaces(made)
        // Only what is wrong with one file's path has an index; the rest is no member's fault.
        let fields = error.index.map { file in
          [ServiceError.Field("\(isBatch ? "/tasks/\(index)" : "")/files/\(file)/path", error.detail)]
        }
        throw ServiceError(error.code, error.detail, fields: fields ?? [])
      }
    }
  }

  private func removeWorkspaces(_ ids: [TaskID]) async {
    for id in ids {
      // A folder that stays behind has no task row: the next start removes it.
      try? await workspaces.remove(id)
    }
  }

  // MARK: verbs on one task

  /// The task after the wish is stored: `cancelled`, or `running` with `cancelRequestedAt` set.
  package func cancel(_ id: TaskID, by principal: Principal) async throws(ServiceError) -> AgentTask {
    let task = try await mapped { () async throws(StoreError) in try await store.cancel(id, by: principal) }
    log.record(task.status == .running ? "task.cancelling" : "task.cancelled", task, by: principal)
    if task.status == .running { engine.cancel(id) }
    return task
  }

  package func retry(
    _ id: TaskID, from start: RetryStart, by principal: Principal
  ) async throws(ServiceError) -> AgentTask {
    let task = try await mapped { () async throws(StoreError) in try await store.retry(id, from: start, by: principal) }
    log.record("task.retrying", task, by: principal)
    engine.wake()
    return task
  }

  package enum Resolution: Sendable { case finished(output: JSONValue), retry, fail }

  package func resolve(
    _ id: TaskID, step: Int, as resolution: Resolution, by principal: Principal
  ) async throws(ServiceError) -> AgentTask {
    if case .finished(let output) = resolution {
      let reserved = ReservedMembers.problems(in: output, at: "/output", sensitive.fields)
      guard reserved.isEmpty else { throw .reserved(reserved) }
    }
    let stored: StepResolution =
      switch resolution {
      case .finished(let output):
        .finished(output: try await filtered(output, of: id), resultHash: digester.digest(output))
      case .retry: .retry
      case .fail: .fail
      }
    let task = try await mapped { () async throws(StoreError) in
      try await store.resolve(id, step: step, as: stored, by: principal)
    }
    log.record("step.resolved", task, by: principal)
    engine.wake()
    return task
  }

  /// A person's words about a step may quote what the task holds sealed.
  private func filtered(_ output: JSONValue, of id: TaskID) async throws(ServiceError) -> JSONValue {
    let filter = try await filter(of: id)
    var together = filter
    together.learn(output.sensitiveMembers(sensitive.fields).map(\.value))
    guard !together.isOverfull else { throw .invalid([ServiceError.Field("/output", TaskDraft.tooManySealed)]) }
    return filter.filtered(output)
  }

  /// Finds what the task holds sealed: names of its files may say it.
  package func filter(of id: TaskID) async throws(ServiceError) -> SealedFilter {
    SealedFilter(try await sealedTexts(of: id))
  }

  private func sealedTexts(of id: TaskID) async throws(ServiceError) -> [Secret] {
    do throws(StoreError) {
      return try await store.clearValues(of: id).revealTexts()
    } catch {
      // What does not open cannot be looked for, and the step is settled all the same.
      if error.isUnopened { return [] }
      throw ServiceError(error)
    }
  }

  package func resume(_ id: TaskID, by principal: Principal) async throws(ServiceError) -> AgentTask {
    let task = try await mapped { () async throws(StoreError) in try await store.resume(id, by: principal) }
    engine.wake()
    return task
  }

  /// Deletes a finished task, then its workspace.
  package func purge(_ id: TaskID, by principal: Principal) async throws(ServiceError) {
    let task = try await task(id)
    try await mapped { () async throws(StoreError) in try await store.purge(id, by: principal) }
    log.record("task.purged", task, by: principal)
    await removeWorkspaces([id])
  }

  // MARK: reads

  package func task(_ id: TaskID) async throws(ServiceError) -> AgentTask {
    guard let task = try await mapped({ () async throws(StoreError) in try await store.task(id) }) else {
      throw .noTask(id)
    }
    return task
  }

  package func tasks(_ query: TaskQuery) async throws(ServiceError) -> Page<AgentTask> {
    try await mapped { () async throws(StoreError) in try await store.tasks(query) }
  }

  /// All steps, superseded ones marked.
  package func steps(of id: TaskID) async throws(ServiceError) -> [Step] {
    _ = try await task(id)
    let entries = try await mapped { () async throws(StoreError) in try await store.shownJournal(of: id) }
    return StepHistory(replaying: entries).steps
  }

  /// The folder the task works in.
  package func workspace(of id: TaskID) async throws(ServiceError) -> String {
    try await task(id).folder ?? workspaces.path(for: id)
  }

  /// The task when it has ended, or as it is when the time is up. Returns early when the caller is cancelled.
  package func wait(for id: TaskID, upTo limit: Duration) async throws(ServiceError) -> AgentTask {
    let deadline = clock.uptime() + limit
    let changes = events.changes(of: id)
    defer { changes.cancel() }
    while true {
      let current = try await task(id)
      let left = deadline - clock.uptime()
      if current.status.isTerminal || left <= .zero || _Concurrency.Task.isCancelled { return current }
      await changes.next(within: left, clock: clock)
    }
  }

  private func mapped<Value>(_ body: () throws(StoreError) -> Value) throws(ServiceError) -> Value {
    do { return try body() } catch { throw ServiceError(error) }
  }

  private func mapped<Value>(_ body: () async throws(StoreError) -> Value) async throws(ServiceError) -> Value {
    do { return try await body() } catch { throw ServiceError(error) }
  }
}
