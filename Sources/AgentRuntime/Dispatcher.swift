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
  static let tick: Duration = .milliseconds(250)

  let parts: EngineParts
  let agents: AgentDirectory
  let options: Options
  let wakeup = Wakeup()
  let state = Mutex(State())

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
        turned()
        await claim(into: &group)
        parts.faults.reached(FaultPoint(.claim, .afterEffect))
        turned()
        // The pause after a refusal may have taken the drain's wake.
        if state.withLock({ $0.isDraining }) { break }
        await wakeup.wait(upTo: Self.tick, clock: parts.clock)
      }
      group.addTask { await self.cutAfterGrace() }
      // Deadlines hold for steps in hand too, until the last worker is gone.
      while !_Concurrency.Task.isCancelled, mustKeepTime {
        await lookAtTimers()
        turned()
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
}
