import AgentCore

/// How steps are written in answers.
enum StepBody {
  /// `isListed`: a long `input` or `output` is left out. `superseded` stands there only when it is true.
  static func json(_ step: Step, isListed: Bool = false) -> JSONValue {
    func shown(_ value: JSONValue) -> JSONValue { isListed ? TaskBody.shortened(value) : value }
    var members: [String: JSONValue] = [
      "step": JSONValue(step.number), "kind": .string(step.kind.rawValue), "name": .string(step.name),
      "effect": .string(step.effect.rawValue), "status": .string(step.status.rawValue),
      "attempt": JSONValue(step.attempt), "started_at": .string(step.startedAt.text),
      "finished_at": JSONValue(step.finishedAt?.text), "input": shown(step.input),
      "output": shown(step.output ?? .null), "error": step.error?.json ?? .null,
      "usage": step.usage.map { TaskBody.json($0) } ?? .null,
    ]
    if step.isSuperseded { members["superseded"] = true }
    // What a person needs to settle a doubt: the digests or the request that the plan noted before the effect.
    if step.status == .inDoubt, let evidence = step.evidence { members["evidence"] = evidence }
    return .object(members)
  }
}
