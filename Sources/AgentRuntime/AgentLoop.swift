import AgentCore

/// What a task does next, decided from its journal alone. Never awaits: replaying a history is a table test.
package enum AgentLoop {
  package enum Action: Sendable, Hashable {
    /// `number` is a new step or, after a cut, an open one that is tried again with `attempt`.
    case callModel(number: Int, attempt: Int, turn: Int)
    /// `planned` is what stands in the open step's row; nil for a new step.
    case callTool(number: Int, attempt: Int, call: ToolCall, planned: ToolPlan?)
    case finish(TaskOutput)
    case fail(Failure)
  }

  /// Answers in a row whose arguments no tool could take: the model will not learn it.
  static let maximumBadArguments = 3

  /// `schema`: what the final answer must fit. One that does not is followed by one more call, whose answer its worker
  /// judges: a step that did not fit for good has failed.
  package static func next(_ history: StepHistory, schema: JSONSchema? = nil) -> Action {
    let steps = history.current
    let number = history.lastNumber + 1
    if let open = steps.last, open.status == .started || open.status == .inDoubt { return again(open, in: steps) }
    guard let reply = steps.last(where: { $0.kind == .modelCall && $0.status == .finished }) else {
      return .callModel(number: number, attempt: 1, turn: 1)
    }
    let calls = calls(of: reply)
    if calls.isEmpty {
      let text = reply.output?["text"]?.stringValue ?? ""
      guard let schema else { return .finish(output(text: text, json: nil, steps: steps)) }
      if case .fits(let json) = FinalAnswer(text, by: schema) {
        return .finish(output(text: text, json: json, steps: steps))
      }
      return .callModel(number: number, attempt: 1, turn: turns(steps) + 1)
    }
    let answered = Set(steps.filter { $0.number > reply.number }.compactMap { $0.input["call_id"]?.stringValue })
    if let call = calls.first(where: { !answered.contains($0.id) }) {
      return .callTool(number: number, attempt: 1, call: call, planned: nil)
    }
    // Those before a retry were answered for by the failure that the retry follows.
    if let failure = badArguments(steps.filter { $0.number > history.lastNumberBeforeRetry }) { return .fail(failure) }
    return .callModel(number: number, attempt: 1, turn: turns(steps) + 1)
  }

  /// The step that a crash, a stop or a wait left open, or that a person wants tried again.
  private static func again(_ open: Step, in steps: [Step]) -> Action {
    switch open.kind {
    case .modelCall, .wait:
      return .callModel(number: open.number, attempt: open.attempt + 1, turn: turns(steps) + 1)
    case .toolCall:
      let call = ToolCall(
        id: open.input["call_id"]?.stringValue ?? "", name: open.name, arguments: open.input["arguments"] ?? .null)
      // A step in doubt gets here only after a person said `retry`: planned anew.
      let planned = open.status == .started ? ToolPlan(effect: open.effect, evidence: open.evidence) : nil
      return .callTool(number: open.number, attempt: open.attempt + 1, call: call, planned: planned)
    }
  }

  private static func turns(_ steps: [Step]) -> Int {
    steps.count { $0.kind == .modelCall && $0.status == .finished }
  }

  static func calls(of reply: Step) -> [ToolCall] {
    reply.output?["tool_calls"]?.arrayValue?.compactMap(ToolCall.init(json:)) ?? []
  }

  /// What the engine says to the newest reply when it is a final answer that does not fit; nil otherwise.
  static func repair(of history: StepHistory, by schema: JSONSchema) -> String? {
    guard let reply = history.current.last(where: { $0.kind == .modelCall && $0.status == .finished }),
      calls(of: reply).isEmpty,
      case .misfit(let problems) = FinalAnswer(reply.output?["text"]?.stringValue ?? "", by: schema)
    else { return nil }
    return FinalAnswer.repair(problems, schema: schema)
  }

  /// By answers, not by calls: one answer may have many, and has learnt nothing between them.
  private static func badArguments(_ steps: [Step]) -> Failure? {
    var answers: [[Step]] = [[]]
    for step in steps {
      switch step.kind {
      case .modelCall where step.status == .finished: answers.append([])
      case .toolCall: answers[answers.count - 1].append(step)
      case .modelCall, .wait: break
      }
    }
    let newest = answers.filter { !$0.isEmpty }.suffix(maximumBadArguments)
    let isBad = newest.allSatisfy { calls in calls.allSatisfy { $0.error?.code == "tool_arguments_invalid" } }
    return newest.count == maximumBadArguments && isBad ? newest.last?.last?.error : nil
  }

  private static func output(text: String, json: JSONValue?, steps: [Step]) -> TaskOutput {
    var sizes: [String: Int64] = [:]
    for step in steps where step.kind == .toolCall && step.status == .finished {
      for file in step.output?["files"]?.arrayValue ?? [] {
        if let path = file["path"]?.stringValue { sizes[path] = file["size"]?.integerValue ?? 0 }
      }
    }
    let files = sizes.keys.sorted().map { TaskOutput.File(path: $0, size: sizes[$0] ?? 0) }
    return TaskOutput(text: text, json: json, files: files)
  }
}
