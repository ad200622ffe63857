/// What a model is told of a tool.
package struct ToolDescriptor: Sendable, Hashable {
  /// Dotted: `file.read`; on the wire to a model the dot becomes `_`.
  package var name: String
  package var description: String
  /// JSON Schema of the arguments.
  package var parameters: JSONValue
  package init(name: String, description: String, parameters: JSONValue) {
    (self.name, self.description, self.parameters) = (name, description, parameters)
  }
}

/// Why a tool call did not do its work. The model gets it as the call's result.
package struct ToolError: Error, Sendable, Hashable {
  package var code: String
  package var detail: String
  /// The effect may have happened: a `once` step ends in doubt.
  package var mayHaveHappened: Bool
  /// Another try of the same call may go better.
  package var isRetryable: Bool
  /// The tool knows that nothing of the effect was begun: then not even a call that was cut is in doubt.
  package var hadNoEffect: Bool
  package init(
    _ code: String, _ detail: String, mayHaveHappened: Bool = false, isRetryable: Bool = false,
    hadNoEffect: Bool = false
  ) {
    (self.code, self.detail, self.mayHaveHappened, self.isRetryable) = (code, detail, mayHaveHappened, isRetryable)
    self.hadNoEffect = hadNoEffect
  }

  package var failure: Failure { Failure(code: code, detail: detail) }
}

/// Where and for whom a tool works.
package struct ToolContext: Sendable {
  package var task: TaskID
  package var step: Int
  /// The directory the task works in: absolute path, already checked against the allow-listed roots.
  package var workspace: String
  /// The same for every try of this call and for no other call: sent as `Idempotency-Key`.
  package var idempotencyKey: String
  package var allowHosts: [String]
  /// Members whose values an answer is shown without.
  package var sensitive: SensitiveFields
  /// Finds the task's sealed values: a tool that cuts a long text filters it first, for half a value is not found later.
  package var filter: SealedFilter
  /// A reference stands in the host that the call names: what it was opened to is nobody's to look up.
  package var hasSealedHost = false
  package init(
    task: TaskID, step: Int, workspace: String, idempotencyKey: String, allowHosts: [String],
    sensitive: SensitiveFields = .standard, filter: SealedFilter = SealedFilter(), hasSealedHost: Bool = false
  ) {
    self.hasSealedHost = hasSealedHost
    (self.task, self.step, self.workspace) = (task, step, workspace)
    (self.idempotencyKey, self.allowHosts) = (idempotencyKey, allowHosts)
    (self.sensitive, self.filter) = (sensitive, filter)
  }
}

/// What a call is going to do, settled before it does it; stands in the step's `started` row.
package struct ToolPlan: Sendable, Hashable {
  package var effect: EffectClass
  /// E.g. `{"path":…,"before":DIGEST,"after":DIGEST}` for a write; nil where nothing needs noting.
  package var evidence: JSONValue?
  package init(effect: EffectClass, evidence: JSONValue? = nil) { (self.effect, self.evidence) = (effect, evidence) }
}

/// What a call came to.
package struct ToolOutcome: Sendable, Hashable {
  /// What the model is shown, at most `ToolOutcome.maximumBytes` long.
  package var text: String
  /// Files the call wrote, workspace-relative.
  package var writtenFiles: [TaskOutput.File]
  /// What `text` has `[sealed]` for: kept sealed, and looked for in all that the task says from here on.
  package var hidden: [JSONValue]
  package init(text: String, writtenFiles: [TaskOutput.File] = [], hidden: [JSONValue] = []) {
    (self.text, self.writtenFiles, self.hidden) = (text, writtenFiles, hidden)
  }

  /// A tool's output beyond this is cut and marked.
  package static let maximumBytes = 256 * 1024
  /// The most of it that a model is shown: past it the engine cuts. The journal has all of it.
  package static let shownBytes = 32 * 1024
}

/// What became of a call that was cut by a crash, an interrupt or its time, by its evidence.
package enum ToolRecall: Sendable, Hashable {
  case done(ToolOutcome)
  case notDone
  case inDoubt(String)
}

/// One tool. It never touches the journal: it plans, does, and after a crash recalls.
package protocol AgentTool: Sendable {
  var descriptor: ToolDescriptor { get }

  /// What its calls may do, as `plan` settles it for each; `once` unless it says otherwise.
  var effects: [EffectClass] { get }

  /// Checks the arguments and says what the call will do, without doing it. May be repeated. A cancelled caller gets an
  /// error within 100 ms.
  func plan(_ arguments: JSONValue, in context: ToolContext) async throws(ToolError) -> ToolPlan

  /// Does it. For `idempotent` ones `plan` is the one that stands in the journal. A cancelled caller gets an error
  /// with code `cancelled` within 100 ms.
  func perform(
    _ arguments: JSONValue, plan: ToolPlan, in context: ToolContext
  ) async throws(ToolError) -> ToolOutcome

  /// Asked only of `idempotent` calls whose `started` row stands without an end. A cancelled caller gets `inDoubt`
  /// within 100 ms, unless the answer is known by then.
  func recall(_ arguments: JSONValue, plan: ToolPlan, in context: ToolContext) async -> ToolRecall
}

extension AgentTool {
  package var effects: [EffectClass] { [.once] }

  package func recall(_ arguments: JSONValue, plan: ToolPlan, in context: ToolContext) async -> ToolRecall { .notDone }
}

/// The tools there are, by dotted name.
package protocol ToolSource: Sendable {
  func tool(named name: String) -> (any AgentTool)?
}
