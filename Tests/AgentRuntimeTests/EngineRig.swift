import AgentConfig
import AgentCore
import AgentPersistence
import AgentRuntime
import AgentTestKit
import AgentTools
import LLMProviders
import Synchronization
import Vault

/// The engine on a real store file and real workspaces, its models scripted, its clock in the test's hand.
final class EngineRig: Sendable {
  let folder: TemporaryFolder
  let clock: ManualClock
  let store: SQLiteTaskStore
  let file: StoreFile
  let sealing: StoreSealing
  let tasks: TaskService
  let agents: AgentService
  let engine: Dispatcher
  let events: TaskEvents
  let workspaces: TaskWorkspaces
  let recovery: RecoveryReport
  let commitFault: CommitFault
  let directory: AgentDirectory
  /// `sandbox`, the default, and those that a test names beside it.
  let providers: ProviderDirectory
  /// The definitions as the files would have them at an agent's restart; the directory's own until it is set.
  let configured = Box<[AgentDefinition]>()

  /// Opens `folder`, does a start's recovery, and leaves the engine for `run` to start.
  init(
    in folder: TemporaryFolder, agents definitions: [AgentDefinition], script: SandboxScript,
    tools: [any AgentTool] = [], clock: ManualClock = ManualClock(), retries: RetryPolicy = RetryPolicy(),
    timeouts: StepTimeouts = StepTimeouts(), workers: Int = 64, provider: (any ModelProvider)? = nil,
    others: [ProviderID: any ModelProvider] = [:], behind given: ProviderDirectory? = nil, allowedRoots: [String] = [],
    lostAnswers: LostAnswers? = nil, hooks: StoreHooks = StoreHooks(), log: any ServiceLog = NoLog(),
    ring: KeyRing? = nil, sensitive: SensitivePolicy = SensitivePolicy(),
    onCommit: @escaping @Sendable (CommitNotice) -> Void = { _ in }
  ) async throws {
    (self.folder, self.clock) = (folder, clock)
    let (events, commitFault) = (TaskEvents(), CommitFault())
    (self.events, self.commitFault) = (events, commitFault)
    let digester = FixedDigester()
    let random = SeededRandom(seed: 7)
    file = try StoreFile.open(
      StoreOptions(
        folder: folder.path, clock: clock, random: random,
        onCommit: { notice in
          onCommit(notice)
          events.committed(notice)
        }, commitFault: { _ in commitFault.next() }))
    sealing = StoreSealing(ring: try ring ?? TestKeys.ring(), policy: sensitive)
    let store = try await SQLiteTaskStore(file: file, clock: clock, digester: digester, sealing: sealing)
    self.store = store
    recovery = try await store.beginEpoch()
    let work = BlockingWork()
    workspaces = TaskWorkspaces(
      try Workspaces(root: folder.appending("workspaces"), allowedRoots: allowedRoots, work: work))
    let provider = provider ?? SandboxProvider(id: "sandbox", clock: clock, script: script)
    directory = AgentDirectory(definitions)
    providers =
      try given
      ?? ProviderDirectory(
        providers: others.merging(["sandbox": provider]) { $1 }, defaultID: "sandbox", clock: clock)
    let parts = EngineParts(
      store: ForgetfulStore(store, losing: lostAnswers, hooks: hooks),
      providers: providers,
      tools: ToolRegistry(tools: FileToolbox(digester: digester, work: work).tools + tools), workspaces: workspaces,
      events: events, clock: clock, random: random, digester: digester, faults: NoFaults(), log: log,
      sensitive: sensitive, retries: retries, timeouts: timeouts)
    engine = Dispatcher(parts: parts, agents: directory, options: Dispatcher.Options(workers: workers))
    // As the composition does it.
    providers.onVacancy { [weak engine] in engine?.hasten($0) }
    events.onEnded { [providers] in providers.forget($0) }
    tasks = TaskService(
      store: store, workspaces: workspaces, agents: directory, events: events, engine: engine, clock: clock,
      digester: digester, sensitive: sensitive)
    agents = AgentService(store: store, agents: directory, engine: engine) { [directory, configured] id in
      if let newest = configured.value?.first(where: { $0.id == id }) { directory.update(newest) }
    }
  }

  /// Runs the engine while `body` runs, then drains it and closes the store.
  func run<Value: Sendable>(_ body: @escaping @Sendable (EngineRig) async throws -> Value) async throws -> Value {
    let result: Result<Value, any Error> = await withTaskGroup(of: Void.self) { group in
      let hasEnded = Box<Bool>()
      group.addTask {
        await self.engine.run()
        hasEnded.set(true)
      }
      let result: Result<Value, any Error>
      do { result = .success(try await body(self)) } catch { result = .failure(error) }
      engine.drain()
      // What still hangs is cut when the grace is over. Until the engine itself is gone, not its workers alone: the
      // engine may be in a pause after a refusal of the storage, and nobody else moves this clock.
      while hasEnded.value == nil { await step(.milliseconds(250)) }
      await group.waitForAll()
      return result
    }
    await file.close()
    return try result.get()
  }

  /// Runs the engine while `body` runs, then ends it as a kill does: the store is closed in the middle of whatever goes
  /// on, and nothing that is still decided is written.
  func runAndAbandon(_ body: @escaping @Sendable (EngineRig) async throws -> Void) async throws {
    let result: Result<Void, any Error> = await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.engine.run() }
      let result: Result<Void, any Error>
      do { result = .success(try await body(self)) } catch { result = .failure(error) }
      await file.close()
      group.cancelAll()
      engine.drain()
      await group.waitForAll()
      return result
    }
    try result.get()
  }

  /// Moves the clock on, and lets a look at the store take the time that it takes: a clock that only yields in between
  /// is hours ahead, on a loaded machine, of work whose commits take real milliseconds.
  private func step(_ duration: Duration) async {
    clock.advance(by: duration)
    _ = try? await store.eventBounds()
    await Task.yield()
  }

  /// Moves the clock on in small steps until `isMet`; gives up after two minutes of real time, in which a task with the
  /// longest timeout cannot run out. Beside eleven other tests on two processors a step may take 50 ms, and some tests
  /// wait for a thousand of them.
  func advance(by pace: Duration = .seconds(1), until isMet: @Sendable () async throws -> Bool) async throws {
    let start = ContinuousClock.now
    while ContinuousClock.now - start < .seconds(120) {
      try Task.checkCancellation()
      if try await isMet() { return }
      await step(pace)
    }
    throw ServiceError("test", "two minutes of waiting went by in vain")
  }

  func submit(_ agent: AgentID, _ input: String = "go", _ change: (inout TaskDraft) -> Void = { _ in }) async throws
    -> TaskID
  {
    var draft = TaskDraft(agent: agent, input: .string(input))
    change(&draft)
    guard case .created(let tasks) = try await tasks.submit([draft], by: .local), let task = tasks.first else {
      throw ServiceError("test", "not created")
    }
    return task.id
  }

  /// The task once its status is one of these; its row is read after each commit that touches it.
  func task(_ id: TaskID, when statuses: Set<TaskStatus>) async throws -> AgentTask {
    let changes = events.changes(of: id)
    defer { changes.cancel() }
    while true {
      // A wait returns at once in a test whose time is over.
      try Task.checkCancellation()
      let task = try await tasks.task(id)
      if statuses.contains(task.status) { return task }
      await changes.next()
    }
  }

  func ended(_ id: TaskID) async throws -> AgentTask {
    try await task(id, when: [.completed, .failed, .cancelled])
  }

  /// Waits for a journal row of that type (and step).
  func event(_ type: JournalEventType, of id: TaskID, step: Int? = nil, count: Int = 1) async throws -> JournalEntry {
    let changes = events.changes(of: id)
    defer { changes.cancel() }
    while true {
      try Task.checkCancellation()
      let found = try await store.journal(of: id).filter { $0.type == type && (step == nil || $0.step == step) }
      if found.count >= count { return found[count - 1] }
      await changes.next()
    }
  }
}

/// A tool whose doings a test counts and steers.
final class ProbeTool: AgentTool {
  enum Behaviour: Sendable {
    case answer(String)
    case fail(ToolError)
    /// Until it is cancelled; then as a cut network call, which may have happened.
    case hang
  }
  let descriptor: ToolDescriptor
  private let effect: EffectClass
  private let behaviours: Mutex<[Behaviour]>
  private let performed = Mutex<[String]>([])
  private let hook = Mutex<(@Sendable () -> Void)?>(nil)
  private let entered = Wakeup()

  /// The last behaviour is for every later call too.
  init(
    _ name: String, effect: EffectClass, _ behaviours: [Behaviour], parameters: JSONValue = ["type": "object"]
  ) {
    descriptor = ToolDescriptor(name: name, description: "", parameters: parameters)
    self.effect = effect
    self.behaviours = Mutex(behaviours)
  }

  var count: Int { performed.withLock { $0.count } }
  /// The key that each call would have sent.
  var keys: [String] { performed.withLock { $0 } }

  /// Run at the beginning of each call.
  func onPerform(_ body: @escaping @Sendable () -> Void) { hook.withLock { $0 = body } }

  /// Returns when a call has begun that no earlier return told of.
  func begun() async { await entered.wait() }

  func plan(_ arguments: JSONValue, in context: ToolContext) async throws(ToolError) -> ToolPlan {
    ToolPlan(effect: effect)
  }

  func perform(
    _ arguments: JSONValue, plan: ToolPlan, in context: ToolContext
  ) async throws(ToolError) -> ToolOutcome {
    performed.withLock { $0.append(context.idempotencyKey) }
    hook.withLock { $0 }?()
    entered.wake()
    let behaviour = behaviours.withLock { $0.count > 1 ? $0.removeFirst() : $0.first }
    switch behaviour {
    case .answer(let text): return ToolOutcome(text: text)
    case .fail(let error): throw error
    case .hang, nil:
      let forever = Wakeup()
      await forever.wait()
      throw ToolError("cancelled", "cut", mayHaveHappened: true)
    }
  }
}

extension SandboxScript {
  /// Replies in the order of turns; texts end the task.
  static func turns(_ replies: [SandboxScript.Reply]) -> SandboxScript {
    SandboxScript(rules: replies.enumerated().map { Rule(turn: $0.offset + 1, reply: $0.element) })
  }
}

extension SandboxScript.Reply {
  static func text(_ text: String) -> Self { Self(outcome: .answer(text: text, calls: [], finish: nil, usage: nil)) }
  static func call(_ name: String, _ arguments: JSONValue = [:]) -> Self {
    Self(outcome: .answer(text: "", calls: [.init(name: name, arguments: arguments)], finish: nil, usage: nil))
  }
  static func error(_ error: ProviderError) -> Self { Self(outcome: .failure(error)) }
}
