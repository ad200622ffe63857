import AgentCore

/// An agent as status pages show it.
package struct AgentReport: Sendable {
  package enum Status: String, Sendable { case running, disabled, error }
  package var definition: AgentDefinition
  package var status: Status
  /// Running and waiting tasks.
  package var activeTasks: Int64
  package var queuedTasks: Int64
  package var lastError: Failure?
  /// False for an agent that is gone from the files but has unfinished tasks: its definition says nothing.
  package var isConfigured = true
}

/// The verbs on agents.
package final class AgentService: Sendable {
  private let store: any TaskStore
  private let agents: AgentDirectory
  private let engine: Dispatcher
  private let log: any ServiceLog
  private let reread: @Sendable (AgentID) async throws(ServiceError) -> Void

  /// `reread`: puts an agent's definition in force as configuration has it now; throws `config_invalid` where that cannot
  /// be read, and `reload_needed` where it needs more than the agent itself.
  package init(
    store: any TaskStore, agents: AgentDirectory, engine: Dispatcher, log: any ServiceLog = NoLog(),
    reread: @escaping @Sendable (AgentID) async throws(ServiceError) -> Void
  ) {
    (self.store, self.agents, self.engine, self.log, self.reread) = (store, agents, engine, log, reread)
  }

  /// The configured agents and, counted as disabled (`agent_unknown`), those that are gone from the files and have
  /// unfinished tasks, or were disabled and could not be dropped yet. Sorted by name.
  package func reports() async throws(ServiceError) -> [AgentReport] {
    let states: [AgentState]
    do { states = try await store.agentStates() } catch { throw ServiceError(error) }
    let byName = Dictionary(states.map { ($0.agent, $0) }, uniquingKeysWith: { _, last in last })
    let counts = store.counts()
    let configured = agents.all
    var gone = Set(states.lazy.filter(\.isDisabled).map(\.agent))
    for (agent, tasks) in counts.byAgent where tasks.contains(where: { !$0.key.isTerminal && $0.value > 0 }) {
      gone.insert(agent)
    }
    gone.subtract(configured.map(\.id))
    let reports = configured.map { definition in
      let state = byName[definition.id] ?? AgentState(agent: definition.id)
      let tasks = counts.byAgent[definition.id] ?? [:]
      let status: AgentReport.Status =
        state.isDisabled ? .disabled : (state.lastError == nil || (tasks[.running] ?? 0) > 0 ? .running : .error)
      return AgentReport(
        definition: definition, status: status, activeTasks: (tasks[.running] ?? 0) + (tasks[.waiting] ?? 0),
        queuedTasks: tasks[.pending] ?? 0, lastError: state.lastError)
    }
    return (reports + gone.map { Self.report(gone: $0, counts.byAgent[$0] ?? [:]) })
      .sorted { $0.definition.id < $1.definition.id }
  }

  private static func report(gone id: AgentID, _ tasks: [TaskStatus: Int64]) -> AgentReport {
    AgentReport(
      definition: AgentDefinition(id: id, instructions: "", tools: []), status: .disabled,
      activeTasks: (tasks[.running] ?? 0) + (tasks[.waiting] ?? 0), queuedTasks: tasks[.pending] ?? 0,
      lastError: Failure(code: "agent_unknown", detail: "the configuration has no agent \(id)"), isConfigured: false)
  }

  /// Whether tasks are being claimed.
  package var isEngineAlive: Bool { engine.isAlive }

  /// Whether tasks are being claimed and at least one agent is enabled.
  package func isRunning(_ reports: [AgentReport]) -> Bool {
    engine.isAlive && reports.contains { $0.status != .disabled }
  }

  /// Code `not_found` for an agent of which neither configuration nor the store knows.
  package func report(_ id: AgentID) async throws(ServiceError) -> AgentReport {
    guard let report = try await reports().first(where: { $0.definition.id == id }) else { throw noAgent(id) }
    return report
  }

  /// Durable; running tasks go to their end, pending ones stay.
  package func setDisabled(
    _ isDisabled: Bool, _ id: AgentID, by principal: Principal
  ) async throws(ServiceError) -> AgentReport {
    guard agents[id] != nil else { throw noAgent(id) }
    do { _ = try await store.setDisabled(isDisabled, agent: id, by: principal) } catch { throw ServiceError(error) }
    record(isDisabled ? "agent.disabled" : "agent.enabled", id, by: principal)
    // The store itself gives no task of a disabled agent out.
    engine.wake()
    return try await report(id)
  }

  /// Takes the agent's definition anew, raises its generation, stops its work in hand at the next step boundary (hard
  /// after `Dispatcher.restartGrace`) and returns when those tasks are back in the queue. A configuration that cannot
  /// be taken (`config_invalid`, `reload_needed`) changes nothing.
  package func restart(_ id: AgentID, by principal: Principal) async throws(ServiceError) -> AgentReport {
    guard agents[id] != nil else { throw noAgent(id) }
    // One that is gone from the files keeps its last definition here: what to do with its tasks is a reload's matter.
    // Before the generation: whoever reads that one first and the definition then cannot pin an older text under it.
    try await reread(id)
    do { _ = try await store.restartAgent(id, by: principal) } catch { throw ServiceError(error) }
    record("agent.restarted", id, by: principal)
    await engine.restart(id)
    return try await report(id)
  }

  private func record(_ verb: String, _ id: AgentID, by principal: Principal) {
    log.record(.info, "agent", verb, ["agent": id.name, "principal": "\(principal)"])
  }

  private func noAgent(_ id: AgentID) -> ServiceError {
    let names = agents.all.map(\.id.name).joined(separator: ", ")
    return ServiceError("not_found", "there is no agent \(id); there are: \(names)")
  }
}
