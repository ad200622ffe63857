import AgentCore

/// Tasks that are claimed, and what becomes of their workers.
extension Dispatcher {
  /// Tasks that one claim takes at most: a commit this size stays short.
  private static let claimBatch = 64
  /// A task that killed the process this often since its last finished step runs in a lane of its own.
  private static let quarantineCrashes = 3

  func claim(into group: inout DiscardingTaskGroup) async {
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
      isResting: { [self] in rest($0, claimed.task.id, interrupt) },
      stepFinished: { [self] in leaveQuarantine(claimed.task.id, interrupt) })
    group.addTask { [self] in
      await worker.run()
      forget(claimed.task.id, interrupt)
    }
  }

  private func rest(_ isResting: Bool, _ id: TaskID, _ interrupt: WorkInterrupt) {
    let now = parts.clock.uptime()
    state.withLock { state in
      guard let running = state.running[id], running.interrupt === interrupt else { return }
      if let began = running.restBegan, let wallDeadline = running.wallDeadline {
        state.running[id]?.wallDeadline = wallDeadline + (now - began)
      }
      state.running[id]?.restBegan = isResting ? now : nil
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
}
