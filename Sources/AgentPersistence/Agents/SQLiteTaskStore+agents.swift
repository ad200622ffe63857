import AgentCore
import Foundation
import GRDB

/// Agents' state beside their definitions: table `agent_state`, a row from the first change on.
extension SQLiteTaskStore {
  package func agentStates() async throws(StoreError) -> [AgentState] {
    try await file.read { db in
      // As many rows as agents were ever changed: configuration bounds them.
      try db.rows(
        """
        SELECT name.text, disabled, generation, error_code, error_detail FROM agent_state
        JOIN name ON name.id = agent_state.agent ORDER BY name.text
        """
      ).map(AgentState.init(stored:))
    }
  }

  package func setDisabled(
    _ isDisabled: Bool, agent: AgentID, by principal: Principal
  ) async throws(StoreError) -> AgentState {
    try await changeState(of: agent) { context, number in
      try context.db.run(
        """
        INSERT INTO agent_state (agent, disabled, generation) VALUES (?, ?, 0)
        ON CONFLICT (agent) DO UPDATE SET disabled = excluded.disabled
        """, [number, isDisabled ? 1 : 0])
    }
  }

  package func restartAgent(_ agent: AgentID, by principal: Principal) async throws(StoreError) -> AgentState {
    try await changeState(of: agent) { context, number in
      try context.db.run(
        """
        INSERT INTO agent_state (agent, disabled, generation) VALUES (?, 0, 1)
        ON CONFLICT (agent) DO UPDATE SET generation = generation + 1, error_code = NULL, error_detail = NULL
        """, [number])
      context.mark(.restart)
    }
  }

  private func changeState(
    of agent: AgentID, _ change: @escaping @Sendable (WriteContext, Int64) throws -> Void
  ) async throws(StoreError) -> AgentState {
    try await file.write(.essential) { [names] context in
      let number = try context.nameNumber(agent.name, names)
      try change(context, number)
      let row = try context.db.firstRow(
        """
        SELECT name.text, disabled, generation, error_code, error_detail FROM agent_state
        JOIN name ON name.id = agent_state.agent WHERE agent_state.agent = ?
        """, [number])
      guard let row else { throw StoreError(.databaseCorrupt, "agent_state has no row for \(agent)") }
      return try AgentState(stored: row)
    }
  }
}

extension WriteContext {
  /// What a worker's last commit on a task says of its agent: the failure, or that all is well again.
  func tellAgent(of row: TaskRow) throws {
    switch row.status {
    case .failed:
      guard let failure = Failure(json: row.appended.last?.head["error"]) else { return }
      try db.run(
        """
        INSERT INTO agent_state (agent, disabled, generation, error_code, error_detail) VALUES (?, 0, 0, ?, ?)
        ON CONFLICT (agent) DO UPDATE SET error_code = excluded.error_code, error_detail = excluded.error_detail
        """, [row.agent, failure.code, try JournalBody.stored(.string(failure.detail))])
    case .completed:
      try db.run(
        """
        UPDATE agent_state SET error_code = NULL, error_detail = NULL WHERE agent = ? AND error_code IS NOT NULL
        """, [row.agent])
    default: break
    }
  }
}

extension AgentState {
  fileprivate init(stored row: Row) throws {
    self.init(agent: AgentID(row[0]), isDisabled: row[1] as Int64 != 0, generation: row[2])
    guard let code = row[3] as String? else { return }
    let detail = try (row[4] as Data?).map(JournalBody.opened)
    lastError = Failure(code: code, detail: detail?.stringValue ?? "")
  }
}
