import AgentCore
import Foundation
import GRDB

extension SQLiteTaskStore {
  /// Tasks claimed in one closure: some milliseconds of the writer.
  static let claimsPerRequest = 64
  /// Definitions kept decoded; more than any configuration names at once.
  static let cachedDefinitions = 256

  package func claim(_ request: ClaimRequest) async throws(StoreError) -> [ClaimedTask] {
    // Asked some times a second: with nothing to claim, nothing is written and no disk is woken.
    guard try await file.read({ db in try Self.hasWork(for: request, db) }) else { return [] }
    return try await file.write { [self] context in
      let claimed = try claim(request, context)
      if !claimed.isEmpty { context.mark(.claim) }
      return claimed
    }
  }

  private static func hasWork(for request: ClaimRequest, _ db: Database) throws -> Bool {
    try request.rooms.contains { room in
      guard let agent = try db.nameID(room.agent.id.name) else { return false }
      let ready = "agent = ?1 AND status = 0 AND run_after IS NULL"
      return try db.firstInteger(
        """
        SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM agent_state WHERE agent = ?1 AND disabled <> 0)
          AND (EXISTS (SELECT 1 FROM task INDEXED BY task_claimable WHERE \(ready) AND crashes < 3)
            OR ?2 AND EXISTS (SELECT 1 FROM task INDEXED BY task_quarantined WHERE \(ready) AND crashes >= 3))
        """, [agent, request.quarantineIsFree]) != nil
    }
  }

  /// One agent's part in a request.
  private struct Seat {
    var agent: AgentDefinition
    var number: Int64
    var generation: Int64
    var places: Int
    var picker: ClaimPicker
    /// The row of `agent_version` that has `agent`, once a task of this request has pinned it.
    var version: Int64?
  }

  private func claim(_ request: ClaimRequest, _ context: WriteContext) throws -> [ClaimedTask] {
    let actor = try Actor(.system, in: context, names)
    var seats = try turns.withLock { $0 }.ordered(request.rooms).compactMap { try seat($0, context) }
    var places = min(request.places, Self.claimsPerRequest)
    var claimed: [ClaimedTask] = []
    if request.quarantineIsFree, places > 0, let index = try quarantinedSeat(seats, context),
      let id = try seats[index].picker.nextQuarantined(context.db)
    {
      if let task = try start(id, &seats[index], actor, context) { claimed.append(task) }
      turns.withLock { $0.served(seats[index].agent.id) }
      seats[index].places -= 1
      places -= 1
    }
    while places > 0, !seats.isEmpty {
      // One task of each agent in turn, so that none waits for another's queue to end.
      for index in seats.indices where places > 0 && seats[index].places > 0 {
        guard let id = try nextTask(&seats[index], context) else {
          seats[index].places = 0
          continue
        }
        if let task = try start(id, &seats[index], actor, context) { claimed.append(task) }
        seats[index].places -= 1
        places -= 1
      }
      seats.removeAll { $0.places <= 0 }
    }
    return claimed
  }

  /// Nil for an agent that has no task yet, and for one disabled or restarted since the request was made.
  private func seat(_ room: ClaimRequest.Room, _ context: WriteContext) throws -> Seat? {
    guard let number = try context.db.nameID(room.agent.id.name) else { return nil }
    let state = try context.db.firstRow("SELECT disabled, generation FROM agent_state WHERE agent = ?", [number])
    if let state, state[0] as Int64 != 0 { return nil }
    let generation: Int64 = state?[1] ?? 0
    guard room.generation ?? generation == generation else { return nil }
    return Seat(
      agent: room.agent, number: number, generation: generation, places: room.places,
      picker: ClaimPicker(agent: number, now: context.now))
  }

  private func quarantinedSeat(_ seats: [Seat], _ context: WriteContext) throws -> Int? {
    try seats.firstIndex { try $0.places > 0 && $0.picker.nextQuarantined(context.db) != nil }
  }

  private func nextTask(_ seat: inout Seat, _ context: WriteContext) throws -> TaskID? {
    let agent = seat.agent.id
    let last = turns.withLock { $0.lastOwner(of: agent) }
    guard let owner = try seat.picker.nextOwner(after: last, context.db) else { return nil }
    let task = try seat.picker.nextTask(of: owner, context.db)
    turns.withLock { $0.served(owner, of: agent) }
    return task
  }

  /// Nil for a task that has failed instead: a sealed value of the definition that it works by does not open.
  private func start(
    _ id: TaskID, _ seat: inout Seat, _ actor: Actor, _ context: WriteContext
  ) throws -> ClaimedTask? {
    var row = try context.existingTask(id)
    let definition: AgentDefinition
    do {
      definition = try pinnedDefinition(&row, &seat, context)
    } catch let error as StoreError where error.isUnopened {
      if sealing.rows.isNews(error) { file.options.log(.error, "\(error.code.rawValue): \(error.detail)") }
      try context.fail(&row, Failure(code: error.code.rawValue, detail: error.detail), actor)
      context.tellMoves(of: row, names)
      try context.save(row)
      return nil
    }
    guard try context.move(&row, by: .claim, actor: actor, head: ["attempt": .integer(row.attempt)]) else {
      throw StoreError(.databaseCorrupt, "the index of claimable tasks names \(id), which is \(row.status.rawValue)")
    }
    row.epoch = context.epoch
    row.claim += 1
    row.started = row.started ?? context.now.milliseconds
    row.runningSince = context.serviceMilliseconds
    let deadline = row.deadline ?? context.serviceMilliseconds + row.timeoutSeconds * 1000
    row.deadline = deadline
    try context.save(row)
    return ClaimedTask(
      claim: Claim(task: id, epoch: row.epoch, number: row.claim), task: try context.task(row),
      definition: definition, crashes: Int(row.crashes),
      timeLeft: .milliseconds(max(0, deadline - context.serviceMilliseconds)),
      wallTimeUsed: .milliseconds(row.wallUsed),
      hasSteps: row.lastStep > 0, lastTaskSequence: row.lastTaskSequence,
      // Until the pass has come to all rows, this one's may hold in clear what a text hides.
      hasSealed: row.hasSealed || context.mask.fields != nil)
  }

  /// The definition the task works by; pins the newest when it has none or its agent was restarted since.
  private func pinnedDefinition(
    _ row: inout TaskRow, _ seat: inout Seat, _ context: WriteContext
  ) throws -> AgentDefinition {
    if let version = row.agentVersion, row.agentGeneration == seat.generation {
      return try definition(version, context)
    }
    if seat.version == nil { seat.version = try versionNumber(of: seat.agent, context) }
    row.agentVersion = seat.version
    row.agentGeneration = seat.generation
    try context.pin(row)
    return seat.agent
  }

  /// The number of the definition's row, made when there is none. The digest is of the clear text.
  private func versionNumber(of agent: AgentDefinition, _ context: WriteContext) throws -> Int64 {
    let json = agent.json
    let digest = digester.digest(json)
    if let known = try context.db.firstInteger("SELECT id FROM agent_version WHERE digest = ?", [digest]) {
      return known
    }
    let number = try context.drawDefinitionNumber()
    try context.db.run(
      "INSERT INTO agent_version (id, digest, definition) VALUES (?, ?, ?)",
      [number, digest, JournalBody.stored(try context.seal(definition: json, row: number))])
    return number
  }

  private func definition(_ version: Int64, _ context: WriteContext) throws -> AgentDefinition {
    guard let digest = try context.db.firstRow("SELECT digest FROM agent_version WHERE id = ?", [version]) else {
      throw StoreError(.databaseCorrupt, "agent_version has no row \(version) although a task pins it")
    }
    // By digest and not by number: a deleted version's number may be given again.
    let key: String = digest[0]
    if let known = definitions.withLock({ $0[key] }) { return known }
    let stored = try context.db.firstRow("SELECT definition FROM agent_version WHERE id = ?", [version])
    guard let bytes = stored?[0] as Data? else {
      throw StoreError(.databaseCorrupt, "row \(version) of agent_version cannot be read")
    }
    let isBeforeKeys = try context.db.sealingGoal()?.isBeforeKeys ?? true
    let json = try sealing.open(
      definition: try JournalBody.opened(bytes), row: version, isBeforeKeys: isBeforeKeys)
    guard let found = AgentDefinition(json: json) else {
      throw StoreError(.databaseCorrupt, "row \(version) of agent_version cannot be read")
    }
    definitions.withLock { cache in
      if cache.count >= Self.cachedDefinitions { cache = [:] }
      cache[key] = found
    }
    return found
  }
}
