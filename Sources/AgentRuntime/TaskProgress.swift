import AgentCore

/// What a task's journal says so far, as the loop needs it. A value: replaying the same rows gives the same progress.
package struct TaskProgress: Sendable {
  package private(set) var history = StepHistory()
  /// The newest row taken in.
  package private(set) var lastTaskSequence: Int64 = 0
  /// Used since the limits began (anew at a retry that was asked for).
  package private(set) var tokensUsed: Int64 = 0
  package private(set) var modelCalls = 0
  package private(set) var steps = 0
  /// Tries of the newest step in this attempt of the task; those that a requeue or a crash cut do not count.
  package private(set) var tries = 0
  /// The newest try of a model call was refused as too long: the next one sends half.
  package private(set) var isTooLong = false
  /// A try has begun, and no row has told of its end yet.
  private var isTrying = false

  package init() {}

  /// Of a task without steps whose newest row has that number.
  package init(after lastTaskSequence: Int64) { self.lastTaskSequence = lastTaskSequence }

  package init(replaying entries: some Sequence<JournalEntry>) {
    for entry in entries { apply(entry) }
  }

  package mutating func apply(_ entry: JournalEntry) {
    lastTaskSequence = max(lastTaskSequence, entry.taskSequence)
    let isFirstTry = entry.step.map { history[$0] == nil } ?? false
    history.apply(entry)
    count(entry, isFirstTry: isFirstTry)
    noteLength(entry)
    for member in ["usage", "settled"] {
      if let usage = entry.head[member].flatMap(ModelUsage.init(json:)) { tokensUsed += usage.totalTokens }
    }
  }

  private mutating func count(_ entry: JournalEntry, isFirstTry: Bool) {
    switch entry.type {
    case .taskRetrying, .stepResolved: tries = 0
    case .taskRequeued where isTrying && entry.head["after_failed_try"] != true: tries = max(0, tries - 1)
    case .stepStarted: tries = isFirstTry ? 1 : tries + 1
    default: break
    }
    // A cancel that is only asked for ends nothing.
    if entry.type != .taskCancelling { isTrying = entry.type == .stepStarted }
    switch entry.type {
    case .taskRetrying where entry.head["error"] == nil:
      // Asked for by a caller: limits begin anew.
      (tokensUsed, modelCalls, steps) = (0, 0, 0)
    case .stepStarted:
      if isFirstTry { steps += 1 }
      if entry.head["kind"]?.stringValue == StepKind.modelCall.rawValue { modelCalls += 1 }
    default: break
    }
  }

  private mutating func noteLength(_ entry: JournalEntry) {
    switch entry.type {
    case .taskWaiting, .taskRequeued: isTooLong = isTooLong || entry.head["too_long"] == true
    // By itself it is tried again only where its tries were used up, with half left to try.
    case .taskRetrying: isTooLong = entry.head["error"]?["code"]?.stringValue == "context_too_long"
    case .stepStarted: isTooLong = false
    default: break
    }
  }

  /// Takes in that the try in hand was too long, before a row tells it.
  mutating func noteTooLong() { isTooLong = true }

  /// What the steps show changes.
  package mutating func updateSteps(_ change: (inout Step) -> Void) { history.update(change) }

  /// Takes in how a step ended before its row is written.
  package mutating func apply(_ end: StepEnd, at moment: Timestamp) {
    history.apply(end, at: moment)
    // Its tokens are counted when the row itself comes back from the store.
  }
}
