package enum StepKind: String, Sendable, CaseIterable {
  case modelCall = "model_call"
  case toolCall = "tool_call"
  case wait
}

/// What a repetition of a step does to the world.
package enum EffectClass: String, Sendable, CaseIterable {
  /// Nothing: it reads. Run again after a crash.
  case pure
  /// The same as once: a write whose result can be recognised.
  case idempotent
  /// Something more: never repeated by itself. Every undeclared tool counts as this.
  case once
}

package enum StepStatus: String, Sendable, CaseIterable {
  case started, finished, failed
  case inDoubt = "in_doubt"
}

/// One step of a task as the journal's rows tell it so far.
package struct Step: Sendable, Hashable {
  /// Per task, from 1, never used twice.
  package var number: Int
  package var kind: StepKind
  /// The tool (`file.read`) or, for a model call, the provider of its newest try.
  package var name: String
  package var effect: EffectClass
  package var status: StepStatus
  /// The try within the step, from 1.
  package var attempt: Int
  package var startedAt: Timestamp
  package var finishedAt: Timestamp?
  /// A tool call: `{"call_id","arguments"}`; a model call: the parameters of its newest try and a digest.
  package var input: JSONValue
  package var output: JSONValue?
  package var error: Failure?
  package var usage: ModelUsage?
  /// What a tool's plan noted before the effect, e.g. a file's digests before and after.
  package var evidence: JSONValue?
  package var inputHash: String
  package var resultHash: String?
  /// A later `retry?from=` set it aside: it is no part of the conversation any more.
  package var isSuperseded: Bool

  package init(
    number: Int, kind: StepKind, name: String, effect: EffectClass, status: StepStatus, attempt: Int = 1,
    startedAt: Timestamp, finishedAt: Timestamp? = nil, input: JSONValue, output: JSONValue? = nil,
    error: Failure? = nil, usage: ModelUsage? = nil, evidence: JSONValue? = nil, inputHash: String = "",
    resultHash: String? = nil, isSuperseded: Bool = false
  ) {
    (self.number, self.kind, self.name, self.effect, self.status) = (number, kind, name, effect, status)
    (self.attempt, self.startedAt, self.finishedAt, self.input) = (attempt, startedAt, finishedAt, input)
    (self.output, self.error, self.usage, self.evidence) = (output, error, usage, evidence)
    (self.inputHash, self.resultHash, self.isSuperseded) = (inputHash, resultHash, isSuperseded)
  }
}
