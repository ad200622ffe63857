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

  package static func next(_ history: StepHistory) -> Action {
    let steps = history.current
    let number = history.lastNumber + 1
    if let open = steps.last, open.status == .started || open.status == .inDoubt { return again(open, in: steps) }
    guard let reply = steps.last(where: { $0.kind == .modelCall && $0.status == .finished }) else {
      return .callModel(number: number, attempt: 1, turn: 1)
    }
    let calls = calls(of: reply)
    if calls.isEmpty { return .finish(output(text: reply.output?["text"]?.stringValue ?? "", steps: steps)) }
    // Those before a retry were answered for by the failure that the retry follows.
    if let failure = badArguments(steps.filter { $0.number > history.lastNumberBeforeRetry }) { return .fail(failure) }
    let answered = Set(steps.filter { $0.number > reply.number }.compactMap { $0.input["call_id"]?.stringValue })
    if let call = calls.first(where: { !answered.contains($0.id) }) {
      return .callTool(number: number, attempt: 1, call: call, planned: nil)
    }
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

  private static func badArguments(_ steps: [Step]) -> Failure? {
    let newest = steps.filter { $0.kind == .toolCall }.suffix(maximumBadArguments)
    guard newest.count == maximumBadArguments, newest.allSatisfy({ $0.error?.code == "tool_arguments_invalid" })
    else { return nil }
    return newest.last?.error
  }

  private static func output(text: String, steps: [Step]) -> TaskOutput {
    var sizes: [String: Int64] = [:]
    for step in steps where step.kind == .toolCall && step.status == .finished {
      for file in step.output?["files"]?.arrayValue ?? [] {
        if let path = file["path"]?.stringValue { sizes[path] = file["size"]?.integerValue ?? 0 }
      }
    }
    let files = sizes.keys.sorted().map { TaskOutput.File(path: $0, size: sizes[$0] ?? 0) }
    return TaskOutput(text: text, files: files)
  }

  /// The conversation so far: what resume rebuilds is what was sent the first time.
  package static func messages(task: AgentTask, definition: AgentDefinition, history: StepHistory) -> [ChatMessage] {
    var messages: [ChatMessage] = [.system(definition.instructions), .user(userText(task.input))]
    for step in history.current {
      switch (step.kind, step.status) {
      case (.modelCall, .finished):
        messages.append(
          .assistant(
            text: step.output?["text"]?.stringValue ?? "", calls: calls(of: step),
            origin: step.output?["origin"].flatMap(ReplyOrigin.init(json:))))
      case (.toolCall, .finished), (.toolCall, .failed):
        let callID = step.input["call_id"]?.stringValue ?? ""
        let text = step.error.map { "\($0.code): \($0.detail)" } ?? resultText(step.output ?? .null)
        messages.append(.toolResult(callID: callID, name: step.name, text: text, isError: step.error != nil))
      default: break
      }
    }
    return messages
  }

  private static func resultText(_ output: JSONValue) -> String {
    output["text"]?.stringValue ?? output.stringValue ?? output.text
  }

  /// The prompt, and beneath it the input's other members as JSON.
  private static func userText(_ input: JSONValue) -> String {
    guard case .object(var members) = input else { return input.stringValue ?? "" }
    let prompt = members.removeValue(forKey: "prompt")?.stringValue ?? ""
    return members.isEmpty ? prompt : "\(prompt)\n\n\(JSONValue.object(members).text)"
  }
}
