import AgentConfig
import AgentCore
import AgentPersistence
import AgentRuntime
import AgentTestKit
import Testing

/// Timers, deadlines and drains, with the engine at work or going down.
@Suite("Timers, deadlines and drains", .timeLimit(.minutes(4))) struct DispatcherTests {
  private static let limited = ProviderError(.rateLimited, "slow down", status: 429, retryAfter: .seconds(30))

  @Test("a pause is waited for in full, though the clock went back before it began", arguments: [true, false])
  func clockBack(isProviders: Bool) async throws {
    let broken = ProviderError(.providerError, "broken", status: 500)
    let provider = ProbeProvider(
      [.fail(isProviders ? Self.limited : broken), .text("ok")],
      traits: ProviderTraits(retries: isProviders ? 3 : 0))
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent()], script: .turns([]), provider: provider)
    try await rig.run { rig in
      // The store has given out this moment: its time stands still from the jump on.
      _ = try await rig.store.probe()
      rig.clock.jump(to: rig.clock.now().adding(.seconds(-600)))
      let id = try await rig.submit("coder")
      _ = try await rig.event(isProviders ? .taskWaiting : .taskRetrying, of: id)
      for _ in 0..<12 {
        rig.clock.advance(by: .milliseconds(250))
        for _ in 0..<20 { _ = try await rig.store.task(id) }
      }
      #expect(try await rig.tasks.task(id).status == (isProviders ? .waiting : .pending))
      #expect(provider.calls.count == 1)
      try await rig.advance(until: { try await rig.tasks.task(id).status == .completed })
    }
  }

  @Test("timers and deadlines are looked at while a backlog is being worked off")
  func backlog() async throws {
    let limited = ProviderError(.rateLimited, "slow down", status: 429, retryAfter: .milliseconds(5100))
    let provider = ProbeProvider([.fail(limited), .text("ok")])
    let box = Box<EngineRig>()
    var hooks = StoreHooks()
    hooks.beforeClaim = { request in
      var one = request
      one.places = 1
      return one
    }
    hooks.afterClaim = { claimed in
      guard let rig = box.value, !claimed.isEmpty else { return }
      rig.clock.advance(by: .milliseconds(100))
      // The worker before this one is gone: there always is a place free, and a next task to claim.
      while rig.engine.runningCount > 0, !Task.isCancelled { await Task.yield() }
    }
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(), EngineTests.agent("late")], script: .turns([]), workers: 2,
      provider: provider, hooks: hooks)
    try await rig.run { rig in
      let late = try await rig.submit("late") { $0.timeoutSeconds = 6 }
      _ = try await rig.task(late, when: [.waiting])
      // It comes back from its wait, and nobody claims it any more.
      _ = try await rig.agents.setDisabled(true, "late", by: .local)
      rig.clock.advance(by: .seconds(4))
      box.set(rig)
      let drafts = Array(repeating: TaskDraft(agent: "coder", input: "go"), count: 40)
      guard case .created(let tasks) = try await rig.tasks.submit(drafts, isBatch: true, by: .local) else { return }
      for task in tasks { #expect(try await rig.ended(task.id).status == .completed) }
      #expect(try await rig.ended(late).error?.code == "timeout")
      // Long before the last one of the backlog was claimed.
      let lastClaim = try await rig.event(.taskStarted, of: tasks[tasks.count - 1].id)
      #expect(try await rig.event(.taskFailed, of: late).sequence < lastClaim.sequence)
    }
  }

  @Test("a wall time that ends during a drain cuts the step, long before the grace does")
  func wallTimeInDrain() async throws {
    let probe = ProbeTool("probe", effect: .pure, [.hang])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["probe"], limits: TaskLimits(wallTime: .seconds(5)))],
      script: .turns([.call("probe")]), tools: [probe])
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      await probe.begun()
      rig.engine.drain()
      rig.clock.advance(by: .seconds(6))
      for _ in 0..<3000 where try await !rig.tasks.task(id).status.isTerminal { rig.engine.wake() }
      #expect(try await rig.tasks.task(id).error?.code == "wall_time_limit")
    }
  }

  @Test("a deadline cuts a running step although the storage does not say whose has passed")
  func deadlineFromMemory() async throws {
    let probe = ProbeTool("probe", effect: .pure, [.hang])
    var hooks = StoreHooks()
    // Not before the step runs: a dispatcher that was refused pauses, and this clock stands still until then.
    hooks.beforeDeadlines = { () throws(StoreError) in
      if probe.count > 0 { throw StoreError(.storageIOError, "no") }
    }
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["probe"])], script: .turns([.call("probe")]),
      tools: [probe], hooks: hooks)
    try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.timeoutSeconds = 5 }
      await probe.begun()
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).error?.code == "timeout")
    }
  }

  @Test("a drain that finds the engine in its pause after a refusal ends without another moment of the clock")
  func drainInPause() async throws {
    let isRefused = Wakeup()
    var hooks = StoreHooks()
    hooks.beforeDeadlines = { () throws(StoreError) in
      isRefused.wake()
      throw StoreError(.storageIOError, "no")
    }
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent()], script: .turns([]), hooks: hooks)
    async let isDone: Void = rig.engine.run()
    await isRefused.wait()
    while rig.clock.sleeperCount == 0, !Task.isCancelled { await Task.yield() }
    rig.engine.drain()
    await isDone
    #expect(!Task.isCancelled)
    await rig.file.close()
  }

  @Test("a test that fails on a storage that refuses to the end is over with the drain's grace")
  func endsAfterFailure() async throws {
    let probe = ProbeTool("probe", effect: .once, [.answer("sent")])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["probe"])],
      script: .turns([.call("probe"), .text("ok")]), tools: [probe])
    probe.onPerform { rig.commitFault.set(CommitFault.full) }
    await #expect(throws: ServiceError.self) {
      try await rig.run { rig in
        _ = try await rig.submit("coder") { $0.timeoutSeconds = 604_800 }
        await probe.begun()
        throw ServiceError("test", "failed")
      }
    }
    #expect(rig.engine.runningCount == 0)
    #expect(!Task.isCancelled)
  }

  @Test("a step that ends within a drain's grace is kept, and the next start goes on after it")
  func keptInDrain() async throws {
    let (folder, gate) = (try TemporaryFolder(), GateTool())
    let script = SandboxScript.turns([.call("gate"), .text("ok")])
    let first = try await EngineRig(
      in: folder, agents: [EngineTests.agent(tools: ["gate"])], script: script, tools: [gate])
    let id = try await first.run { rig in
      let id = try await rig.submit("coder")
      await gate.begun.wait()
      rig.engine.drain()
      for _ in 0..<5 {
        rig.clock.advance(by: .seconds(1))
        for _ in 0..<20 { _ = try await rig.store.task(id) }
      }
      gate.open.wake()
      #expect(try await rig.task(id, when: [.pending]).attempt == 1)
      return id
    }
    let second = try await EngineRig(
      in: folder, agents: [EngineTests.agent(tools: ["gate"])], script: script, tools: [gate], clock: first.clock)
    try await second.run { rig in
      #expect(try await rig.ended(id).status == .completed)
      let steps = try await rig.tasks.steps(of: id)
      #expect(steps.map(\.attempt) == [1, 1, 1] && steps.map(\.status) == [.finished, .finished, .finished])
      #expect(gate.count.value == 1)
      #expect(try await rig.event(.taskRequeued, of: id).head["reason"] == "shutdown")
    }
  }

  @Test("an engine that drains is not ready and claims nothing more")
  func noClaimsInDrain() async throws {
    let probe = ProbeTool("probe", effect: .pure, [.hang])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["probe"])], script: .turns([.call("probe")]),
      tools: [probe])
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      await probe.begun()
      // The call's own time and the engine's next look: it is between two claims.
      while rig.clock.sleeperCount < 2, !Task.isCancelled { await Task.yield() }
      #expect(rig.engine.isAlive)
      rig.engine.drain()
      #expect(!rig.engine.isAlive)
      let other = try await rig.submit("coder")
      for _ in 0..<8 {
        rig.clock.advance(by: .seconds(1))
        rig.engine.wake()
        for _ in 0..<20 { _ = try await rig.store.task(other) }
      }
      #expect(try await rig.tasks.task(other).status == .pending)
      #expect(try await rig.tasks.task(id).status == .running)
    }
  }
}

/// A tool whose one call ends when the test says so.
private final class GateTool: AgentTool {
  let descriptor = ToolDescriptor(name: "gate", description: "", parameters: ["type": "object"])
  let (begun, open) = (Wakeup(), Wakeup())
  let count = Box<Int>()

  func plan(_ arguments: JSONValue, in context: ToolContext) async throws(ToolError) -> ToolPlan {
    ToolPlan(effect: .pure)
  }

  func perform(
    _ arguments: JSONValue, plan: ToolPlan, in context: ToolContext
  ) async throws(ToolError) -> ToolOutcome {
    count.set((count.value ?? 0) + 1)
    begun.wake()
    await open.wait()
    if Task.isCancelled { throw ToolError("cancelled", "cut", mayHaveHappened: true) }
    return ToolOutcome(text: "x")
  }
}
