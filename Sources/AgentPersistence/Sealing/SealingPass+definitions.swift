import AgentCore

extension SealingPass {
  /// What a look at the definitions has come to.
  struct DefinitionsLook: Sendable {
    /// Rows that were sealed anew.
    var changed = 0
    /// Values that stay as they are, and the keys that those name.
    var unopened: Int64 = 0
    var keys: Set<UInt32> = []
  }

  /// Brings the definitions that tasks pin to the goal, or, where all rows are as they should be, to the list and the key
  /// in use: a version that did not seal them may have written some. There is one for each change of an agent that tasks
  /// remember, so each look goes over all of them, and where nothing is to be done it writes nothing.
  func sealDefinitions(for goal: SealingGoal?) async throws(StoreError) -> DefinitionsLook {
    let reader = DefinitionReader(
      sealing: sealing, fields: goal?.fields ?? sealing.policy.fields, key: goal?.key ?? sealing.ring.activeFieldKey,
      isBeforeKeys: goal?.kind == .first, limits: limits)
    var look = DefinitionsLook()
    var cursor: Int64? = 0
    while let start = cursor {
      let batch = try await file.read { db in try reader.batch(after: start, db) }
      tell(batch.unopened)
      look.changed += batch.changes.count
      look.unopened += Int64(batch.unopened.count)
      look.keys.formUnion(batch.keys)
      try await put(batch.changes[...])
      cursor = batch.upTo
    }
    return look
  }

  /// In as many turns of the writer as they take. One that was deleted meanwhile, or is another by now, is as it should be.
  private func put(_ changes: ArraySlice<DefinitionReader.Change>) async throws(StoreError) {
    var rest = changes
    while !rest.isEmpty {
      let changes = rest
      let written = try await file.write(.essential) { [clock, limits] context in
        let began = clock.uptime()
        var written = 0
        for change in changes {
          try context.db.run(
            "UPDATE agent_version SET definition = ? WHERE id = ? AND definition = ?",
            [change.new, change.id, change.old])
          written += 1
          if clock.uptime() - began >= limits.writer { break }
        }
        try context.keepReservation()
        return written
      }
      rest = rest.dropFirst(written)
    }
  }
}
