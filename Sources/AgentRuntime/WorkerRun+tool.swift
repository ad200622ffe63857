import AgentCore

extension WorkerRun {
  /// One step of the kind `tool_call`, with its tries; true when the task has left `running`.
  mutating func callTool(
    number: Int, attempt firstAttempt: Int, call: ToolCall, planned: ToolPlan?
  ) async throws(Worker.ClaimEnded) -> Bool {
    if let failure = refusal(of: number, reservation: nil) { return try await end(with: .failed(failure)) }
    guard let tool = parts.tools.tool(named: call.name) else {
      return try await refuse(number, call, "tool_unknown", "there is no tool \(call.name)")
    }
    let context = toolContext(step: number)
    // Before the agent's rights, which may have changed: looking does nothing, and what was done must be told.
    if let planned, planned.effect == .idempotent,
      let isOver = try await recall(tool, call, planned: planned, number: number, context: context)
    {
      return isOver
    }
    guard worker.claimed.definition.tools.contains(call.name) else {
      return try await refuse(number, call, "tool_forbidden", "this agent may not use \(call.name)")
    }
    let plan: ToolPlan
    do throws(ToolError) {
      plan = try await planned.orPlan { () async throws(ToolError) in try await tool.plan(call.arguments, in: context) }
    } catch {
      return try await refuse(number, call, error.code, error.detail)
    }
    return try await tryTool(tool, call, plan: plan, number: number, attempt: firstAttempt, context: context)
  }

  private mutating func tryTool(
    _ tool: any AgentTool, _ call: ToolCall, plan: ToolPlan, number: Int, attempt firstAttempt: Int,
    context: ToolContext
  ) async throws(Worker.ClaimEnded) -> Bool {
    let cell = plan.effect.faultCell
    var attempt = firstAttempt
    // Bounded by the tries that the retry policy grants.
    while true {
      let start = toolStart(number: number, attempt: attempt, call: call, plan: plan)
      try await commit([.stepStarted(start)])
      if let reason = worker.interrupt.hardReason { return try await leave(harmlessly: number, cutBy: reason) }
      let result = await perform(tool, call, plan: plan, context: context)
      parts.faults.reached(FaultPoint(cell, .afterEffect))
      switch result.value {
      case .success(let outcome):
        noteFinished(outcome, number: number)
        return false
      case .failure(let error):
        if plan.effect == .once, error.mayHaveHappened || result.cut != nil {
          return try await leaveInDoubt(number, error, cut: result.cut)
        }
        if case .interrupt(let reason) = result.cut {
          return try await leave(harmlessly: number, cutBy: reason)
        }
        guard result.cut == nil, error.isRetryable, progress.tries <= parts.retries.stepRetries else {
          let failure =
            result.cut == nil ? error.failure : Failure(code: "tool_timeout", detail: "the tool did not come to an end")
          note(StepEnd(number: number, outcome: .failed(failure, output: nil)))
          return false
        }
        parts.faults.reached(FaultPoint(.retry, .afterEffect))
        let pause = parts.retries.stepBackoff(afterTry: progress.tries, random: parts.random)
        if let reason = await sleep(pause) ?? worker.interrupt.reason {
          return try await leave(harmlessly: number, cutBy: reason)
        }
        attempt += 1
      }
    }
  }

  /// An interrupt ended a try of which nothing is in doubt: none was on its way, or it may be repeated.
  private mutating func leave(
    harmlessly number: Int, cutBy reason: InterruptReason
  ) async throws(Worker.ClaimEnded) -> Bool {
    let end = StepEnd(number: number, outcome: .failed(Worker.cutFailure(reason), output: nil))
    return try await leave(cutBy: reason, step: reason.isRequeue ? nil : end)
  }

  private func toolContext(step: Int) -> ToolContext {
    let task = worker.task
    return ToolContext(
      task: task.id, step: step, workspace: task.folder ?? parts.workspaces.path(for: task.id),
      idempotencyKey: "\(task.id)-\(step)-" + parts.digester.digest(Array("\(task.id) \(step)".utf8)).prefix(16),
      allowHosts: worker.claimed.definition.allowHosts)
  }

  private func toolStart(number: Int, attempt: Int, call: ToolCall, plan: ToolPlan) -> StepStart {
    let input: JSONValue = ["call_id": .string(call.id), "arguments": call.arguments]
    return StepStart(
      number: number, kind: .toolCall, name: call.name, effect: plan.effect, attempt: attempt,
      input: progress.history[number] == nil ? input : nil, inputHash: parts.digester.digest(input),
      evidence: plan.evidence)
  }

  private func perform(
    _ tool: any AgentTool, _ call: ToolCall, plan: ToolPlan, context: ToolContext
  ) async -> EffectResult<Result<ToolOutcome, ToolError>> {
    await withInterrupt(worker.interrupt, limit: parts.timeouts.toolCall, clock: parts.clock) {
      do throws(ToolError) {
        return .success(try await tool.perform(call.arguments, plan: plan, in: context))
      } catch {
        return .failure(error)
      }
    }
  }

  private mutating func noteFinished(_ outcome: ToolOutcome, number: Int) {
    var output: [String: JSONValue] = ["text": .string(outcome.text)]
    if !outcome.writtenFiles.isEmpty {
      output["files"] = .array(outcome.writtenFiles.map { ["path": .string($0.path), "size": .integer($0.size)] })
    }
    let value = JSONValue.object(output)
    note(StepEnd(number: number, outcome: .finished(output: value, resultHash: parts.digester.digest(value))))
  }

  /// An idempotent call that was cut: its evidence says whether it was done. Nil: it was not, run it again.
  private mutating func recall(
    _ tool: any AgentTool, _ call: ToolCall, planned: ToolPlan, number: Int, context: ToolContext
  ) async throws(Worker.ClaimEnded) -> Bool? {
    switch await tool.recall(call.arguments, plan: planned, in: context) {
    case .done(let outcome):
      noteFinished(outcome, number: number)
      return false
    case .notDone: return nil
    case .inDoubt(let detail):
      return try await leaveInDoubt(number, ToolError("step_in_doubt", detail), cut: nil)
    }
  }

  private mutating func leaveInDoubt(
    _ number: Int, _ error: ToolError, cut: EffectResult<Result<ToolOutcome, ToolError>>.Cut?
  ) async throws(Worker.ClaimEnded) -> Bool {
    let end = StepEnd(number: number, outcome: .inDoubt(error.failure))
    if case .interrupt(let reason) = cut { return try await leave(cutBy: reason, step: end) }
    note(end)
    return try await self.end(with: .waiting(TaskWait(reason: .stepInDoubt, step: number)))
  }

  /// A call that does nothing: intent and end in one commit with what follows. The model is told.
  private mutating func refuse(
    _ number: Int, _ call: ToolCall, _ code: String, _ detail: String
  ) async throws(Worker.ClaimEnded) -> Bool {
    if progress.history[number]?.status != .started {
      let attempt = (progress.history[number]?.attempt ?? 0) + 1
      let start = toolStart(number: number, attempt: attempt, call: call, plan: ToolPlan(effect: .pure))
      try await commit([.stepStarted(start)])
    }
    note(StepEnd(number: number, outcome: .failed(Failure(code: code, detail: detail), output: nil)))
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

extension ToolPlan? {
  /// The plan that stands in the journal, else a new one.
  fileprivate func orPlan(_ make: () async throws(ToolError) -> ToolPlan) async throws(ToolError) -> ToolPlan {
    if let self { return self }
    return try await make()
  }
}
