/// The right to write for one running task: what a worker holds from claim to end. Writes under it are refused
/// (`claim_lost`) once another claim or another process start took over.
package struct Claim: Sendable, Hashable {
  package var task: TaskID
  /// The process start.
  package var epoch: Int64
  /// Counts the claims of this task.
  package var number: Int64
  package init(task: TaskID, epoch: Int64, number: Int64) {
    (self.task, self.epoch, self.number) = (task, epoch, number)
  }
}

/// A step's intent, written before its effect. A second one with the same number is the next try.
package struct StepStart: Sendable, Hashable {
  package var number: Int
  package var kind: StepKind
  package var name: String
  package var effect: EffectClass
  /// The try, from 1.
  package var attempt: Int
  /// Nil on a later try that sends the same as the one before: an earlier row has it.
  package var input: JSONValue?
  package var inputHash: String
  package var evidence: JSONValue?
  /// Tokens set aside for a model call until its end; 0 for everything else.
  package var reservedTokens: Int64
  /// What the try before this one used; nil on the first.
  package var settling: ModelUsage?
  package init(
    number: Int, kind: StepKind, name: String, effect: EffectClass, attempt: Int = 1, input: JSONValue? = nil,
    inputHash: String, evidence: JSONValue? = nil, reservedTokens: Int64 = 0, settling: ModelUsage? = nil
  ) {
    (self.number, self.kind, self.name, self.effect) = (number, kind, name, effect)
    (self.attempt, self.input, self.inputHash, self.evidence) = (attempt, input, inputHash, evidence)
    (self.reservedTokens, self.settling) = (reservedTokens, settling)
  }
}

/// How a step ended.
package struct StepEnd: Sendable, Hashable {
  package enum Outcome: Sendable, Hashable {
    case finished(output: JSONValue, resultHash: String)
    case failed(Failure, output: JSONValue?)
    /// A `once` step that was cut between intent and answer.
    case inDoubt(Failure)
  }
  package var number: Int
  package var outcome: Outcome
  /// What the last try used; replaces its reservation.
  package var usage: ModelUsage?
  package init(number: Int, outcome: Outcome, usage: ModelUsage? = nil) {
    (self.number, self.outcome, self.usage) = (number, outcome, usage)
  }
}

/// One thing that a worker writes about its task; several may go into one commit, in this order.
package enum TaskChange: Sendable, Hashable {
  case stepStarted(StepStart)
  case stepEnded(StepEnd)
  /// Of the time since the claim, so much is no running time: a provider had let the task wait. No row tells of it.
  case rested(Duration)
  /// `running` → `waiting`. `settling`: what the open step's last try used; nil: nothing. `lasting`: the store adds it
  /// to its own time, which never falls, and that is the wait's `until`. `isTooLong`: the open step's last try was
  /// refused as too long, so that the next one sends half.
  case waiting(TaskWait, settling: ModelUsage? = nil, lasting: Duration? = nil, isTooLong: Bool = false)
  /// `running` → `pending` after an error, not before the store's time and `after`; raises `attempt`.
  case retrying(Failure, after: Duration)
  /// `running` → `pending`: `shutdown`, `agent_restart`. `settling`: what the open step's last try used; nil: nobody
  /// knows, so its reservation counts. `isUnsent`: nothing of the open step has happened, so that nothing of it is in
  /// doubt until its next try. `isAfterTry`: the last try had failed by itself, so it counts as one. `isTooLong`: as of a
  /// wait.
  case requeued(
    reason: String, settling: ModelUsage? = nil, isUnsent: Bool = false, isAfterTry: Bool = false,
    isTooLong: Bool = false)
  case completed(TaskOutput)
  case failed(Failure)
  case cancelled
}

package struct AdvanceResult: Sendable, Hashable {
  /// After the write. Not always what was asked: once a cancel was acknowledged, outcomes end `cancelled`.
  package var status: TaskStatus
  package var isCancelRequested: Bool
  /// The rows written, in order.
  package var entries: [JournalEntry]
  package init(status: TaskStatus, isCancelRequested: Bool, entries: [JournalEntry]) {
    (self.status, self.isCancelRequested, self.entries) = (status, isCancelRequested, entries)
  }
}
