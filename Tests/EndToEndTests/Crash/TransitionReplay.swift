/// Replays a task's events against the table of states of the contract, written out here a second time: the product's
/// own table is what is being tested.
struct TransitionReplay {
  private(set) var status: String?
  /// What the table does not have: `I5` when the task had ended, else `I6`.
  private(set) var problems: [String] = []

  /// The states from which each event may come, and where it leads. `task.retrying` after an error comes from
  /// `running`, asked for from `failed` and `cancelled`.
  private static let table: [String: (from: [String?], to: String)] = [
    "task.submitted": ([nil], "pending"),
    "task.started": (["pending"], "running"),
    "task.waiting": (["pending", "running"], "waiting"),
    "task.resumed": (["waiting"], "pending"),
    "task.retrying": (["running", "failed", "cancelled"], "pending"),
    "task.requeued": (["running"], "pending"),
    "task.completed": (["running"], "completed"),
    "task.failed": (["pending", "running", "waiting"], "failed"),
    "task.cancelled": (["pending", "waiting", "running"], "cancelled"),
  ]
  static let ends: Set<String?> = ["completed", "failed", "cancelled"]

  mutating func take(_ event: StoreWitness.EventLine) {
    if event.type.hasPrefix("step.") {
      let mayCome = event.type == "step.resolved" ? status != nil : status != nil && !Self.ends.contains(status)
      if !mayCome { complain(event) }
    } else if event.type == "task.cancelling" {
      if status != "running" { complain(event) }
    } else if let move = Self.table[event.type] {
      if !move.from.contains(status) { complain(event) }
      status = move.to
    } else {
      complain(event)
    }
  }

  private mutating func complain(_ event: StoreWitness.EventLine) {
    let number = Self.ends.contains(status) ? "I5" : "I6"
    problems.append(
      "\(number): task-\(event.task) had \(event.type) (\(event.sequence)) while \(status ?? "not there")")
  }
}
