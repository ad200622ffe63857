/// One row of the journal: the record of a step or of a move of a task, and the event that streams show.
package struct JournalEntry: Sendable, Hashable {
  /// Grows with every row; commit order is `sequence` order. The `id:` of a stream's event.
  package var sequence: Int64
  package var task: TaskID
  /// Dense per task, from 1.
  package var taskSequence: Int64
  package var step: Int?
  package var type: JournalEventType
  /// Never falls from one row to the next.
  package var at: Timestamp
  package var actor: Principal
  /// Clear JSON that lists, views and metrics need: kind, name, effect, attempt, hashes, usage, reasons, sizes.
  package var head: JSONValue
  /// What callers, models and tools wrote: `{"input":…}` or `{"output":…}`; nil where the row has none.
  package var body: JSONValue?

  package init(
    sequence: Int64, task: TaskID, taskSequence: Int64, step: Int?, type: JournalEventType, at: Timestamp,
    actor: Principal, head: JSONValue, body: JSONValue?
  ) {
    (self.sequence, self.task, self.taskSequence, self.step) = (sequence, task, taskSequence, step)
    (self.type, self.at, self.actor, self.head, self.body) = (type, at, actor, head, body)
  }
}
