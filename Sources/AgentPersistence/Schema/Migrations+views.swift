extension Migrations {
  /// Views for tests and for people with `sqlite3 -readonly`: names and texts in place of codes, whatever the tables
  /// below look like. Money is in nano-USD; what callers wrote is never shown.
  static let viewsOfTasks = """
    CREATE VIEW v_tasks (id, status, wait_reason, epoch, attempt) AS
      SELECT id,
        CASE status WHEN 0 THEN 'pending' WHEN 1 THEN 'running' WHEN 2 THEN 'waiting' WHEN 3 THEN 'completed'
          WHEN 4 THEN 'failed' WHEN 5 THEN 'cancelled' END,
        CASE wait_reason WHEN 1 THEN 'approval' WHEN 2 THEN 'timer' WHEN 3 THEN 'provider_limit'
          WHEN 4 THEN 'step_in_doubt' WHEN 5 THEN 'restored' END,
        epoch, attempt
      FROM task;
    CREATE VIEW v_events (seq, task, task_seq, type, at) AS
      SELECT seq, task, task_seq,
        CASE type WHEN 1 THEN 'task.submitted' WHEN 2 THEN 'task.started' WHEN 3 THEN 'task.waiting'
          WHEN 4 THEN 'task.resumed' WHEN 5 THEN 'task.retrying' WHEN 6 THEN 'task.requeued'
          WHEN 7 THEN 'task.cancelling' WHEN 8 THEN 'task.completed' WHEN 9 THEN 'task.failed'
          WHEN 10 THEN 'task.cancelled' WHEN 11 THEN 'step.started' WHEN 12 THEN 'step.finished'
          WHEN 13 THEN 'step.failed' WHEN 14 THEN 'step.in_doubt' WHEN 15 THEN 'step.resolved' END,
        at
      FROM journal;
    CREATE VIEW v_steps (task, step, kind, effect, status, attempt, input_hash, result_hash, cost) AS
      WITH step_row AS (
        SELECT task, step, min(seq) AS first, max(CASE WHEN type = 11 THEN seq END) AS started,
          max(CASE WHEN type <> 15 OR head->>'$.action' <> 'retry' THEN seq END) AS last
        FROM journal WHERE type BETWEEN 11 AND 15 GROUP BY task, step)
      SELECT step_row.task, step_row.step, first.head->>'$.kind', first.head->>'$.effect',
        CASE last.type WHEN 11 THEN 'started' WHEN 12 THEN 'finished' WHEN 13 THEN 'failed' WHEN 14 THEN 'in_doubt'
          WHEN 15 THEN CASE last.head->>'$.action' WHEN 'finished' THEN 'finished' WHEN 'fail' THEN 'failed' END END,
        coalesce(started.head->>'$.attempt', 1), first.head->>'$.input_hash', last.head->>'$.result_hash',
        last.head->>'$.usage.cost_nanousd'
      FROM step_row JOIN journal AS first ON first.seq = step_row.first
        JOIN journal AS last ON last.seq = step_row.last
        LEFT JOIN journal AS started ON started.seq = step_row.started;
    CREATE VIEW v_reservations (task, step, amount, state) AS
      SELECT task, step, head->>'$.reserved',
        CASE WHEN EXISTS (SELECT 1 FROM journal AS later WHERE later.task = made.task AND later.seq > made.seq
            AND (later.step = made.step OR later.type IN (3, 5, 6, 8, 9, 10)))
          THEN 'settled' ELSE 'reserved' END
      FROM journal AS made WHERE type = 11 AND head->>'$.reserved' > 0;
    CREATE VIEW v_idempotency (principal, key, body_hash, task, count, created) AS
      SELECT name.text, key, body_hash, task, count, created FROM idempotency LEFT JOIN name ON name.id = principal;
    CREATE VIEW v_audit (seq, at, actor, action, object) AS SELECT 0, 0, '', '', '' WHERE 0;
    CREATE VIEW v_meta (epoch) AS SELECT value FROM meta WHERE name = 'epoch';
    """
}
