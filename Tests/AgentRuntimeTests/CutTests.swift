import AgentConfig
import AgentCore
import AgentPersistence
import AgentRuntime
import AgentTestKit
import Testing

/// What a step comes to that is cut while the service lives.
@Suite("Cut while we live", .timeLimit(.minutes(4))) struct CutTests {
  enum Cut: CaseIterable { case cancel, deadline, wallTime, agentRestart, shutdown, toolTimeout }

  private static func rig(_ probe: ProbeTool, _ cut: Cut) async throws -> EngineRig {
    try await EngineRig(
      in: TemporaryFolder(),
      agents: [
        EngineTests.agent(tools: ["probe"], limits: TaskLimits(wallTime: cut == .wallTime ? .seconds(9) : nil))
      ],
      script: .turns([.call("probe"), .text("ok")]), tools: [probe],
      timeouts: StepTimeouts(toolCall: cut == .toolTimeout ? .seconds(7) : .seconds(120)))
  }

  /// Begins a task whose first tool call hangs, and cuts it.
  private static func cutting(_ cut: Cut, _ rig: EngineRig, _ probe: ProbeTool) async throws -> TaskID {
    let id = try await rig.submit("coder") { if cut == .deadline { $0.timeoutSeconds = 5 } }
    await probe.begun()
    switch cut {
    case .cancel: _ = try await rig.tasks.cancel(id, by: .local)
    case .deadline, .wallTime, .toolTimeout: break
    case .agentRestart:
      async let isDone: Void = rig.engine.restart("coder")
      try await rig.advance(until: { try await rig.store.journal(of: id).count { $0.step == 2 } >= 2 })
      await isDone
    case .shutdown: rig.engine.drain()
    }
    try await rig.advance(until: { try await rig.store.journal(of: id).count { $0.step == 2 } >= 2 })
    return id
  }

  @Test(
    "a once step whose intent is durable and whose answer is not ends in doubt, whatever cut it; a task that is over is",
    arguments: [
      (Cut.cancel, TaskStatus.cancelled), (.deadline, .failed), (.wallTime, .failed), (.agentRestart, .waiting),
      (.shutdown, .waiting), (.toolTimeout, .waiting),
    ])
  func once(cut: Cut, status: TaskStatus) async throws {
    let probe = ProbeTool("probe", effect: .once, [.hang])
    let rig = try await Self.rig(probe, cut)
    try await rig.run { rig in
      let id = try await Self.cutting(cut, rig, probe)
      let task = try await rig.task(id, when: [status])
      #expect(task.waiting == (status == .waiting ? TaskWait(reason: .stepInDoubt, step: 2) : nil))
      #expect(try await rig.tasks.steps(of: id).last?.status == .inDoubt)
      #expect(probe.count == 1)
      await #expect(throws: ServiceError.self) { try await rig.tasks.retry(id, from: .lastStep, by: .local) }
      // A person may settle it in every status.
      _ = try await rig.tasks.resolve(id, step: 2, as: .finished(output: ["text": "done"]), by: .local)
      #expect(try await rig.tasks.steps(of: id)[1].status == .finished)
    }
  }

  @Test("the deadline stands still while a person is waited for, and goes on with what was left of it")
  func deadlineStands() async throws {
    let probe = ProbeTool("probe", effect: .once, [.hang])
    let rig = try await Self.rig(probe, .toolTimeout)
    try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.timeoutSeconds = 3600 }
      await probe.begun()
      let start = rig.clock.uptime()
      try await rig.advance(until: { try await rig.tasks.task(id).status == .waiting })
      let used = rig.clock.uptime() - start
      for _ in 0..<300 {
        rig.clock.advance(by: .seconds(20))
        _ = try await rig.store.agentStates()
      }
      #expect(try await rig.tasks.task(id).status == .waiting)
      // The next try hangs too; what ends it is its own time again, and not the deadline that has long passed.
      _ = try await rig.tasks.resolve(id, step: 2, as: .retry, by: .local)
      await probe.begun()
      try await rig.advance(until: { try await rig.tasks.task(id).status != .running })
      let again = try await rig.tasks.task(id)
      #expect(again.status == .waiting && used < .seconds(1800), "\(used), \(String(describing: again.error))")
    }
  }

  @Test("a pure step that a requeue cuts stays open and is tried again under its number")
  func requeued() async throws {
    let probe = ProbeTool("probe", effect: .pure, [.hang, .answer("x")])
    let rig = try await Self.rig(probe, .agentRestart)
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      await probe.begun()
      async let isDone: Void = rig.engine.restart("coder")
      try await rig.advance(until: { try await rig.tasks.task(id).status == .completed })
      await isDone
      #expect(try await rig.tasks.steps(of: id).map(\.attempt) == [1, 2, 1])
      #expect(try await rig.tasks.steps(of: id).map(\.number) == [1, 2, 3])
    }
  }

  @Test("a tool that hangs is cut at its time, and the model is told")
  func toolTimeout() async throws {
    let probe = ProbeTool("probe", effect: .pure, [.hang])
    let rig = try await Self.rig(probe, .toolTimeout)
    try await rig.run { rig in
      let id = try await Self.cutting(.toolTimeout, rig, probe)
      #expect(try await rig.ended(id).status == .completed)
      #expect(try await rig.tasks.steps(of: id)[1].error?.code == "tool_timeout")
    }
  }

  @Test("the tool call that a task's end cut is made again by a retry, and the model never hears of the cut")
  func retryAfterCut() async throws {
    let probe = ProbeTool("probe", effect: .pure, [.hang, .answer("x")])
    let provider = ProbeProvider([.call("probe"), .text("ok")])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["probe"])], script: .turns([]), tools: [probe],
      provider: provider)
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      await probe.begun()
      _ = try await rig.tasks.cancel(id, by: .local)
      #expect(try await rig.ended(id).status == .cancelled)
      _ = try await rig.tasks.retry(id, from: .lastStep, by: .local)
      #expect(try await rig.ended(id).status == .completed)
      let steps = try await rig.tasks.steps(of: id)
      #expect(steps.map(\.status) == [.finished, .failed, .finished, .finished] && probe.count == 2)
      // Whoever has the first call already can know the second by it.
      #expect(Set(probe.keys).count == 1)
      let results = provider.calls.last?.messages.filter { if case .toolResult = $0 { true } else { false } }
      #expect(results == [.toolResult(callID: "call-1", name: "probe", text: "x", isError: false)])
    }
  }

  @Test("a hundred hanging calls end within a second of their cancel")
  func hundredCancels() async throws {
    let probe = ProbeTool("probe", effect: .pure, [.hang])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["probe"], concurrency: 100)],
      script: .turns([.call("probe")]), tools: [probe], workers: 100)
    try await rig.run { rig in
      let drafts = Array(repeating: TaskDraft(agent: "coder", input: "go"), count: 100)
      guard case .created(let tasks) = try await rig.tasks.submit(drafts, isBatch: true, by: .local) else { return }
      for task in tasks { _ = try await rig.event(.stepStarted, of: task.id, step: 2) }
      let start = rig.clock.uptime()
      for task in tasks { _ = try await rig.tasks.cancel(task.id, by: .local) }
      for task in tasks { #expect(try await rig.ended(task.id).status == .cancelled) }
      #expect(rig.clock.uptime() - start <= .seconds(1))
    }
  }

  @Test("which outcome goes first: an acknowledged cancel before everything that ends or requeues a task")
  func cancelFirst() async throws {
    let probe = ProbeTool("probe", effect: .pure, [.hang])
    let rig = try await Self.rig(probe, .cancel)
    try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.timeoutSeconds = 5 }
      await probe.begun()
      // The wish is stored, its worker not told yet; then the deadline and a shutdown come.
      _ = try await rig.store.cancel(id, by: .local)
      rig.clock.advance(by: .seconds(6))
      rig.engine.drain()
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      let task = try await rig.tasks.task(id)
      #expect(task.status == .cancelled && task.error == nil)
    }
  }
}
