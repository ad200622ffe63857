import AgentConfig
import AgentCore
import AgentRuntime
import AgentTestKit
import Testing

/// The engine on a real store: what a task's life looks like, told by its journal.
@Suite(.timeLimit(.minutes(4))) struct EngineTests {
  static func agent(
    _ id: AgentID = "coder", tools: [String] = [], concurrency: Int = 4, limits: TaskLimits = TaskLimits()
  )
    -> AgentDefinition
  {
    AgentDefinition(id: id, instructions: "work", tools: tools, concurrency: concurrency, limits: limits)
  }

  @Test("a task calls its tools in order and completes with the last reply")
  func completes() async throws {
    let script = SandboxScript.turns([
      .call("file.write", ["path": "a/b.txt", "text": "hello"]), .call("file.read", ["path": "a/b.txt"]),
      .text("all done"),
    ])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [Self.agent(tools: ["file.write", "file.read"])], script: script)
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      let task = try await rig.ended(id)
      #expect(task.status == .completed)
      #expect(task.output == TaskOutput(text: "all done", files: [TaskOutput.File(path: "a/b.txt", size: 5)]))
      let journal = try await rig.store.journal(of: id)
      #expect(
        journal.map(\.type) == [
          .taskSubmitted, .taskStarted, .stepStarted, .stepFinished, .stepStarted, .stepFinished, .stepStarted,
          .stepFinished, .stepStarted, .stepFinished, .stepStarted, .stepFinished, .taskCompleted,
        ])
      #expect(journal.map(\.taskSequence) == Array(1...13))
      #expect(task.usage.modelCalls == 3 && task.usage.toolCalls == 2)
    }
  }

  @Test("a forbidden tool and an unknown one do nothing, and the model is told")
  func forbiddenTools() async throws {
    let probe = ProbeTool("probe", effect: .once, [.answer("did")])
    let script = SandboxScript.turns([.call("probe"), .call("no.such"), .text("ok")])
    let rig = try await EngineRig(in: TemporaryFolder(), agents: [Self.agent()], script: script, tools: [probe])
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      #expect(try await rig.ended(id).status == .completed)
      let steps = try await rig.tasks.steps(of: id)
      #expect(steps.compactMap(\.error?.code) == ["tool_forbidden", "tool_unknown"])
      #expect(probe.count == 0)
    }
  }

  @Test("cancel ends a running task, the call in flight included")
  func cancelRunning() async throws {
    let probe = ProbeTool("probe", effect: .pure, [.hang])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [Self.agent(tools: ["probe"])], script: .turns([.call("probe")]), tools: [probe])
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      await probe.begun()
      #expect(try await rig.tasks.cancel(id, by: .local).cancelRequestedAt != nil)
      #expect(try await rig.ended(id).status == .cancelled)
      let steps = try await rig.tasks.steps(of: id)
      #expect(steps.last?.status == .failed && steps.last?.error?.code == "cancelled")
    }
  }

  @Test("a once step that a cancel cut is in doubt, and the task still ends")
  func cancelOnce() async throws {
    let probe = ProbeTool("probe", effect: .once, [.hang])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [Self.agent(tools: ["probe"])], script: .turns([.call("probe")]), tools: [probe])
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      await probe.begun()
      _ = try await rig.tasks.cancel(id, by: .local)
      #expect(try await rig.ended(id).status == .cancelled)
      #expect(try await rig.tasks.steps(of: id).last?.status == .inDoubt)
      await #expect(throws: ServiceError.self) { try await rig.tasks.retry(id, from: .lastStep, by: .local) }
      _ = try await rig.tasks.resolve(id, step: 2, as: .fail, by: .local)
      #expect(try await rig.tasks.retry(id, from: .lastStep, by: .local).attempt == 2)
    }
  }

  @Test("a once call that was sent and not answered waits for a person, who may have it run again")
  func doubt() async throws {
    let lost = ToolError("connection_lost", "no answer", mayHaveHappened: true)
    let probe = ProbeTool("probe", effect: .once, [.fail(lost), .answer("sent")])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [Self.agent(tools: ["probe"])], script: .turns([.call("probe"), .text("ok")]),
      tools: [probe])
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      let waiting = try await rig.task(id, when: [.waiting])
      #expect(waiting.waiting == TaskWait(reason: .stepInDoubt, until: nil, step: 2))
      #expect(probe.count == 1)
      _ = try await rig.tasks.resolve(id, step: 2, as: .retry, by: .local)
      #expect(try await rig.ended(id).status == .completed)
      #expect(probe.count == 2)
      #expect(try await rig.tasks.steps(of: id).map(\.attempt) == [1, 2, 1])
    }
  }

  @Test("a once call whose failure surely had no effect is told to the model")
  func onceUnsent() async throws {
    let probe = ProbeTool("probe", effect: .once, [.fail(ToolError("unreachable", "refused"))])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [Self.agent(tools: ["probe"])], script: .turns([.call("probe"), .text("ok")]),
      tools: [probe])
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      #expect(try await rig.ended(id).status == .completed)
      #expect(try await rig.tasks.steps(of: id)[1].error?.code == "unreachable")
    }
  }

  @Test("a provider's passing error is tried again within the step, with backoff")
  func stepRetries() async throws {
    let busy = ProviderError(.providerError, "busy", status: 503, wasSent: true)
    let script = SandboxScript(rules: [
      .init(times: 2, reply: .error(busy)), .init(reply: .text("at last")),
    ])
    let rig = try await EngineRig(in: TemporaryFolder(), agents: [Self.agent()], script: script)
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      for attempt in 2...3 {
        _ = try await rig.event(.stepStarted, of: id, step: 1, count: attempt - 1)
        try await rig.advance(until: {
          try await rig.store.journal(of: id).count { $0.type == .stepStarted } >= attempt
        })
      }
      let task = try await rig.ended(id)
      #expect(task.status == .completed && task.attempt == 1)
      #expect(try await rig.tasks.steps(of: id).map(\.attempt) == [3])
    }
  }

  @Test("a provider that asks for patience frees the worker, and the task goes on when its time has come")
  func providerLimit() async throws {
    let limited = ProviderError(.rateLimited, "slow down", status: 429, retryAfter: .seconds(30))
    let script = SandboxScript(rules: [.init(times: 1, reply: .error(limited)), .init(reply: .text("ok"))])
    let rig = try await EngineRig(in: TemporaryFolder(), agents: [Self.agent()], script: script)
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      let waiting = try await rig.task(id, when: [.waiting])
      #expect(waiting.waiting?.reason == .providerLimit)
      #expect(waiting.waiting?.until == rig.clock.now().adding(.seconds(30)))
      try await rig.advance(until: { try await rig.tasks.task(id).status == .completed })
      #expect(try await rig.tasks.task(id).attempt == 1)
    }
  }

  @Test("a task that fails is tried again later, until its attempts are used up")
  func taskRetries() async throws {
    let broken = ProviderError(.providerError, "broken", status: 500)
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [Self.agent()], script: .turns([]),
      provider: ProbeProvider([.fail(broken)], traits: ProviderTraits(retries: 0)))
    try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.maxAttempts = 2 }
      _ = try await rig.event(.taskRetrying, of: id)
      try await rig.advance(until: { try await rig.tasks.task(id).status == .failed })
      let task = try await rig.tasks.task(id)
      #expect(task.attempt == 2 && task.error?.code == "provider_error")
      #expect(try await rig.agents.report("coder").lastError?.code == "provider_error")
    }
  }

  @Test(
    "an error that no repetition mends fails the task at once",
    arguments: [ProviderError.Code.keyInvalid, .providerRejected])
  func unretryable(code: ProviderError.Code) async throws {
    let script = SandboxScript(rules: [.init(reply: .error(ProviderError(code, "no")))])
    let rig = try await EngineRig(in: TemporaryFolder(), agents: [Self.agent()], script: script)
    try await rig.run { rig in
      let task = try await rig.ended(try await rig.submit("coder"))
      #expect(task.status == .failed && task.attempt == 1 && task.error?.code == code.rawValue)
    }
  }

  @Test(
    "a limit that is reached ends the task, unretried",
    arguments: [
      (TaskLimits(steps: 3), "step_limit"), (TaskLimits(modelCalls: 2), "model_call_limit"),
      (TaskLimits(tokens: 3000), "token_limit"),
    ])
  func limits(limits: TaskLimits, code: String) async throws {
    let probe = ProbeTool("probe", effect: .pure, [.answer("x")])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [Self.agent(tools: ["probe"], limits: limits)],
      script: SandboxScript(rules: [.init(reply: .call("probe"))]), tools: [probe])
    try await rig.run { rig in
      let task = try await rig.ended(try await rig.submit("coder"))
      #expect(task.status == .failed && task.error?.code == code, "\(String(describing: task.error))")
      let steps = try await rig.tasks.steps(of: task.id)
      #expect(steps.allSatisfy { $0.status != .started })
    }
  }

  @Test("timeout_seconds ends a task whose call hangs")
  func timeout() async throws {
    let probe = ProbeTool("probe", effect: .pure, [.hang])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [Self.agent(tools: ["probe"])], script: .turns([.call("probe")]), tools: [probe])
    try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.timeoutSeconds = 5 }
      await probe.begun()
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).error?.code == "timeout")
    }
  }

  @Test("a drain puts running tasks back, and the next start ends them as if undisturbed")
  func drain() async throws {
    let folder = try TemporaryFolder()
    let probe = ProbeTool("probe", effect: .pure, [.hang, .answer("x")])
    let script = SandboxScript.turns([.call("probe"), .text("ok")])
    let first = try await EngineRig(
      in: folder, agents: [Self.agent(tools: ["probe"])], script: script, tools: [probe])
    let clock = first.clock
    let isBegun = Wakeup()
    let task = try await withThrowingTaskGroup(of: TaskID?.self) { group in
      group.addTask {
        try await first.run { rig in
          // However far a loaded machine lets the clock below run on, it must not pass the deadline.
          let id = try await rig.submit("coder") { $0.timeoutSeconds = 604_800 }
          await probe.begun()
          isBegun.wake()
          return id
        }
      }
      group.addTask {
        // The step in hand hangs: only the end of the grace cuts it.
        await isBegun.wait()
        do {
          while first.engine.runningCount > 0 {
            clock.advance(by: .seconds(1))
            _ = try await first.store.agentStates()
          }
        } catch let error as StoreError where error.code == .closed {
          // The drain ended between the two lines above, and the rig closed its store behind it.
        }
        return nil
      }
      var found: TaskID?
      for try await id in group { found = id ?? found }
      return try #require(found)
    }
    let second = try await EngineRig(
      in: folder, agents: [Self.agent(tools: ["probe"])], script: script, tools: [probe], clock: clock)
    #expect(second.recovery.requeued == 0)
    try await second.run { rig in
      let ended = try await rig.ended(task)
      #expect(ended.status == .completed && ended.attempt == 1)
      #expect(try await rig.tasks.steps(of: task).map(\.attempt) == [1, 2, 1])
    }
  }

  @Test("an agent's restart puts its work back under the newest definition; disabled agents claim nothing")
  func restartAndDisable() async throws {
    let probe = ProbeTool("probe", effect: .pure, [.hang, .answer("x")])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [Self.agent(tools: ["probe"])], script: .turns([.call("probe"), .text("ok")]),
      tools: [probe])
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      await probe.begun()
      async let restarted = rig.agents.restart("coder", by: .local)
      try await rig.advance(until: { try await rig.store.journal(of: id).contains { $0.type == .taskRequeued } })
      #expect(try await restarted.status == .running)
      #expect(try await rig.ended(id).status == .completed)
      #expect(try await rig.event(.taskRequeued, of: id).head["reason"] == "agent_restart")
      #expect(try await rig.agents.setDisabled(true, "coder", by: .local).status == .disabled)
      let waiting = try await rig.submit("coder")
      rig.clock.advance(by: .seconds(1))
      #expect(try await rig.tasks.task(waiting).status == .pending)
      #expect(try await rig.agents.setDisabled(false, "coder", by: .local).status == .running)
      #expect(try await rig.ended(waiting).status == .completed)
    }
  }

  @Test("no more tasks of an agent run at once than it has places")
  func concurrency() async throws {
    let probe = ProbeTool("probe", effect: .pure, [.hang])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [Self.agent(tools: ["probe"], concurrency: 2)], script: .turns([.call("probe")]),
      tools: [probe])
    try await rig.run { rig in
      var ids: [TaskID] = []
      for _ in 0..<5 { ids.append(try await rig.submit("coder")) }
      for id in ids.prefix(2) { _ = try await rig.event(.stepStarted, of: id, step: 2) }
      #expect(rig.engine.runningCount == 2)
      for id in ids { _ = try await rig.tasks.cancel(id, by: .local) }
      for id in ids { #expect(try await rig.ended(id).status == .cancelled) }
    }
  }

  @Test("the same idempotency key gives the same task; another body is refused")
  func idempotency() async throws {
    let rig = try await EngineRig(in: TemporaryFolder(), agents: [Self.agent()], script: .turns([.text("ok")]))
    try await rig.run { rig in
      let draft = TaskDraft(agent: "coder", input: "go")
      guard case .created(let first) = try await rig.tasks.submit([draft], key: "k", by: .local) else {
        Issue.record("not created")
        return
      }
      guard case .repeated(let again) = try await rig.tasks.submit([draft], key: "k", by: .local) else {
        Issue.record("not repeated")
        return
      }
      #expect(first.map(\.id) == again.map(\.id))
      await #expect(throws: ServiceError.self) {
        try await rig.tasks.submit([TaskDraft(agent: "coder", input: "other")], key: "k", by: .local)
      }
      #expect(try await rig.workspaces.existing() == first.map(\.id))
    }
  }
}
