import AgentCore

/// The invariants that can be read from a store, the recorder and the ledger, once a new life is ready.
///
/// Each complaint begins with the invariant's number in docs/ARCHITECTURE.md.
struct InvariantCheck {
  /// What one check has to remember for the next.
  struct Memory {
    /// Result digests by `task/step`.
    var hashes: [String: String] = [:]
    /// Status by task, of those that had ended.
    var ended: [Int: String] = [:]
  }

  let store: StoreWitness
  let ledger: CrashLedger.State
  let effects: [EffectRecorder.Effect]
  /// Model calls by task, as the provider logged them.
  let calls: [String: Int]

  func complaints(_ memory: inout Memory) -> [String] {
    ledger.complaints + acknowledged() + density() + digests(&memory) + numbers() + witnessed() + moves() + epochs()
      + integrity()
      + cancels() + keys() + attempts()
  }

  private var statuses: [Int: String] {
    Dictionary(store.tasks.map { ($0.id, $0.status) }, uniquingKeysWith: { _, last in last })
  }

  private func acknowledged() -> [String] {
    let stored = Dictionary(grouping: store.tasks, by: \.id)
    return ledger.ids.values.compactMap { id in
      let count = Int(id.dropFirst("task-".count)).flatMap { stored[$0]?.count } ?? 0
      return count == 1 ? nil : "I1: \(id) was answered 201 and exists \(count) times"
    }
  }

  private func digests(_ memory: inout Memory) -> [String] {
    var found: [String] = []
    var standing: Set<String> = []
    for step in store.steps where !step.resultHash.isEmpty {
      let name = "task-\(step.task)/\(step.step)"
      standing.insert(name)
      if let before = memory.hashes[name], before != step.resultHash {
        found.append("I2: the result of \(name) was \(before) and is \(step.resultHash)")
      }
      memory.hashes[name] = step.resultHash
    }
    found += Set(memory.hashes.keys).subtracting(standing).map { "I2: the result of \($0) is gone" }
    // The provider's side of it: each call it answered has a try's row, so no finished call was made again.
    var tries: [Int: Int] = [:]
    for step in store.steps where step.kind == "model_call" { tries[step.task, default: 0] += step.attempt }
    for (task, count) in calls {
      let rows = Int(task.dropFirst("task-".count)).flatMap { tries[$0] } ?? 0
      if count > rows { found.append("I2: \(task) has \(rows) tries of model calls and its provider saw \(count)") }
    }
    return found
  }

  private func numbers() -> [String] {
    Dictionary(grouping: store.steps, by: \.task).compactMap { task, steps in
      let numbers = steps.map(\.step).sorted()
      return numbers == Array(1...numbers.count) ? nil : "I3: the steps of task-\(task) are \(numbers)"
    }
  }

  private func witnessed() -> [String] {
    Dictionary(grouping: effects, by: \.path).compactMap { path, effects in
      if path.hasPrefix("/once/"), effects.count > 1 { return "I4: \(path) was sent \(effects.count) times" }
      let distinct = Set(effects)
      return distinct.count > 1 ? "I4: \(path) was sent in \(distinct.count) forms: \(distinct)" : nil
    }
  }

  private func density() -> [String] {
    Dictionary(grouping: store.events, by: \.task).compactMap { task, events in
      let numbers = events.map(\.taskSequence)
      return numbers == Array(1...numbers.count) ? nil : "I10: the events of task-\(task) are \(numbers)"
    }
  }

  private func moves() -> [String] {
    var replays: [Int: TransitionReplay] = [:]
    for event in store.events { replays[event.task, default: TransitionReplay()].take(event) }
    var found = replays.values.flatMap(\.problems)
    for task in store.tasks where replays[task.id]?.status != task.status {
      // A status without its event: a move that is in no table.
      let before = replays[task.id]?.status
      let number = TransitionReplay.ends.contains(before) ? "I5" : "I6"
      found.append("\(number): task-\(task.id) is \(task.status), and its events say \(before ?? "nothing")")
    }
    return found
  }

  private func epochs() -> [String] {
    store.tasks.filter { $0.status == "running" && $0.epoch != store.epoch }.map {
      "I7: task-\($0.id) is running for start \($0.epoch), and this is start \(store.epoch)"
    }
  }

  private func integrity() -> [String] {
    (store.integrity == ["ok"] ? [] : ["I9: integrity_check says \(store.integrity.prefix(3))"])
      + (store.foreignKeyRows == 0 ? [] : ["I9: foreign_key_check has \(store.foreignKeyRows) rows"])
  }

  private func cancels() -> [String] {
    let statuses = statuses
    return ledger.cancelled.compactMap { id in
      let status = Int(id.dropFirst("task-".count)).flatMap { statuses[$0] } ?? "absent"
      return status == "cancelled" ? nil : "I12: the cancel of \(id) was acknowledged, and it is \(status)"
    }
  }

  /// Each task of the rig was asked for with a key of its own.
  private func keys() -> [String] {
    let keyed = store.keyTasks.map(\.task)
    var found: [String] = []
    if Set(keyed).count != keyed.count { found.append("I13: two keys have one task") }
    if store.tasks.count != keyed.count { found.append("I13: \(keyed.count) keys made \(store.tasks.count) tasks") }
    return found
  }

  private func attempts() -> [String] {
    store.tasks.compactMap { task in
      let asked = ledger.retries["task-\(task.id)"] ?? 0
      return task.attempt <= 3 + asked ? nil : "I17: task-\(task.id) is at attempt \(task.attempt) of \(3 + asked)"
    }
  }
}
