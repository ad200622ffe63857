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
    var interrupt: WorkInterrupt
    /// Until its next finished step.
    var isQuarantined: Bool
    /// Of the clock's uptime.
    var wallDeadline: Duration?
  }

  private struct State {
    var running: [TaskID: Running] = [:]
    var isAlive = false
    var isDraining = false
    /// The drain's grace is over.
    var isHurried = false
    var isAbandoned = false
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
        await wakeup.wait(upTo: Self.tick, clock: parts.clock)
      }
      group.addTask { await self.cutAfterGrace() }
    }
    state.withLock { $0.isAlive = false }
  }

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

  /// A cancel of this running task is stored: cut its step in hand.
  package func cancel(_ id: TaskID) { state.withLock { $0.running[id]?.interrupt }?.fire(.cancel) }

  /// Returns when the workers that the agent has now are gone: at their next step boundary, or cut after the grace.
  package func restart(_ id: AgentID) async {
    let interrupts = state.withLock { state in state.running.values.filter { $0.agent == id }.map(\.interrupt) }
    for interrupt in interrupts { interrupt.request(.agentRestart) }
    let old = Set(interrupts.map(ObjectIdentifier.init))
    if await !allGone({ old.contains(ObjectIdentifier($0.interrupt)) }, within: Self.restartGrace) {
      for interrupt in interrupts { interrupt.fire(.agentRestart) }
      _ = await allGone({ old.contains(ObjectIdentifier($0.interrupt)) }, within: Self.restartGrace)
    }
    wake()
  }

  private func allGone(_ isMeant: @Sendable (Running) -> Bool, within limit: Duration) async -> Bool {
    let watcher = Wakeup()
    let key = state.withLock { state in
      state.nextWatcher += 1
      state.watchers[state.nextWatcher] = watcher
      return state.nextWatcher
    }
    defer { state.withLock { _ = $0.watchers.removeValue(forKey: key) } }
    let deadline = parts.clock.uptime() + limit
    while true {
      if state.withLock({ !$0.running.values.contains(where: isMeant) }) { return true }
      let left = deadline - parts.clock.uptime()
      if left <= .zero || _Concurrency.Task.isCancelled { return false }
      await watcher.wait(upTo: left, clock: parts.clock)
    }
  }

  // MARK: claiming

  private func claim(into group: inout DiscardingTaskGroup) async {
    while let request = nextRequest() {
      let claimed: [ClaimedTask]
      do throws(StoreError) {
        claimed = try await parts.store.claim(request)
      } catch {
        await pause(after: error)
        return
      }
      guard !claimed.isEmpty else { return }
      for task in claimed {
        parts.log.record(
          .info, "task", "task.started", ["task": "\(task.task.id)", "agent": task.task.agent.name])
        start(task, in: &group)
      }
    }
  }

  /// Nil when there is no room, or no agent to ask for.
  private func nextRequest() -> ClaimRequest? {
    let definitions = agents.all
    return state.withLock { state in
      guard !state.isDraining else { return nil }
      let free = min(options.workers - state.running.count, Self.claimBatch)
      guard free > 0 else { return nil }
      let busy = state.running.values.reduce(into: [AgentID: Int]()) { $0[$1.agent, default: 0] += 1 }
      let rooms = definitions.compactMap { definition -> ClaimRequest.Room? in
        let places = definition.concurrency - (busy[definition.id] ?? 0)
        return places > 0 ? ClaimRequest.Room(agent: definition, places: places) : nil
      }
      guard !rooms.isEmpty else { return nil }
      return ClaimRequest(
        rooms: rooms, places: free, quarantineIsFree: !state.running.values.contains(where: \.isQuarantined))
    }
  }

  private func start(_ claimed: ClaimedTask, in group: inout DiscardingTaskGroup) {
    let interrupt = WorkInterrupt()
    let limits = claimed.definition.limits.narrowed(by: claimed.task.limits)
    let wallDeadline = limits.wallTime.map { parts.clock.uptime() + $0 - claimed.wallTimeUsed }
    let (isDraining, isHurried) = state.withLock { state in
      state.running[claimed.task.id] = Running(
        agent: claimed.task.agent, interrupt: interrupt, isQuarantined: claimed.crashes >= Self.quarantineCrashes,
        wallDeadline: wallDeadline)
      return (state.isDraining, state.isHurried)
    }
    if isDraining { interrupt.request(.shutdown) }
    if isHurried { interrupt.fire(.shutdown) }
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
    do throws(StoreError) {
      while try await parts.store.promoteDue(limit: Self.timerBatch) == Self.timerBatch {}
      for id in try await parts.store.expireDeadlines(limit: Self.timerBatch) {
        state.withLock { $0.running[id]?.interrupt }?.fire(.deadline)
      }
    } catch {
      await pause(after: error)
    }
    let now = parts.clock.uptime()
    let over = state.withLock { state in
      state.running.values.filter { running in running.wallDeadline.map { $0 <= now } ?? false }.map(\.interrupt)
    }
    for interrupt in over { interrupt.fire(.wallTime) }
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
