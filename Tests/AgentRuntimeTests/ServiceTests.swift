import AgentConfig
import AgentCore
import AgentRuntime
import AgentTestKit
import Testing

/// The services' own rules, on a real store whose engine does not run.
@Suite("Services", .timeLimit(.minutes(4))) struct ServiceTests {
  private static func rig(_ agents: [AgentDefinition] = [EngineTests.agent()]) async throws -> EngineRig {
    try await EngineRig(in: TemporaryFolder(), agents: agents, script: .turns([]))
  }

  private static func agents(
    _ rig: EngineRig, _ directory: AgentDirectory, log: any ServiceLog = NoLog()
  ) -> AgentService {
    AgentService(store: rig.store, agents: directory, engine: rig.engine, log: log) { _ in }
  }

  @Test("an agent gone from the files is listed as disabled while it has unfinished tasks, or was disabled")
  func gone() async throws {
    let rig = try await Self.rig([EngineTests.agent(), EngineTests.agent("old"), EngineTests.agent("older")])
    let id = try await rig.submit("old")
    _ = try await rig.agents.setDisabled(true, "older", by: .local)
    let agents = Self.agents(rig, AgentDirectory([EngineTests.agent()]))
    let reports = try await agents.reports()
    #expect(reports.map(\.definition.id) == ["coder", "old", "older"])
    #expect(reports.map(\.status) == [.running, .disabled, .disabled])
    #expect(reports.map(\.isConfigured) == [true, false, false])
    #expect(reports.map { $0.lastError?.code } == [nil, "agent_unknown", "agent_unknown"])
    #expect(reports.first { $0.definition.id == "old" }?.queuedTasks == 1)
    #expect(try await agents.report("old").status == .disabled)
    let error = await #expect(throws: ServiceError.self) { try await agents.report("nobody") }
    #expect(error?.code == "not_found")
    _ = try await rig.tasks.cancel(id, by: .local)
    #expect(try await agents.reports().map(\.definition.id) == ["coder", "older"])
    await rig.file.close()
  }

  @Test("that an agent was disabled is forgotten, with one WARN, once it is gone from the files")
  func forgotten() async throws {
    let rig = try await Self.rig([EngineTests.agent(), EngineTests.agent("old"), EngineTests.agent("older")])
    let (log, without) = (RecordingLog(), AgentDirectory([EngineTests.agent(), EngineTests.agent("older")]))
    for id in ["coder", "old"] as [AgentID] { _ = try await rig.agents.setDisabled(true, id, by: .local) }
    _ = try await rig.agents.restart("old", by: .local)
    rig.commitFault.set(CommitFault.full)
    await GoneAgents.forget(in: rig.store, configured: without, log: log)
    rig.commitFault.set(0)
    #expect(log.lines.map { $0.hasSuffix("could not be dropped error=disk_full") } == [true])
    for _ in 1...2 { await GoneAgents.forget(in: rig.store, configured: without, log: log) }
    #expect(
      log.lines.dropFirst() == [
        "warning agent agent_unknown: an agent that was disabled is gone from the files; that is forgotten agent=old"
      ])
    #expect(
      try await rig.store.agentStates() == [
        AgentState(agent: "coder", isDisabled: true), AgentState(agent: "old", generation: 1),
      ])
    #expect(try await Self.agents(rig, without).reports().map(\.definition.id) == ["coder", "older"])
    #expect(try await rig.agents.report("old").status == .running)
    await rig.file.close()
  }

  @Test("disable, enable and restart of an agent leave one line each in the log")
  func agentLines() async throws {
    let rig = try await Self.rig()
    let log = RecordingLog()
    let agents = Self.agents(rig, rig.directory, log: log)
    _ = try await agents.setDisabled(true, "coder", by: .uid(7))
    _ = try await agents.setDisabled(false, "coder", by: .uid(7))
    _ = try await agents.restart("coder", by: .local)
    await #expect(throws: ServiceError.self) { try await agents.restart("nobody", by: .local) }
    #expect(
      log.lines == [
        "info agent agent.disabled agent=coder principal=uid:7", "info agent agent.enabled agent=coder principal=uid:7",
        "info agent agent.restarted agent=coder principal=local",
      ])
    await rig.file.close()
  }

  @Test("the store's moves are log lines: a failure as an error, a caller's resume with the caller")
  func moveLines() {
    let log = RecordingLog()
    func entry(_ type: JournalEventType, _ head: JSONValue, by actor: Principal) -> StoreMove {
      StoreMove(
        JournalEntry(
          sequence: 1, task: TaskID(number: 7), taskSequence: 1, step: nil, type: type, at: Timestamp(milliseconds: 0),
          actor: actor, head: head, body: nil), agent: "coder")
    }
    log.record(entry(.taskFailed, ["error": Failure(code: "timeout", detail: "").json], by: .system))
    log.record(entry(.taskRequeued, ["reason": "crash"], by: .system))
    log.record(entry(.taskResumed, [:], by: .uid(7)))
    #expect(
      log.lines == [
        "error task task.failed task=task-7 agent=coder error=timeout",
        "info task task.requeued task=task-7 agent=coder reason=crash",
        "info task task.resumed task=task-7 agent=coder principal=uid:7",
      ])
  }

  @Test("a purge leaves a line with the task and its agent")
  func purgeLine() async throws {
    let rig = try await Self.rig()
    let log = RecordingLog()
    let tasks = TaskService(
      store: rig.store, workspaces: rig.workspaces, agents: rig.directory, events: rig.events, engine: rig.engine,
      clock: rig.clock, digester: FixedDigester(), log: log)
    let id = try await rig.submit("coder")
    _ = try await rig.tasks.cancel(id, by: .local)
    try await tasks.purge(id, by: .local)
    #expect(log.lines == ["info task task.purged task=\(id) agent=coder principal=local"])
    await rig.file.close()
  }

  @Test("a key that was stored answers with its task though the agent is gone; a new key is checked first")
  func replayBeforeRules() async throws {
    let rig = try await Self.rig()
    let draft = TaskDraft(agent: "coder", input: "go")
    guard case .created(let created) = try await rig.tasks.submit([draft], key: "k", by: .local) else {
      Issue.record("not created")
      return
    }
    let without = TaskService(
      store: rig.store, workspaces: rig.workspaces, agents: AgentDirectory([]), events: rig.events, engine: rig.engine,
      clock: rig.clock, digester: FixedDigester())
    rig.commitFault.set(CommitFault.full)
    guard case .repeated(let again) = try await without.submit([draft], key: "k", by: .local) else {
      Issue.record("not repeated")
      return
    }
    #expect(again.map(\.id) == created.map(\.id))
    func code(_ draft: TaskDraft, _ key: String, by principal: Principal = .local) async -> String? {
      do throws(ServiceError) {
        _ = try await without.submit([draft], key: key, by: principal)
        return nil
      } catch {
        return error.code
      }
    }
    #expect(await code(draft, "another") == "agent_unknown")
    #expect(await code(draft, "k", by: .uid(7)) == "agent_unknown")
    #expect(await code(TaskDraft(agent: "coder", input: "other"), "k") == "idempotency_mismatch")
    rig.commitFault.set(0)
    await rig.file.close()
  }

  @Test(
    "labels are bounded in scalars, and named by an escaped pointer",
    arguments: [
      ("n", String(repeating: "v", count: 64), String?.none), ("n", String(repeating: "v", count: 65), "/labels/n"),
      // One character to the eye, a thousand scalars.
      ("n", "e" + String(repeating: "\u{301}", count: 1000), "/labels/n"),
      ("a/b~c:", "v", "/labels/a~1b~0c:"), ("x:\u{301}", "v", "/labels/x:\u{301}"), ("", "v", "/labels/"),
    ] as [(String, String, String?)])
  func labels(name: String, value: String, pointer: String?) async throws {
    let rig = try await Self.rig()
    var draft = TaskDraft(agent: "coder", input: "go")
    draft.labels = [name: value]
    do throws(ServiceError) {
      _ = try await rig.tasks.submit([draft], by: .local)
      #expect(pointer == nil)
    } catch {
      #expect(error.code == "invalid_field" && error.fields.map(\.pointer) == [pointer])
    }
    await rig.file.close()
  }

  @Test("an agent's model, temperature, output limit and body reach its provider")
  func parameters() async throws {
    let provider = ProbeProvider([.text("done")])
    var agent = EngineTests.agent()
    (agent.model, agent.temperature, agent.maxOutputTokens) = ("large", 0.25, 77)
    agent.body = ["reasoning_effort": "low", "stop": nil]
    let rig = try await EngineRig(in: TemporaryFolder(), agents: [agent], script: .turns([]), provider: provider)
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      _ = try await rig.ended(id)
      let input = try await rig.tasks.steps(of: id).first?.input
      #expect(
        input?["model"] == "large" && input?["temperature"]?.doubleValue == 0.25 && input?["max_output_tokens"] == 77)
    }
    #expect(provider.calls.map(\.model) == ["large"])
    #expect(provider.calls.map(\.temperature) == [0.25])
    #expect(provider.calls.map(\.maxOutputTokens) == [77])
    #expect(provider.calls.map(\.extraBody) == [["reasoning_effort": "low", "stop": nil]])
  }
}
