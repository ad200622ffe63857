import AgentCore

extension WorkerRun {
  typealias ToolResult = EffectResult<Result<ToolOutcome, ToolError>>

  /// One step of the kind `tool_call`, with its tries; true when the task has left `running`.
  mutating func callTool(
    number: Int, attempt firstAttempt: Int, call shown: ToolCall, planned: ToolPlan?
  ) async throws(Worker.ClaimEnded) -> Bool {
    let call = sealing.taken(shown, step: number, in: progress.history)
    let opened = sealing.opened(call)
    if let failure = refusal(of: number, reservation: nil) { return try await end(with: .failed(failure)) }
    guard let tool = parts.tools.tool(named: call.name) else {
      if planned?.effect == .idempotent { return try await leaveInDoubt(number, Self.noTool(call), cut: nil) }
      return try await refuse(number, call, Failure(code: "tool_unknown", detail: "there is no tool \(call.name)"))
    }
    var step = ToolStep(
      number: number, tool: tool, call: call, opened: opened.arguments, plan: planned ?? ToolPlan(effect: .pure),
      context: toolContext(step: number, of: call))
    // Before the agent's rights, which may have changed: looking does nothing, and what was done must be told.
    if step.plan.effect == .idempotent {
      if let isOver = try await lookBack(at: step) { return isOver }
      if let reason = worker.interrupt.hardReason { return try await leave(harmlessly: number, cutBy: reason) }
    }
    if let failure = forbidden(call) ?? opened.failure { return try await refuse(number, call, failure) }
    if planned == nil {
      let made = await makePlan(step)
      // Nothing is written yet, and nothing was done.
      if case .interrupt(let reason) = made.cut { return try await end(with: worker.outcome(of: reason)) }
      switch made.value {
      case .success(let plan):
        if let failure = Self.argumentProblem(opened.arguments, tool.descriptor) {
          return try await refuse(number, call, failure)
        }
        step.plan = plan
      case .failure(let error):
        return try await refuse(number, call, made.cut == nil ? error.failure : ToolStep.timeout)
      }
    }
    return try await tryTool(step, attempt: firstAttempt)
  }

  /// Why this agent may not make the call.
  private func forbidden(_ call: ToolCall) -> Failure? {
    guard worker.claimed.definition.tools.contains(call.name) else {
      return Failure(code: "tool_forbidden", detail: "this agent may not use \(call.name)")
    }
    let missing = ToolRights.missing(for: call.name, in: parts.rights.permissions)
    guard !missing.isEmpty else { return nil }
    let names = missing.map(\.rawValue).joined(separator: ", ")
    return Failure(
      code: "tool_forbidden",
      detail: "the role agent of this installation may not use \(call.name): it lacks \(names)")
  }

  /// Why the arguments do not fit what the tool says of them, where its own plan took them. A null counts as left out,
  /// for models write it for optional members. Parameters that cannot be read as a schema check nothing.
  private static func argumentProblem(_ given: JSONValue, _ descriptor: ToolDescriptor) -> Failure? {
    // A tool may describe itself in words that we do not check; then its own checks stand alone.
    guard let schema = try? JSONSchema(descriptor.parameters) else { return nil }
    let required = Set(descriptor.parameters["required"]?.arrayValue?.compactMap(\.stringValue) ?? [])
    var arguments = given
    if case .object(let members) = arguments {
      arguments = .object(members.filter { !$0.value.isNull || required.contains($0.key) })
    }
    let violations = schema.violations(in: arguments)
    guard !violations.isEmpty else { return nil }
    guard arguments.objectValue != nil else {
      return Failure(code: "tool_arguments_invalid", detail: arguments.faultAsArguments)
    }
    let sentences = violations.prefix(3).map { "\($0.pointer.isEmpty ? "the arguments" : $0.pointer): \($0.detail)" }
    return Failure(code: "tool_arguments_invalid", detail: sentences.joined(separator: "; "))
  }

  private mutating func tryTool(
    _ step: ToolStep, attempt firstAttempt: Int
  ) async throws(Worker.ClaimEnded) -> Bool {
    var attempt = firstAttempt
    // Bounded by the tries that the retry policy grants.
    while true {
      let start = toolStart(number: step.number, attempt: attempt, call: step.call, plan: step.plan)
      try await commit([.stepStarted(start)])
      if let reason = worker.interrupt.hardReason { return try await leave(harmlessly: step.number, cutBy: reason) }
      let result = await perform(step)
      parts.faults.reached(FaultPoint(step.plan.effect.faultCell, .afterEffect))
      switch result.value {
      case .success(let outcome):
        noteFinished(outcome, of: step)
        return false
      case .failure(let error):
        if let isOver = try await follow(error, cut: result.cut, in: step) { return isOver }
        attempt += 1
      }
    }
  }

  /// What comes of a try without an outcome; nil when it is time for the next one.
  private mutating func follow(
    _ error: ToolError, cut: ToolResult.Cut?, in step: ToolStep
  ) async throws(Worker.ClaimEnded) -> Bool? {
    let knowledge = TryKnowledge(error, of: step.plan.effect, wasCut: cut != nil)
    if knowledge == .inDoubt { return try await leaveInDoubt(step.number, error, cut: cut) }
    if case .interrupt(let reason) = cut { return try await leave(step, knowing: knowledge, cutBy: reason) }
    guard cut == nil, error.isRetryable, progress.tries <= parts.retries.stepRetries else {
      if knowledge == .askRecall, let isOver = try await lookBack(at: step) { return isOver }
      note(StepEnd(number: step.number, outcome: .failed(cut == nil ? error.failure : ToolStep.timeout, output: nil)))
      return false
    }
    parts.faults.reached(FaultPoint(.retry, .afterEffect))
    let pause = RetryPolicy.stepBackoff(afterTry: progress.tries, random: parts.random)
    guard let reason = await sleep(pause) ?? worker.interrupt.reason else { return nil }
    return try await leave(step, knowing: knowledge, cutBy: reason)
  }

  private mutating func leave(
    _ step: ToolStep, knowing knowledge: TryKnowledge, cutBy reason: InterruptReason
  ) async throws(Worker.ClaimEnded) -> Bool {
    if knowledge == .askRecall { return try await leave(unsettled: step, cutBy: reason) }
    return try await leave(harmlessly: step.number, cutBy: reason)
  }

  /// An interrupt ended a step of which nothing is in doubt: no try of it was on its way, or it may be repeated.
  mutating func leave(harmlessly number: Int, cutBy reason: InterruptReason) async throws(Worker.ClaimEnded) -> Bool {
    if reason.isRequeue {
      return try await end(with: worker.outcome(of: reason, isUnsent: true, isAfterTry: isAfterTry))
    }
    return try await leave(
      cutBy: reason, step: StepEnd(number: number, outcome: .failed(Worker.cutFailure(reason), output: nil)))
  }

  func toolContext(step: Int, of call: ToolCall) -> ToolContext {
    let task = worker.task
    // The same for a call that an end of the task cut: whoever has it already knows it by that.
    let first = progress.history.firstStep(ofCall: call.id, madeBy: step)
    return ToolContext(
      task: task.id, step: step, workspace: task.folder ?? parts.workspaces.path(for: task.id),
      idempotencyKey: "\(task.id)-\(first)-" + parts.digester.digest(Array("\(task.id) \(first)".utf8)).prefix(16),
      allowHosts: worker.claimed.definition.allowHosts, sensitive: sealing.fields, filter: sealing.filter,
      hasSealedHost: SealedReference.standsInHost(of: call.arguments, of: call.name))
  }

  private mutating func toolStart(number: Int, attempt: Int, call: ToolCall, plan: ToolPlan) -> StepStart {
    let exact: JSONValue = ["call_id": .string(call.id), "arguments": call.arguments]
    let input = sealing.input(of: call, step: number)
    return StepStart(
      number: number, kind: .toolCall, name: call.name, effect: plan.effect, attempt: attempt,
      input: progress.history[number] == nil ? .some(input) : .none, inputHash: parts.digester.digest(exact),
      evidence: plan.evidence)
  }

  private func makePlan(_ step: ToolStep) async -> EffectResult<Result<ToolPlan, ToolError>> {
    await withInterrupt(worker.interrupt, limit: parts.timeouts.toolCall, clock: parts.clock) {
      do throws(ToolError) {
        return .success(try await step.tool.plan(step.opened, in: step.context))
      } catch {
        return .failure(error)
      }
    }
  }

  private func perform(_ step: ToolStep) async -> ToolResult {
    await withInterrupt(worker.interrupt, limit: parts.timeouts.toolCall, clock: parts.clock) {
      // The interrupt may have come between the look at it and this: then the tool is not called at all.
      guard !_Concurrency.Task.isCancelled else {
        return .failure(ToolError("cancelled", "the call was cut before it began", hadNoEffect: true))
      }
      do throws(ToolError) {
        return .success(try await step.tool.perform(step.opened, plan: step.plan, in: step.context))
      } catch {
        return .failure(error)
      }
    }
  }

  mutating func noteFinished(_ outcome: ToolOutcome, of step: ToolStep) {
    sealing.keepUp(with: &progress)
    var members: [String: JSONValue] = ["text": .string(outcome.text)]
    if !outcome.writtenFiles.isEmpty {
      members["files"] = .array(outcome.writtenFiles.map { ["path": .string($0.path), "size": .integer($0.size)] })
    }
    let output = sealing.output(
      of: .object(members), by: step.call.name, hiding: outcome.hidden, step.context.sensitive)
    note(StepEnd(number: step.number, outcome: .finished(output: output, resultHash: parts.digester.digest(output))))
  }

  mutating func leaveInDoubt(
    _ number: Int, _ error: ToolError, cut: ToolResult.Cut?
  ) async throws(Worker.ClaimEnded) -> Bool {
    let end = StepEnd(number: number, outcome: .inDoubt(error.failure))
    if case .interrupt(let reason) = cut { return try await leave(cutBy: reason, step: end) }
    note(end)
    return try await self.end(with: .waiting(TaskWait(reason: .stepInDoubt, step: number)))
  }

  /// A call that does nothing: intent and end in one commit with what follows. The model is told.
  private mutating func refuse(
    _ number: Int, _ call: ToolCall, _ failure: Failure
  ) async throws(Worker.ClaimEnded) -> Bool {
    if progress.history[number]?.status != .started {
      let attempt = (progress.history[number]?.attempt ?? 0) + 1
      let start = toolStart(number: number, attempt: attempt, call: call, plan: ToolPlan(effect: .pure))
      try await commit([.stepStarted(start)])
    }
    note(StepEnd(number: number, outcome: .failed(failure, output: nil)))
    return false
  }
}

extension EffectClass {
  fileprivate var faultCell: FaultPoint.Cell {
    switch self {
    case .pure: .pure
    case .idempotent: .idempotent
    case .once: .once
    }
  }
}
