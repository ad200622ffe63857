import AgentCore
import GRDB

/// The three statements that write `task`. An UPDATE that names an index's column rewrites that index, changed or not:
/// hence a narrow one for a task that stays where it is.
extension WriteContext {
  func insert(_ row: TaskRow) throws {
    try db.run(
      """
      INSERT INTO task (id, agent, owner, status, priority, attempt, max_attempts, last_task_seq, created, timeout,
        input_seq, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        row.id.number, row.agent, row.owner, row.status.storedCode, row.priority, row.attempt, row.maxAttempts,
        row.lastTaskSequence, row.created, row.timeoutSeconds, row.inputSequence, row.hasSealed ? 1 : 0,
      ])
  }

  /// Changes no column of any index.
  func updateProgress(_ row: TaskRow) throws {
    try db.run(
      """
      UPDATE task SET last_step = ?, last_task_seq = ?, open_step = ?, open_effect = ?, in_doubt = ?, cancel_at = ?,
        tokens_reserved = ?, tokens_used = ?, input_tokens = ?, output_tokens = ?, llm_calls = ?, tool_calls = ?,
        nanousd_used = ? WHERE id = ?
      """, progress(row) + [row.id.number])
  }

  func updateMoved(_ row: TaskRow) throws {
    try db.run(
      """
      UPDATE task SET last_step = ?, last_task_seq = ?, open_step = ?, open_effect = ?, in_doubt = ?, cancel_at = ?,
        tokens_reserved = ?, tokens_used = ?, input_tokens = ?, output_tokens = ?, llm_calls = ?, tool_calls = ?,
        nanousd_used = ?, status = ?, wait_reason = ?, wait_step = ?, attempt = ?, max_attempts = ?, crashes = ?,
        epoch = ?, claim = ?, started = ?, finished = ?, run_after = ?, deadline = ?, deadline_left = ?,
        running_since = ?, wall_used = ?, output_seq = ? WHERE id = ?
      """, progress(row) + StatementArguments(row.stateColumns) + [row.id.number])
  }

  /// Says which definition the task works by; nil unpins.
  func pin(_ row: TaskRow) throws {
    try db.run(
      "UPDATE task SET agent_version = ?, agent_generation = ? WHERE id = ?",
      [row.agentVersion, row.agentGeneration, row.id.number])
  }

  private func progress(_ row: TaskRow) -> StatementArguments {
    [
      row.lastStep, row.lastTaskSequence, row.openStep, row.openEffect?.storedCode, row.inDoubt, row.cancelAt,
      row.tokensReserved, row.tokensUsed, row.inputTokens, row.outputTokens, row.modelCalls, row.toolCalls,
      row.nanoUSDUsed,
    ]
  }
}
