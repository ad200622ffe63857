import AgentCore

/// What the engine itself decided of the conversation that a model call sends. It stands in the step's input, so that a
/// resumed task sends what was sent the first time.
package struct ConversationShape: Sendable, Hashable {
  /// Steps of tool calls whose outputs gave way to a marker; for good.
  package var elidedOutputs: Set<Int> = []
  /// Steps of tool calls whose long arguments did; for good.
  package var elidedArguments: Set<Int> = []
  /// What the engine says to a final answer that does not fit the task's schema; nil: it is no repair round.
  package var repair: String?
  /// The one try at half, after the provider had refused the conversation as too long.
  package var isHalved = false

  package init() {}

  /// Reads what `members` wrote into a step's input; what is not there is empty.
  package init(input: JSONValue) {
    elidedOutputs = Self.numbers(input["elided_outputs"])
    elidedArguments = Self.numbers(input["elided_arguments"])
    repair = input["repair"]?.stringValue
    isHalved = input["halved"]?.boolValue ?? false
  }

  /// What calls from here on keep elided: all that any call of the conversation so far did.
  package init(carriedFrom history: StepHistory) {
    for step in history.current where step.kind == .modelCall {
      elidedOutputs.formUnion(Self.numbers(step.input["elided_outputs"]))
      elidedArguments.formUnion(Self.numbers(step.input["elided_arguments"]))
    }
  }

  /// `{"elided_outputs":[2,5],"elided_arguments":[],"repair":"…","halved":true}`, the last two where they say something.
  package var members: [String: JSONValue] {
    var members: [String: JSONValue] = [
      "elided_outputs": .array(elidedOutputs.sorted().map { JSONValue($0) }),
      "elided_arguments": .array(elidedArguments.sorted().map { JSONValue($0) }),
    ]
    if let repair { members["repair"] = .string(repair) }
    if isHalved { members["halved"] = true }
    return members
  }

  private static func numbers(_ list: JSONValue?) -> Set<Int> {
    Set((list?.arrayValue ?? []).compactMap { $0.integerValue.flatMap(Int.init(exactly:)) })
  }
}
