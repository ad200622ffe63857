import AgentCore

/// Journal rows of one task, as the store writes them, for tests that replay histories.
struct JournalBuilder {
  private(set) var entries: [JournalEntry] = []
  private var nextStep = 1

  private mutating func add(_ type: JournalEventType, step: Int?, head: JSONValue, body: JSONValue? = nil) {
    let number = Int64(entries.count + 1)
    entries.append(
      JournalEntry(
        sequence: number, task: TaskID(number: 1), taskSequence: number, step: step, type: type,
        at: Timestamp(milliseconds: number), actor: .system, head: head, body: body))
  }

  mutating func task(_ type: JournalEventType, _ head: JSONValue = [:]) { add(type, step: nil, head: head) }

  /// A finished model call.
  mutating func model(text: String, calls: [ToolCall] = [], tokens: Int64 = 10) {
    startModel()
    let output: JSONValue = ["text": .string(text), "tool_calls": .array(calls.map(\.json))]
    end(.stepFinished, output: output, usage: ModelUsage(inputTokens: tokens, outputTokens: 0))
  }

  mutating func startModel(attempt: Int64 = 1, input: JSONValue? = nil) {
    add(
      .stepStarted, step: nextStep,
      head: ["kind": "model_call", "name": "sandbox", "effect": "pure", "attempt": .integer(attempt)],
      body: input.map { ["input": $0] })
  }

  mutating func startTool(_ call: ToolCall, effect: EffectClass, evidence: JSONValue? = nil) {
    var head: [String: JSONValue] = [
      "kind": "tool_call", "name": .string(call.name), "effect": .string(effect.rawValue), "attempt": 1,
    ]
    if let evidence { head["evidence"] = evidence }
    add(
      .stepStarted, step: nextStep, head: .object(head),
      body: ["input": ["call_id": .string(call.id), "arguments": call.arguments]])
  }

  mutating func end(
    _ type: JournalEventType, output: JSONValue? = nil, failure: Failure? = nil, usage: ModelUsage? = nil
  ) {
    var head: [String: JSONValue] = [:]
    if let failure { head["error"] = failure.json }
    if let usage { head["usage"] = usage.json }
    add(type, step: nextStep, head: .object(head), body: output.map { ["output": $0] })
    if type != .stepInDoubt { nextStep += 1 }
  }

  mutating func tool(_ call: ToolCall, effect: EffectClass = .pure, text: String) {
    startTool(call, effect: effect)
    end(.stepFinished, output: ["text": .string(text)])
  }

  mutating func failedTool(_ call: ToolCall, code: String, detail: String = "no") {
    startTool(call, effect: .pure)
    end(.stepFailed, failure: Failure(code: code, detail: detail))
  }

  /// A person settles the step in doubt.
  mutating func resolve(_ action: String, output: JSONValue? = nil) {
    add(.stepResolved, step: nextStep, head: ["action": .string(action)], body: output.map { ["output": $0] })
    if action != "retry" { nextStep += 1 }
  }

  var history: StepHistory { StepHistory(replaying: entries) }
}
