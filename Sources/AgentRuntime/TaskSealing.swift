import AgentCore

/// What a worker knows of its task's sealed values, and how it keeps them out of what is written, sent and shown.
///
/// What it masks by itself is what the store gives back: a worker of a later life, which has read the journal, sends a
/// model the same bytes.
struct TaskSealing: Sendable {
  private let policy: SensitivePolicy
  /// The list as it was when this was last brought up to it: a reload may make it longer under a running task.
  private(set) var fields: SensitiveFields
  /// As its claim gave it.
  private let task: AgentTask
  /// What its agent sends with each call: a provider may quote it.
  private let agentBody: JSONValue
  /// Its input as models are shown it: what was hidden of it stays so, under a shorter list too.
  private(set) var shownInput: JSONValue
  private var clear = ClearValues.none
  /// Finds all that was sealed of the task so far.
  private(set) var filter = SealedFilter()
  /// Finds the input's sealed values: the same for all of the task's life, but for a list that becomes longer.
  private(set) var promptFilter = SealedFilter()
  /// Exact arguments of this life's newest calls, by the step of the reply and by that of the call. All of them: the store
  /// may hide one more.
  private var calls: [Int: [String: JSONValue]] = [:]
  private var arguments: [Int: JSONValue] = [:]
  /// Replies that are not shown as they came, by step: they go back so.
  private(set) var origins: [Int: JSONValue] = [:]

  init(_ policy: SensitivePolicy, _ task: AgentTask, agentBody: [String: JSONValue] = [:]) {
    (self.policy, self.task, fields, shownInput) = (policy, task, policy.fields, task.input)
    self.agentBody = ["body": .object(agentBody)]
    learn(.none)
  }

  /// Paths that a reference may name.
  var paths: [String] { clear.paths }

  /// Whether anything of the task is shown as sealed.
  static func isNeeded(_ task: AgentTask, _ history: StepHistory) -> Bool {
    task.input.hasPlaceholder || task.metadata.hasPlaceholder
      || task.labels.values.contains(SealedMember.placeholder)
      || history.steps.contains { $0.input.hasPlaceholder || $0.output?.hasPlaceholder == true }
  }

  /// What the task ends with once it has more sealed values than can be looked for; nil before.
  var overfull: Failure? { filter.isOverfull ? Self.tooMany : nil }

  private static let tooMany = Failure(
    code: "too_many_sealed_values",
    detail: "the task would have more than \(SealedFilter.bounds): no more can be kept out of its words")

  /// `values`: what the store holds sealed of the task.
  mutating func open(_ values: ClearValues) {
    origins = values.revealOrigins()
    learn(values)
  }

  private mutating func learn(_ values: ClearValues) {
    let labels = JSONValue.object(task.labels.mapValues { .string($0) })
    clear = values.adding(input: task.input, others: [task.metadata, labels, agentBody], fields)
    filter.add(clear.revealTexts())
    promptFilter.add(clear.revealInputTexts(), sharing: filter)
    shownInput = shownInput.masked(fields)
  }

  /// Brings this, and what the steps show, to the list in force: as the store will hold the rows once its pass has come to
  /// them.
  mutating func keepUp(with progress: inout TaskProgress) {
    let list = policy.fields
    guard list != fields else { return }
    fields = list
    learn(clear)
    progress.updateSteps { mask(&$0, knowing: filter) }
  }

  /// Takes echoes of the input's values out of what the steps show: rows of before those were sealed may have some.
  mutating func hideEchoes(in progress: inout TaskProgress) {
    guard !promptFilter.isEmpty, !promptFilter.isOverfull else { return }
    progress.updateSteps { mask(&$0, knowing: promptFilter) }
  }

  private mutating func mask(_ step: inout Step, knowing known: SealedFilter) {
    step.error = step.error.map { known.filtered($0) }
    if let input = masked(step.input, as: "input", of: step, .stepStarted, known) {
      arguments[step.number] =
        arguments[step.number] ?? clear.revealArguments(ofStep: step.number) ?? step.input[StepSealing.arguments]
      step.input = input
    }
    guard let output = step.output, let shown = masked(output, as: "output", of: step, .stepFinished, known) else {
      return
    }
    if step.kind == .modelCall, calls[step.number] == nil {
      let exact = StepSealing.arguments(inReply: output)
      calls[step.number] = exact.merging(clear.revealCalls(askedForInStep: step.number)) { $1 }
    }
    step.output = shown
  }

  /// Nil where all of it may be shown.
  private mutating func masked(
    _ value: JSONValue, as name: String, of step: Step, _ row: JournalEventType, _ known: SealedFilter
  ) -> JSONValue? {
    let opened = withOrigin(value, of: step.number)
    let body = StepSealing.body(
      [name: value], opened: opened.map { [name: $0] }, of: row, kind: step.kind, name: step.name, fields,
      knowing: known)
    guard let masked = body[name], masked != value else { return nil }
    filter.learn(StepSealing.values(in: masked))
    if row == .stepFinished, step.kind == .modelCall { origins[step.number] = StepSealing.origin(in: masked) }
    return StepSealing.shown(masked)
  }

  /// An output with the reply in it that it does not show; nil where it shows what there is of it.
  private func withOrigin(_ value: JSONValue, of step: Int) -> JSONValue? {
    guard let origin = origins[step], case .object(var members) = value,
      case .object(var sealed)? = members[StepSealing.member], sealed[StepSealing.origin] != nil
    else { return nil }
    sealed[StepSealing.origin] = origin
    members[StepSealing.member] = .object(sealed)
    return .object(members)
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
    arguments = [step: call.arguments]
    return input
  }

  /// Of a model's reply.
  mutating func output(of reply: JSONValue, step: Int) -> JSONValue {
    var output = StepSealing.output(ofModel: reply, fields, &filter)
    // After its own values are known.
    let named = StepSealing.named(reply, step: step, filter)
    if named != reply { output = StepSealing.output(ofModel: named, fields, &filter) }
    calls = [step: StepSealing.arguments(inReply: named)]
    origins[step] = StepSealing.origin(in: output)
    return output
  }

  /// Of a tool, which masked its own by `given`, the list as it was when the call began.
  mutating func output(
    of output: JSONValue, by tool: String, hiding hidden: [JSONValue], _ given: SensitiveFields
  ) -> JSONValue {
    let output = StepSealing.output(ofTool: output, hiding: hidden, &filter)
    guard given != fields else { return output }
    let body = StepSealing.body(["output": output], of: .stepFinished, kind: .toolCall, name: tool, fields)
    guard let masked = body["output"] else { return output }
    filter.learn(StepSealing.values(in: masked))
    return masked
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
    case .failed(let failure): return failure == Self.tooMany ? change : .failed(filter.filtered(failure))
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
