import AgentConfig
import AgentCore
import AgentPersistence
import AgentRuntime
import AgentTestKit
import Testing

/// Retries that are asked for, restarts, time, keys and workspaces, as a caller of the services sees them.
@Suite("A task's further lives", .timeLimit(.minutes(4))) struct LifecycleTests {
  @Test("limits begin anew at a retry that is asked for, usage goes on adding")
  func limitsAnew() async throws {
    let probe = ProbeTool("probe", effect: .pure, [.answer("x")])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["probe"], limits: TaskLimits(steps: 3))],
      script: .turns([.call("probe"), .call("probe"), .text("ok")]), tools: [probe])
    try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.maxAttempts = 1 }
      #expect(try await rig.ended(id).error?.code == "step_limit")
      let again = try await rig.tasks.retry(id, from: .lastStep, by: .local)
      #expect(again.attempt == 2 && again.maxAttempts == 2)
      let task = try await rig.ended(id)
      #expect(task.status == .completed && task.usage.modelCalls == 3 && task.usage.toolCalls == 2)
      #expect(try await rig.tasks.steps(of: id).map(\.number) == [1, 2, 3, 4, 5])
    }
  }

  @Test("retry?from= keeps what came before that step and sets the later ones aside")
  func retryFrom() async throws {
    let probe = ProbeTool("probe", effect: .pure, [.answer("x")])
    let provider = ProbeProvider([
      .call("probe"), .call("probe"), .fail(ProviderError(.keyInvalid, "no")), .call("probe"), .text("ok"),
    ])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["probe"])], script: .turns([]), tools: [probe],
      provider: provider)
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      #expect(try await rig.ended(id).status == .failed)
      await #expect(throws: ServiceError.self) { try await rig.tasks.retry(id, from: .step(9), by: .local) }
      _ = try await rig.tasks.retry(id, from: .step(3), by: .local)
      #expect(try await rig.ended(id).status == .completed)
      let steps = try await rig.tasks.steps(of: id)
      #expect(steps.map(\.number) == Array(1...8))
      #expect(steps.filter(\.isSuperseded).map(\.number) == [3, 4, 5])
      // The conversation of the call after the retry: system, user, the first call and its result.
      #expect(provider.calls[3].messages.count == 4 && provider.calls[3].turn == 2)
    }
  }

  @Test("a task keeps the definition it began with, until its agent is restarted or it begins afresh")
  func pinned() async throws {
    let provider = ProbeProvider([.fail(ProviderError(.keyInvalid, "no"))])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent()], script: .turns([]), provider: provider)
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      _ = try await rig.ended(id)
      var newer = EngineTests.agent()
      newer.instructions = "work better"
      rig.directory.update(newer)
      for start in [RetryStart.lastStep, .beginning] {
        _ = try await rig.tasks.retry(id, from: start, by: .local)
        _ = try await rig.ended(id)
      }
      newer.instructions = "work best"
      rig.directory.update(newer)
      _ = try await rig.agents.restart("coder", by: .local)
      _ = try await rig.tasks.retry(id, from: .lastStep, by: .local)
      _ = try await rig.ended(id)
      #expect(
        provider.calls.compactMap(\.messages.first) == [
          .system("work"), .system("work"), .system("work better"), .system("work best"),
        ])
    }
  }

  @Test("wall time counts running alone, and begins anew with an attempt")
  func wallTime() async throws {
    let limited = ProviderError(.rateLimited, "slow down", status: 429, retryAfter: .seconds(40))
    let provider = ProbeProvider([.fail(limited), .hang(wasSent: false)])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(limits: TaskLimits(wallTime: .seconds(20)))],
      script: .turns([]), provider: provider)
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      _ = try await rig.task(id, when: [.waiting])
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).error?.code == "wall_time_limit")
      _ = try await rig.tasks.retry(id, from: .lastStep, by: .local)
      _ = try await rig.event(.taskStarted, of: id, count: 3)
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      let journal = try await rig.store.journal(of: id)
      let starts = journal.filter { $0.type == .taskStarted }.map(\.at)
      let ends = journal.filter { $0.type == .taskFailed }.map(\.at)
      #expect(starts.count == 3 && ends.count == 2)
      for (start, end) in zip(starts.dropFirst(), ends) { #expect(end >= start.adding(.seconds(20))) }
    }
  }

  @Test("a key outlives its task: 410, and no number is given twice after the newest was purged")
  func keyOutlives() async throws {
    let rig = try await EngineRig(in: TemporaryFolder(), agents: [EngineTests.agent()], script: .turns([.text("ok")]))
    try await rig.run { rig in
      let draft = TaskDraft(agent: "coder", input: "go")
      guard case .created(let tasks) = try await rig.tasks.submit([draft], key: "k", by: .local) else { return }
      let id = tasks[0].id
      _ = try await rig.ended(id)
      try await rig.tasks.purge(id, by: .local)
      #expect(try await rig.workspaces.existing().isEmpty)
      let refused = await #expect(throws: ServiceError.self) {
        try await rig.tasks.submit([draft], key: "k", by: .local)
      }
      #expect(refused?.code == "task_deleted")
      #expect(try await rig.submit("coder").number > id.number)
    }
  }

  @Test("a workspace is made only where none stands: nothing is stored then, and the other folder stays")
  func workspaceStands() async throws {
    let rig = try await EngineRig(in: TemporaryFolder(), agents: [EngineTests.agent()], script: .turns([.text("ok")]))
    try await rig.run { rig in
      let next = TaskID(number: try rig.store.drawTaskIDs(count: 1)[0].number + 1)
      try await rig.workspaces.create(for: next, files: [WorkspaceUpload(path: "a", bytes: [1])])
      let refused = await #expect(throws: ServiceError.self) { try await rig.submit("coder") }
      #expect(refused?.code == "workspace_exists")
      #expect(try await rig.workspaces.files(in: rig.workspaces.path(for: next)).files.map(\.path) == ["a"])
      #expect(try await rig.tasks.tasks(TaskQuery()).items.isEmpty)
      #expect(try await rig.store.existing(among: [next]).isEmpty)
    }
  }

  @Test("a task that is claimed again before its last worker is forgotten can still be cancelled")
  func workerOfNow() async throws {
    let probe = ProbeTool("probe", effect: .pure, [.hang])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["probe"])],
      script: SandboxScript(rules: [.init(reply: .call("probe"))]), tools: [probe])
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      for round in 1...20 {
        _ = try await rig.event(.stepStarted, of: id, count: 2 * round)
        await probe.begun()
        _ = try await rig.tasks.cancel(id, by: .local)
        #expect(try await rig.ended(id).status == .cancelled)
        _ = try await rig.tasks.retry(id, from: .beginning, by: .local)
      }
      _ = try await rig.tasks.cancel(id, by: .local)
      #expect(try await rig.ended(id).status == .cancelled)
    }
  }
}
