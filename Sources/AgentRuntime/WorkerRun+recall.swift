import AgentCore

/// Idempotent calls whose answer is not known: the evidence in their `started` row is compared before anything else.
extension WorkerRun {
  /// The look at a call whose task is leaving: with the call's own end it stays below the second that a cancel may take.
  static let lastLook: Duration = .milliseconds(500)

  /// Looks at what became of a call that an earlier life, or its time, cut. True or false as for a step that is over;
  /// nil: it was not done.
  mutating func lookBack(at step: ToolStep) async throws(Worker.ClaimEnded) -> Bool? {
    let look = await look(at: step, heeding: worker.interrupt, within: parts.timeouts.toolCall)
    switch look.value {
    case .done(let outcome):
      noteFinished(outcome, of: step)
      return false
    case .notDone: return nil
    case .inDoubt(let detail):
      if case .interrupt(let reason) = look.cut { return try await leave(unsettled: step, cutBy: reason) }
      return try await leaveInDoubt(step.number, doubt(detail, look.cut), cut: nil)
    }
  }

  /// An interrupt came while the call's answer was not known. A call that still cannot be looked at stays open for the
  /// next life, or is in doubt where there is none.
  mutating func leave(
    unsettled step: ToolStep, cutBy earlier: InterruptReason
  ) async throws(Worker.ClaimEnded) -> Bool {
    // The interrupt is here already: this look heeds its own time alone.
    let look = await look(at: step, heeding: WorkInterrupt(), within: Self.lastLook)
    let reason = worker.interrupt.reason ?? earlier
    switch look.value {
    case .done(let outcome):
      noteFinished(outcome, of: step)
      return try await end(with: worker.outcome(of: reason))
    case .notDone: return try await leave(harmlessly: step.number, cutBy: reason)
    case .inDoubt(let detail):
      if reason.isRequeue, look.cut != nil { return try await end(with: worker.outcome(of: reason)) }
      return try await leaveInDoubt(step.number, doubt(detail, look.cut), cut: .interrupt(reason))
    }
  }

  private func look(
    at step: ToolStep, heeding interrupt: WorkInterrupt, within limit: Duration
  ) async -> EffectResult<ToolRecall> {
    await withInterrupt(interrupt, limit: limit, clock: parts.clock) {
      await step.tool.recall(step.opened, plan: step.plan, in: step.context)
    }
  }

  private func doubt(_ detail: String, _ cut: EffectResult<ToolRecall>.Cut?) -> ToolError {
    ToolError("step_in_doubt", cut == nil ? detail : "what became of the call could not be seen in time")
  }

  /// The end of a step that an earlier life left open, for a task that ends before its next try.
  mutating func leave(open: Step, cutBy reason: InterruptReason) async throws(Worker.ClaimEnded) -> Bool {
    guard case .callTool(let number, _, let call, let planned?) = AgentLoop.next(progress.history),
      planned.effect == .idempotent
    else { return try await leave(harmlessly: open.number, cutBy: reason) }
    guard let tool = parts.tools.tool(named: call.name) else {
      return try await leaveInDoubt(number, Self.noTool(call), cut: .interrupt(reason))
    }
    let exact = sealing.taken(call, step: number, in: progress.history)
    let step = ToolStep(
      number: number, tool: tool, call: exact, opened: sealing.opened(exact).arguments, plan: planned,
      context: toolContext(step: number, of: call))
    return try await leave(unsettled: step, cutBy: reason)
  }

  /// An idempotent call was begun by a build that had its tool.
  static func noTool(_ call: ToolCall) -> ToolError {
    ToolError("step_in_doubt", "there is no tool \(call.name) to see what became of the call")
  }
}
