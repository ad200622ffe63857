import AgentCore

/// Agents that are gone from the files.
package enum GoneAgents {
  /// Drops what the API had said of them: one that comes back is enabled. Their tasks wait for it either way. Does not
  /// fail: what the store does not take now is dropped at the next start or reload.
  package static func forget(
    in store: any AgentStateStore, configured agents: AgentDirectory, log: any ServiceLog
  ) async {
    do throws(StoreError) {
      for state in try await store.agentStates() where state.isDisabled && agents[state.agent] == nil {
        // Its generation stays: tasks are pinned by it.
        _ = try await store.setDisabled(false, agent: state.agent, by: .system)
        log.record(
          .warning, "agent", "agent_unknown: an agent that was disabled is gone from the files; that is forgotten",
          ["agent": state.agent.name])
      }
    } catch {
      log.record(
        .warning, "agent", "what was said of agents that are gone from the files could not be dropped",
        ["error": error.code.rawValue])
    }
  }
}
