import AgentCore
import Synchronization

/// Claims tasks as places become free and runs a worker for each, until it is told to drain.
package final class Dispatcher: Sendable {
  package struct Options: Sendable {
    /// Tasks in flight in all.
    package var workers: Int
    /// What steps in hand get at a shutdown before they are cut.
    package var shutdownGrace: Duration
    package init(workers: Int = 64, shutdownGrace: Duration = .seconds(20)) {
      (self.workers, self.shutdownGrace) = (workers, shutdownGrace)
    }
  }

  /// What a step in hand gets at an agent restart before it is cut.
  package static let restartGrace: Duration = .seconds(10)
  /// How often timers and deadlines are looked at; each look is an index seek.
  private static let tick: Duration = .milliseconds(250)
  /// Tasks that one look at timers or deadlines moves in a commit.
  private static let timerBatch = 500
  /// Tasks that one claim takes at most: a commit this size stays short.
  private static let claimBatch = 64

  /// A task that killed the process this often since its last finished step runs in a lane of its own.
  private static let quarantineCrashes = 3

  private struct Running {
    var agent: AgentID
    /// The agent's restarts when its claim was asked for.
    var restarts: Int
    var interrupt: WorkInterrupt
    /// Until its next finished step.
    var isQuarantined: Bool
    /// Both of the clock's uptime.
    var deadline: Duration
    var wallDeadline: Duration?
  }

  private struct State {
    var running: [TaskID: Running] = [:]
    /// How often each agent was restarted in this life.
    var restarts: [AgentID: Int] = [:]
    /// `restarts` when the claim was asked for whose tasks are not all in `running` yet.
    var claiming: [AgentID: Int]?
    var isAlive = false
    var isDraining = false
    /// The drain's grace is over.
    var isHurried = false
    var isAbandoned = false
    /// Tasks whose wait for a provider shall end now. One that still runs stays here until its worker is gone: its wait
    /// may be on its way to the disk.
    var hastened: Set<TaskID> = []
    /// Those who wait for workers to be gone.
    var watchers: [Int: Wakeup] = [:]
    var nextWatcher = 0
    var refusals = RefusalNotice()
  }

  private let parts: EngineParts
  private let agents: AgentDirectory
  private let options: Options
  private let wakeup = Wakeup()
  private let state = Mutex(State())

  package init(parts: EngineParts, agents: AgentDirectory, options: Options = Options()) {
    (self.parts, self.agents, self.options) = (parts, agents, options)
  }

  /// While true, tasks are being claimed.
  package var isAlive: Bool { state.withLock { $0.isAlive && !$0.isDraining } }

  package var runningCount: Int { state.withLock { $0.running.count } }

  /// Runs until `drain` was called and every worker has returned. Recovery (`beginEpoch`) must have been done.
  package func run() async {
    state.withLock { $0.isAlive = true }
    await withDiscardingTaskGroup { group in
      while !_Concurrency.Task.isCancelled, !state.withLock({ $0.isDraining }) {
        await lookAtTimers()
        await claim(into: &group)
        // The pause after a refusal may have taken the drain's wake.
        if state.withLock({ $0.isDraining }) { break }
        await wakeup.wait(upTo: Self.tick, clock: parts.clock)
      }
      group.addTask { await self.cutAfterGrace() }
      // Deadlines hold for steps in hand too, until the last worker is gone.
      while !_Concurrency.Task.isCancelled, mustKeepTime {
        await lookAtTimers()
        // Here too a pause may have taken the last worker's wake.
        guard mustKeepTime else { break }
        await wakeup.wait(upTo: Self.tick, clock: parts.clock)
      }
    }
    state.withLock { $0.isAlive = false }
  }

  private var mustKeepTime: Bool { state.withLock { !$0.running.isEmpty && !$0.isAbandoned } }

  /// Stops claiming; workers stop at their next step boundary, and are cut after the grace.
  package func drain() {
    let interrupts = state.withLock { state in
      state.isDraining = true
      return state.running.values.map(\.interrupt)
    }
    for interrupt in interrupts { interrupt.request(.shutdown) }
    wakeup.wake()
  }

  /// Drains without the grace: steps in hand are cut now. Repeatable.
  package func hurry() {
    let interrupts = state.withLock { state in
      state.isDraining = true
      state.isHurried = true
      return state.running.values.map(\.interrupt)
    }
    for interrupt in interrupts { interrupt.fire(.shutdown) }
    wakeup.wake()
  }

  private func cutAfterGrace() async {
    if await allGone({ _ in true }, within: options.shutdownGrace) { return }
    let interrupts = state.withLock { state in state.running.values.map(\.interrupt) }
    for interrupt in interrupts { interrupt.fire(.shutdown) }
    if await allGone({ _ in true }, within: Self.restartGrace) { return }
    // The storage takes no results: the next start recovers these tasks.
    state.withLock { $0.isAbandoned = true }
  }

  // MARK: words from the services

  /// There may be work, or room for it.
  package func wake() { wakeup.wake() }

  /// Their provider has places, or its pause is over: those of them that wait for it need wait no longer. Returns at
  /// once; may be called from anywhere, under locks of the caller's too.
  package func hasten(_ tasks: [TaskID]) {
    guard !tasks.isEmpty else { return }
    state.withLock { $0.hastened.formUnion(tasks) }
    wakeup.wake()
  }

  /// A cancel of this running task is stored: cut its step in hand.
  package func cancel(_ id: TaskID) { state.withLock { $0.running[id]?.interrupt }?.fire(.cancel) }

  /// Returns when the workers that the agent has now are gone, those of a claim on its way included: at their next
  /// step boundary, or cut after the grace.
  package func restart(_ id: AgentID) async {
    let (round, interrupts) = state.withLock { state in
      state.restarts[id, default: 0] += 1
      return (state.restarts[id, default: 0], state.running.values.filter { $0.agent == id }.map(\.interrupt))
    }
    for interrupt in interrupts { interrupt.request(.agentRestart) }
    let isOld: @Sendable (Running) -> Bool = { $0.agent == id && $0.restarts < round }
    let isClaimOld: @Sendable ([AgentID: Int]) -> Bool = { $0[id, default: 0] < round }
    if await !allGone(isOld, isClaimOld, within: Self.restartGrace) {
      for interrupt in state.withLock({ $0.running.values.filter(isOld).map(\.interrupt) }) {
        interrupt.fire(.agentRestart)
      }
      _ = await allGone(isOld, isClaimOld, within: Self.restartGrace)
    }
    wake()
  }

  /// `isClaimMeant`: whether to wait for a claim on its way too, by the restarts when it was asked for.
  private func allGone(
    _ isMeant: @Sendable (Running) -> Bool, _ isClaimMeant: @Sendable ([AgentID: Int]) -> Bool = { _ in false },
    within limit: Duration
  ) async -> Bool {
    let watcher = Wakeup()
    let key = state.withLock { state in
      state.nextWatcher += 1
      state.watchers[state.nextWatcher] = watcher
      return state.nextWatcher
    }
    defer { state.withLock { _ = $0.watchers.removeValue(forKey: key) } }
    let deadline = parts.clock.uptime() + limit
    while true {
      let isOver = state.withLock { state in
        !state.running.values.contains(where: isMeant) && !(state.claiming.map(isClaimMeant) ?? false)
      }
      if isOver { return true }
      let left = deadline - parts.clock.uptime()
      if left <= .zero || _Concurrency.Task.isCancelled { return false }
      await watcher.wait(upTo: left, clock: parts.clock)
    }
  }

  // MARK: claiming

  private func claim(into group: inout DiscardingTaskGroup) async {
    let begun = parts.clock.uptime()
    while true {
      let claimed: [ClaimedTask]
      let restarts: [AgentID: Int]
      do throws(StoreError) {
        guard let next = try await nextRequest() else { return }
        restarts = next.restarts
        claimed = try await parts.store.claim(next.request)
      } catch {
        endClaim()
        await pause(after: error)
        return
      }
      defer { endClaim() }
      guard !claimed.isEmpty else { return }
      for task in claimed {
        parts.log.record(
          .info, "task", "task.started", ["task": "\(task.task.id)", "agent": task.task.agent.name])
        start(task, restarts: restarts[task.task.agent] ?? 0, in: &group)
      }
      // A backlog must not keep timers and deadlines waiting: the loop comes back here at once.
      if parts.clock.uptime() - begun >= Self.tick {
        wake()
        return
      }
    }
  }

  private func endClaim() {
    let watchers = state.withLock { state in
      state.claiming = nil
      return Array(state.watchers.values)
    }
    for watcher in watchers { watcher.wake() }
  }

  /// Nil when there is no room, or no agent to ask for; else a claim is on its way until `endClaim`.
  private func nextRequest() async throws(StoreError) -> (request: ClaimRequest, restarts: [AgentID: Int])? {
    guard state.withLock({ !$0.isDraining && $0.running.count < options.workers }) else { return nil }
    // Generations first: a definition that is newer than its generation does no harm, an older one would be pinned.
    let states = try await parts.store.agentStates()
    let generations = Dictionary(states.map { ($0.agent, $0.generation) }, uniquingKeysWith: { _, last in last })
    let definitions = agents.all
    return state.withLock { state in
      guard !state.isDraining else { return nil }
      let free = min(options.workers - state.running.count, Self.claimBatch)
      guard free > 0 else { return nil }
      let busy = state.running.values.reduce(into: [AgentID: Int]()) { $0[$1.agent, default: 0] += 1 }
      let rooms = definitions.compactMap { definition -> ClaimRequest.Room? in
        let places = definition.concurrency - (busy[definition.id] ?? 0)
        guard places > 0 else { return nil }
        return ClaimRequest.Room(agent: definition, places: places, generation: generations[definition.id] ?? 0)
      }
      guard !rooms.isEmpty else { return nil }
      state.claiming = state.restarts
      let request = ClaimRequest(
        rooms: rooms, places: free, quarantineIsFree: !state.running.values.contains(where: \.isQuarantined))
      return (request, state.restarts)
    }
  }

  private func start(_ claimed: ClaimedTask, restarts: Int, in group: inout DiscardingTaskGroup) {
    let interrupt = WorkInterrupt()
    let limits = claimed.definition.limits.narrowed(by: claimed.task.limits)
    let now = parts.clock.uptime()
    let (isDraining, isHurried, isRestarted) = state.withLock { state in
      state.running[claimed.task.id] = Running(
        agent: claimed.task.agent, restarts: restarts, interrupt: interrupt,
        isQuarantined: claimed.crashes >= Self.quarantineCrashes, deadline: now + claimed.timeLeft,
        wallDeadline: limits.wallTime.map { now + $0 - claimed.wallTimeUsed })
      return (state.isDraining, state.isHurried, restarts < state.restarts[claimed.task.agent] ?? 0)
    }
    if isDraining { interrupt.request(.shutdown) }
    if isHurried { interrupt.fire(.shutdown) }
    if isRestarted { interrupt.request(.agentRestart) }
    if claimed.task.cancelRequestedAt != nil { interrupt.fire(.cancel) }
    let worker = Worker(
      parts: parts, claimed: claimed, interrupt: interrupt,
      isAbandoned: { [self] in state.withLock { $0.isAbandoned } },
      stepFinished: { [self] in leaveQuarantine(claimed.task.id, interrupt) })
    group.addTask { [self] in
      await worker.run()
      forget(claimed.task.id, interrupt)
    }
  }

  private func leaveQuarantine(_ id: TaskID, _ interrupt: WorkInterrupt) {
    let isFreed = state.withLock { state in
      guard let running = state.running[id], running.interrupt === interrupt, running.isQuarantined else {
        return false
      }
      state.running[id]?.isQuarantined = false
      return true
    }
    if isFreed { wake() }
  }

  private func forget(_ id: TaskID, _ interrupt: WorkInterrupt) {
    let watchers = state.withLock { state in
      // Its task may be with the next worker already: the one before it leaves after its last write.
      if state.running[id]?.interrupt === interrupt { state.running[id] = nil }
      return Array(state.watchers.values)
    }
    for watcher in watchers { watcher.wake() }
    wake()
  }

  // MARK: timers

  private func lookAtTimers() async {
    cutOverdue()
    let hastened = state.withLock { state in
      let due = state.hastened.filter { state.running[$0] == nil }
      state.hastened.subtract(due)
      return due
    }
    do throws(StoreError) {
      _ = try await parts.store.hasten(hastened.sorted())
      while try await parts.store.promoteDue(limit: Self.timerBatch) == Self.timerBatch {}
      for id in try await parts.store.expireDeadlines(limit: Self.timerBatch) {
        state.withLock { $0.running[id]?.interrupt }?.fire(.deadline)
      }
    } catch {
      state.withLock { $0.hastened.formUnion(hastened) }
      await pause(after: error)
    }
  }

  /// Cuts the steps of running tasks whose time is over, from memory: a storage that does not answer stops no clock.
  private func cutOverdue() {
    let now = parts.clock.uptime()
    let running = state.withLock { Array($0.running.values) }
    for task in running {
      if task.deadline <= now { task.interrupt.fire(.deadline) }
      if let wallDeadline = task.wallDeadline, wallDeadline <= now { task.interrupt.fire(.wallTime) }
    }
  }

  /// Between two tries of a storage that refuses.
  private static let storagePause: Duration = .seconds(1)

  private func pause(after error: StoreError) async {
    let isDue = state.withLock { $0.refusals.isDue(at: parts.clock.uptime()) }
    if isDue {
      parts.log.record(
        .warning, "dispatcher", "the store refused; trying again", ["error": error.code.rawValue])
    }
    await wakeup.wait(upTo: Self.storagePause, clock: parts.clock)
  }
}
