import AgentCore

extension ServiceLog {
  /// One line for a task's move: `task.failed task=task-7 agent=coder error=timeout`. A failure is someone's to look
  /// at; everything else is a change of state.
  func record(_ entry: JournalEntry, agent: AgentID) {
    let (task, agent) = ("\(entry.task)", agent.name)
    if let failure = Failure(json: entry.head["error"]) {
      record(
        entry.type == .taskFailed ? .error : .warning, "task", entry.type.rawValue,
        ["task": task, "agent": agent, "error": failure.code])
    } else if let reason = entry.head["reason"]?.stringValue {
      record(.info, "task", entry.type.rawValue, ["task": task, "agent": agent, "reason": reason])
    } else {
      record(.info, "task", entry.type.rawValue, ["task": task, "agent": agent])
    }
  }

  /// One line for a move that the store decided by itself, or at a caller's word.
  package func record(_ move: StoreMove) {
    let entry = move.entry
    guard entry.actor != .system, entry.head["error"] == nil else { return record(entry, agent: move.agent) }
    record(
      .info, "task", entry.type.rawValue,
      ["task": "\(entry.task)", "agent": move.agent.name, "principal": "\(entry.actor)"])
  }

  /// One line for a verb that a principal asked of a task.
  func record(_ verb: String, _ task: AgentTask, by principal: Principal) {
    record(
      .info, "task", verb, ["task": "\(task.id)", "agent": task.agent.name, "principal": "\(principal)"])
  }
}
