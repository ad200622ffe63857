import AgentCore

/// What calls tell.
extension GateLine {
  /// The granted call goes out.
  mutating func callBegan(_ task: TaskID) {
    if let id = newestGrant[task] { grants[id]?.wasMade = true }
  }

  /// A call went well and used that many tokens.
  mutating func callAnswered(_ task: TaskID, tokens used: Double, at now: Duration) {
    let grant = newestGrant[task].flatMap { grants[$0] }
    if let grant { tokens?.give(grant.tokens - used, at: now) }
    brake.answered(era: grant?.era ?? brake.era, at: now)
    fetched += takeReturning()
  }

  /// A 429. True when it closed the gate.
  mutating func callRefused(_ task: TaskID, asked: Duration?, at now: Duration, unit: Double) -> Bool {
    let grant = newestGrant[task].flatMap { grants[$0] }
    if let grant {
      tokens?.give(grant.tokens, at: now)
      // Once refused it comes back in its old turn; refused again it lets others try their luck.
      let keepsTurn = grant.ticket.refusals.isMultiple(of: 2)
      var ticket = grant.ticket
      ticket.refusals += 1
      keep(ticket, keepsTurn ? grant.number : nil, at: now)
    }
    // Who asked past a closed gate tells nothing that was not known.
    let era = grant?.era ?? (brake.closed(at: now) == nil ? brake.era : brake.era - 1)
    return brake.refused(era: era, asked: asked, at: now, unit: unit)
  }

  /// A call failed otherwise. `wasSent`: it may have cost tokens.
  mutating func callFailed(_ task: TaskID, wasSent: Bool, at now: Duration) {
    guard !wasSent, let grant = newestGrant[task].flatMap({ grants[$0] }) else { return }
    tokens?.give(grant.tokens, at: now)
  }

  /// A test was answered past the gate. Those who wait because their own call was refused know nothing of that: they are
  /// invited too, and take their old turns.
  mutating func proved(at now: Duration) -> [TaskID] {
    guard brake.closed(at: now) != nil else { return takeReturning() }
    brake.proved(at: now)
    returning = []
    return refusedTasks
  }

  /// Those who wait by what the provider told an earlier life, and have not come by themselves.
  private mutating func takeReturning() -> [TaskID] {
    guard !returning.isEmpty else { return [] }
    defer { returning = [] }
    return returning.filter { kept[$0] != nil }.sorted()
  }

  /// Gives a place back; a second time does nothing.
  mutating func release(_ id: Int, at now: Duration) {
    guard let grant = grants.removeValue(forKey: id) else { return }
    let task = grant.ticket.task
    if newestGrant[task] == id { newestGrant[task] = nil }
    brake.ended(era: grant.era, wasMade: grant.wasMade)
    guard !grant.wasMade else { return }
    requests?.give(1, at: now)
    tokens?.give(grant.tokens, at: now)
  }
}
