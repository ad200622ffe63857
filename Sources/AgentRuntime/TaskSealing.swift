import AgentCore

/// What a worker knows of its task's sealed values, and how it keeps them out of what is written, sent and shown.
///
/// What it masks by itself is what the store gives back: a worker of a later life, which has read the journal, sends a
/// model the same bytes.
struct TaskSealing: Sendable {
  private let policy: SensitivePolicy
  private var clear = ClearValues.none
  /// Finds all that was sealed of the task so far.
  private(set) var filter = SealedFilter()
  /// Finds the input's sealed values: the same for all of the task's life.
  private(set) var promptFilter = SealedFilter()
  /// Arguments of this life's calls that are other than shown, by the step of the reply and by that of the call.
  private var calls: [Int: [String: JSONValue]] = [:]
  private var arguments: [Int: JSONValue] = [:]

  init(_ policy: SensitivePolicy) { self.policy = policy }

  var fields: SensitiveFields { policy.fields }

  /// Paths that a reference may name.
  var paths: [String] { clear.paths }

  /// Whether anything of the task is shown as sealed.
  static func isNeeded(_ task: AgentTask, _ history: StepHistory) -> Bool {
    task.input.hasPlaceholder || task.metadata.hasPlaceholder
      || task.labels.values.contains(SealedMember.placeholder)
      || history.steps.contains { $0.input.hasPlaceholder || $0.output?.hasPlaceholder == true }
  }

  mutating func open(_ values: ClearValues) {
    clear = values
    filter = SealedFilter(values.revealTexts())
    promptFilter = SealedFilter(values.revealInputTexts())
  }

  // MARK: what a tool gets

  /// The call as its model made it; what is sensitive in it is looked for from here on.
  mutating func taken(_ call: ToolCall, step: Int, in history: StepHistory) -> ToolCall {
    let call = exact(call, step: step, in: history)
    _ = input(of: call, step: step)
    return call
  }

  private func exact(_ call: ToolCall, step: Int, in history: StepHistory) -> ToolCall {
    var call = call
    if history[step] != nil {
      call.arguments = arguments[step] ?? clear.revealArguments(ofStep: step) ?? call.arguments
      return call
    }
    guard let reply = history.current.last(where: { $0.kind == .modelCall && $0.status == .finished }) else {
      return call
    }
    call.arguments =
      calls[reply.number]?[call.id] ?? clear.revealArguments(ofCall: call.id, askedForInStep: reply.number)
      ?? call.arguments
    return call
  }

  /// Its arguments with the values in place of the references; why they cannot be opened, where they cannot.
  func opened(_ call: ToolCall) -> (arguments: JSONValue, failure: Failure?) {
    do throws(ToolError) {
      return (try SealedReference.opened(call.arguments, of: call.name, clear), nil)
    } catch {
      return (call.arguments, error.failure)
    }
  }

  // MARK: what is written

  mutating func input(of call: ToolCall, step: Int) -> JSONValue {
    let input = StepSealing.input(callID: call.id, arguments: call.arguments, of: call.name, fields, &filter)
    if input[StepSealing.member] != nil { arguments[step] = call.arguments }
    return input
  }

  /// Of a model's reply.
  mutating func output(of reply: JSONValue, step: Int) -> JSONValue {
    let output = StepSealing.output(ofModel: reply, fields, &filter)
    if let exact = output[StepSealing.member]?[StepSealing.calls]?.objectValue { calls[step] = exact }
    return output
  }

  /// Of a tool.
  mutating func output(of output: JSONValue, hiding hidden: [JSONValue]) -> JSONValue {
    StepSealing.output(ofTool: output, hiding: hidden, &filter)
  }

  func filtered(_ end: StepEnd) -> StepEnd {
    var end = end
    switch end.outcome {
    case .finished: break
    case .failed(let failure, let output): end.outcome = .failed(filter.filtered(failure), output: output)
    case .inDoubt(let failure): end.outcome = .inDoubt(filter.filtered(failure))
    }
    return end
  }

  func filtered(_ change: TaskChange) -> TaskChange {
    guard !filter.isEmpty else { return change }
    switch change {
    case .stepStarted(var start):
      start.evidence = start.evidence.map(filtered(evidence:))
      return .stepStarted(start)
    case .completed(var output):
      output.text = filter.filtered(output.text)
      output.json = output.json.map { filter.filtered($0) }
      for index in output.files.indices { output.files[index].path = filter.filtered(output.files[index].path) }
      return .completed(output)
    case .failed(let failure): return .failed(filter.filtered(failure))
    case .retrying(let failure, let pause): return .retrying(filter.filtered(failure), after: pause)
    case .stepEnded, .rested, .waiting, .requeued, .cancelled: return change
    }
  }

  /// Digests stay: what looks like a value in one of them is none.
  private func filtered(evidence: JSONValue) -> JSONValue {
    guard case .object(var members) = evidence else { return filter.filtered(evidence) }
    for (name, value) in members where !["before", "after"].contains(name) { members[name] = filter.filtered(value) }
    return .object(members)
  }
}

extension StepEnd {
  /// As the store gives it back.
  var shown: StepEnd {
    var end = self
    switch end.outcome {
    case .finished(let output, let hash): end.outcome = .finished(output: StepSealing.shown(output), resultHash: hash)
    case .failed(let failure, let output): end.outcome = .failed(failure, output: output.map(StepSealing.shown))
    case .inDoubt: break
    }
    return end
  }
}
