import GRDB

/// The database's schema as numbered steps. Append-only: a released step is never edited (a test holds their digests).
package enum Migrations {
  package struct Step: Sendable {
    package var number: Int
    package var name: String
    package var statements: String
  }

  /// Ascending by number, from 1 without gaps. `PRAGMA user_version` holds the number of the newest one applied.
  package static let all: [Step] = [
    Step(number: 1, name: "tasks and their journal", statements: tasksAndJournal),
    Step(number: 2, name: "views of tasks, steps and events", statements: viewsOfTasks),
    Step(number: 3, name: "only the counters that are read", statements: countersThatAreRead),
    Step(number: 4, name: "settings that the API changed", statements: settings),
    Step(number: 5, name: "keys, and which tasks hold sealed values", statements: keys),
  ]

  /// `PRAGMA application_id` of our databases: "AgSy".
  package static let applicationID: Int64 = 0x4167_5379

  /// Integers all in `task`: names stand in `name`, what callers wrote in the journal's bodies. Codes of status,
  /// event type and wait reason are those of `StoredCodes`. Times are UTC milliseconds; `deadline`, `deadline_left`,
  /// `wall_used` and `running_since` are milliseconds of service time.
  private static let tasksAndJournal = """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID, STRICT;
    CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE counter (name TEXT NOT NULL, label TEXT NOT NULL, value INTEGER NOT NULL,
      PRIMARY KEY (name, label)) WITHOUT ROWID, STRICT;
    CREATE TABLE agent_version (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, definition BLOB NOT NULL) STRICT;
    CREATE TABLE agent_state (agent INTEGER PRIMARY KEY, disabled INTEGER NOT NULL, generation INTEGER NOT NULL,
      error_code TEXT, error_detail BLOB) STRICT;
    CREATE TABLE task (id INTEGER PRIMARY KEY, agent INTEGER NOT NULL, agent_version INTEGER,
      agent_generation INTEGER NOT NULL DEFAULT 0, owner INTEGER NOT NULL, status INTEGER NOT NULL,
      wait_reason INTEGER, wait_step INTEGER, priority INTEGER NOT NULL, attempt INTEGER NOT NULL,
      max_attempts INTEGER NOT NULL, crashes INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL DEFAULT 0,
      claim INTEGER NOT NULL DEFAULT 0, last_step INTEGER NOT NULL DEFAULT 0, last_task_seq INTEGER NOT NULL,
      open_step INTEGER, open_effect INTEGER, in_doubt INTEGER NOT NULL DEFAULT 0, cancel_at INTEGER,
      created INTEGER NOT NULL, started INTEGER, finished INTEGER, run_after INTEGER, timeout INTEGER NOT NULL,
      deadline INTEGER, deadline_left INTEGER, running_since INTEGER, wall_used INTEGER NOT NULL DEFAULT 0,
      tokens_reserved INTEGER NOT NULL DEFAULT 0, tokens_used INTEGER NOT NULL DEFAULT 0,
      input_tokens INTEGER NOT NULL DEFAULT 0, output_tokens INTEGER NOT NULL DEFAULT 0,
      llm_calls INTEGER NOT NULL DEFAULT 0, tool_calls INTEGER NOT NULL DEFAULT 0,
      nanousd_reserved INTEGER NOT NULL DEFAULT 0, nanousd_used INTEGER,
      input_seq INTEGER NOT NULL, output_seq INTEGER) STRICT;
    CREATE INDEX task_claimable ON task (agent, owner, priority DESC, id)
      WHERE status = 0 AND run_after IS NULL AND crashes < 3;
    CREATE INDEX task_quarantined ON task (agent, id) WHERE status = 0 AND run_after IS NULL AND crashes >= 3;
    CREATE INDEX task_run_after ON task (run_after) WHERE run_after IS NOT NULL;
    CREATE INDEX task_finished ON task (finished) WHERE finished IS NOT NULL;
    CREATE INDEX task_deadline ON task (deadline) WHERE deadline IS NOT NULL AND finished IS NULL;
    CREATE INDEX task_waiting ON task (status, wait_reason) WHERE status = 2;
    CREATE INDEX task_agent_version ON task (agent_version);
    CREATE INDEX task_status ON task (status, id);
    CREATE INDEX task_agent ON task (agent, id);
    CREATE INDEX task_owner ON task (owner, id);
    CREATE TABLE journal (seq INTEGER PRIMARY KEY, task INTEGER NOT NULL, task_seq INTEGER NOT NULL, step INTEGER,
      type INTEGER NOT NULL, at INTEGER NOT NULL, epoch INTEGER NOT NULL, actor INTEGER NOT NULL,
      head TEXT NOT NULL, body BLOB) STRICT;
    CREATE INDEX journal_task ON journal (task);
    CREATE TABLE label (name TEXT NOT NULL, value TEXT NOT NULL, task INTEGER NOT NULL,
      PRIMARY KEY (name, value, task)) WITHOUT ROWID, STRICT;
    CREATE INDEX label_task ON label (task);
    CREATE TABLE idempotency (principal INTEGER NOT NULL, key TEXT NOT NULL, body_hash TEXT NOT NULL,
      task INTEGER NOT NULL, count INTEGER NOT NULL, created INTEGER NOT NULL,
      PRIMARY KEY (principal, key)) WITHOUT ROWID, STRICT;
    CREATE INDEX idempotency_task ON idempotency (task);
    CREATE INDEX idempotency_created ON idempotency (created);
    """

  /// The sum goes with them: a start that finds it wrong counts every task.
  private static let countersThatAreRead = """
    DELETE FROM counter WHERE name IN ('claimable', 'quarantined');
    UPDATE meta SET value = (SELECT coalesce(sum(value), 0) FROM counter) WHERE name = 'counter_sum';
    """

  /// `file_value` is NULL where the file said nothing when the setting was made; `actor` is a number of table `name`.
  private static let settings = """
    CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL, file_value TEXT, changed INTEGER NOT NULL,
      actor INTEGER NOT NULL) WITHOUT ROWID, STRICT;
    """

  /// `wrapped` and `other_wrap` are of the master key in force and of the one to come. `sealing_pass` has one row once
  /// there was a pass: rows up to `cursor` are done, up to `last` to be done; `kind` is one of `SealingGoal.Kind`,
  /// `fields` the list that it seals by, as JSON, `key` the one that it seals with; `unopened` counts values that did not
  /// open. `task.sealed`: a row of its journal holds a sealed value.
  private static let keys = """
    CREATE TABLE key_ring (id INTEGER PRIMARY KEY, purpose TEXT NOT NULL, state TEXT NOT NULL, wrapped BLOB NOT NULL,
      other_wrap BLOB, seals INTEGER NOT NULL, created_at INTEGER NOT NULL) STRICT;
    CREATE TABLE sealing_pass (id INTEGER PRIMARY KEY CHECK (id = 1), fields TEXT NOT NULL, key INTEGER NOT NULL,
      kind TEXT NOT NULL, cursor INTEGER NOT NULL, last INTEGER NOT NULL, unopened INTEGER NOT NULL,
      started INTEGER NOT NULL, finished INTEGER) STRICT;
    ALTER TABLE task ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;
    """
}
