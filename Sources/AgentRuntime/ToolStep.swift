import AgentCore

/// One call of a tool as a step of the task.
struct ToolStep: Sendable {
  var number: Int
  var tool: any AgentTool
  /// As the model made it, references unopened.
  var call: ToolCall
  /// What the tool gets.
  var opened: JSONValue
  var plan: ToolPlan
  var context: ToolContext

  /// How a step ends whose tool took longer than it may.
  static let timeout = Failure(code: "tool_timeout", detail: "the tool did not come to an end")
}

/// What is known of a try that came back without an outcome.
enum TryKnowledge {
  /// Nothing has happened, or it may be repeated without harm.
  case harmless
  /// Its evidence may tell.
  case askRecall
  /// Nobody can tell but a person.
  case inDoubt

  init(_ error: ToolError, of effect: EffectClass, wasCut: Bool) {
    let mayHaveHappened = error.mayHaveHappened || wasCut && !error.hadNoEffect
    switch effect {
    case .once where mayHaveHappened: self = .inDoubt
    case .idempotent where mayHaveHappened: self = .askRecall
    default: self = .harmless
    }
  }
}
