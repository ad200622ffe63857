#if DEBUG
import AgentCore
import GRDB

/// What a deliberate bug does to the rows at recovery. In debug binaries only.
extension SQLiteTaskStore {
  static func spoil(_ bug: DeliberateBug, _ actor: Actor, _ context: WriteContext) throws {
    switch bug {
    case .rewritesResults:
      try context.db.run(
        """
        UPDATE journal SET head = json_set(head, '$.result_hash', 'rewritten-' || ?)
        WHERE type = 12 AND task IN (SELECT id FROM task WHERE status = 1)
        """, [context.epoch])
    case .skipsStepNumber:
      try context.db.run(
        """
        UPDATE journal SET step = step + 1
        WHERE EXISTS (SELECT 1 FROM task WHERE id = journal.task AND status = 1 AND last_step = journal.step)
        """, [])
      try context.db.run(
        "UPDATE task SET last_step = last_step + 1, open_step = open_step + 1 WHERE status = 1 AND last_step > 0", [])
    case .repeatsOnce:
      try context.db.run(
        """
        UPDATE journal SET head = json_set(head, '$.effect', 'pure')
        WHERE type = 11 AND EXISTS (SELECT 1 FROM task WHERE id = journal.task AND status = 1
          AND open_step = journal.step AND open_effect = ?)
        """, [EffectClass.once.storedCode])
      try context.db.run(
        "UPDATE task SET open_effect = ? WHERE status = 1 AND open_effect = ?",
        [EffectClass.pure.storedCode, EffectClass.once.storedCode])
    case .revivesEnded:
      try context.db.run("UPDATE task SET status = 1, finished = NULL, output_seq = NULL WHERE status IN (3, 5)", [])
    case .movesForbidden:
      for stored in try context.db.rows("SELECT \(TaskRow.columns) FROM task WHERE status = 1 LIMIT 64", []) {
        var row = try TaskRow(stored)
        try context.append(.taskResumed, to: &row, actor: actor)
        try context.save(row)
      }
    case .answersWithoutCommit, .skipsRecovery, .dropsOutputs: break
    }
  }
}
#endif
