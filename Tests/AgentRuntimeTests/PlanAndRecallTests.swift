import AgentCore
import AgentRuntime
import AgentTestKit
import Testing

/// A tool's plan and its look back keep to the step's time and to the interrupt, as its doing does.
@Suite("Plans and looks back", .timeLimit(.minutes(4))) struct PlanAndRecallTests {
  @Test("a plan that hangs ends at its time, and the model is told")
  func planTimeout() async throws {
    let tool = SteeredTool(.once, plans: [.hang])
    let rig = try await tool.rig(cutBy: .time)
    try await rig.run { rig in
      let id = try await rig.begin(cutBy: .time)
      await tool.planBegun()
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).status == .completed)
      let steps = try await rig.tasks.steps(of: id)
      #expect(steps[1].status == .failed && steps[1].error?.code == "tool_timeout" && tool.counts.doings == 0)
    }
  }

  @Test(
    "whatever ends a task or puts it back ends a plan too, and nothing of it is in doubt",
    arguments: [
      (ToolCut.cancel, TaskStatus.cancelled), (.deadline, .failed), (.agentRestart, .completed), (.shutdown, .pending),
    ])
  func planCut(cut: ToolCut, status: TaskStatus) async throws {
    let tool = SteeredTool(.once, plans: [.hang, .ready])
    let rig = try await tool.rig(cutBy: cut)
    try await rig.run { rig in
      let id = try await rig.begin(cutBy: cut)
      await tool.planBegun()
      let start = rig.clock.uptime()
      try await rig.cut(id, by: cut)
      if cut == .cancel {
        #expect(try await rig.ended(id).status == .cancelled && rig.clock.uptime() - start <= .seconds(1))
      }
      try await rig.advance(until: { try await rig.tasks.task(id).status == status })
      let steps = try await rig.tasks.steps(of: id)
      #expect(steps.map(\.status) == Array(repeating: .finished, count: status == .completed ? 3 : 1))
    }
  }

  /// A task whose idempotent call a dead process left open, and an engine that has not begun.
  private static func afterCrash(
    _ tool: SteeredTool, cutBy cut: ToolCut, lostAnswers: LostAnswers? = nil
  ) async throws -> (id: TaskID, rig: EngineRig) {
    let (folder, clock) = (try TemporaryFolder(), ManualClock())
    let first = SteeredTool(.idempotent, doings: [.hang()])
    let box = Box<TaskID>()
    try await first.rig(in: folder, clock: clock, cutBy: .cancel).runAndAbandon { rig in
      box.set(try await rig.begin(cutBy: .cancel))
      await first.begun()
    }
    return (try #require(box.value), try await tool.rig(in: folder, clock: clock, cutBy: cut, lostAnswers: lostAnswers))
  }

  @Test(
    "a look at an earlier life's call that a stop cuts leaves it open for the next one; where the task ends, in doubt",
    arguments: [
      (ToolCut.cancel, TaskStatus.cancelled, StepStatus.inDoubt), (.agentRestart, .completed, .finished),
      (.shutdown, .pending, .started), (.time, .waiting, .inDoubt),
    ])
  func lookCut(cut: ToolCut, status: TaskStatus, step: StepStatus) async throws {
    let done = ToolRecall.done(ToolOutcome(text: "seen"))
    let tool = SteeredTool(.idempotent, recalls: cut == .agentRestart ? [.hang, .hang, .answer(done)] : [.hang])
    let (id, rig) = try await Self.afterCrash(tool, cutBy: cut)
    try await rig.run { rig in
      await tool.recallBegun()
      try await rig.cut(id, by: cut)
      try await rig.advance(until: { try await rig.tasks.task(id).status == status })
      #expect(try await rig.tasks.steps(of: id)[1].status == step)
      #expect(tool.counts.doings == 0)
    }
  }

  @Test(
    "the last look, as a task ends, decides how the call ended",
    arguments: [
      (ToolRecall.done(ToolOutcome(text: "seen")), StepStatus.finished), (.notDone, .failed), (.inDoubt("?"), .inDoubt),
    ])
  func lastLook(answer: ToolRecall, status: StepStatus) async throws {
    let tool = SteeredTool(.idempotent, recalls: [.hang, .answer(answer)])
    let (id, rig) = try await Self.afterCrash(tool, cutBy: .cancel)
    try await rig.run { rig in
      await tool.recallBegun()
      let start = rig.clock.uptime()
      _ = try await rig.tasks.cancel(id, by: .local)
      #expect(try await rig.ended(id).status == .cancelled && rig.clock.uptime() - start <= .seconds(1))
      let step = try await rig.tasks.steps(of: id)[1]
      #expect(step.status == status && step.output?["text"]?.stringValue == (status == .finished ? "seen" : nil))
      #expect(tool.counts == SteeredTool.Counts(recalls: 2))
    }
  }

  @Test(
    "a cancel that comes before the first look at an earlier life's call is no reason not to look",
    arguments: [
      (SteeredTool.Recall.answer(.done(ToolOutcome(text: "seen"))), StepStatus.finished), (.answer(.notDone), .failed),
      (.hang, .inDoubt),
    ])
  func cancelledBefore(recall: SteeredTool.Recall, status: StepStatus) async throws {
    let (tool, lost) = (SteeredTool(.idempotent, recalls: [recall]), LostAnswers { _ in false })
    let (reading, goOn) = (Wakeup(), Wakeup())
    lost.beforeJournal {
      reading.wake()
      await goOn.wait()
    }
    let (id, rig) = try await Self.afterCrash(tool, cutBy: .cancel, lostAnswers: lost)
    try await rig.run { rig in
      await reading.wait()
      _ = try await rig.tasks.cancel(id, by: .local)
      goOn.wake()
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).status == .cancelled)
      #expect(try await rig.tasks.steps(of: id)[1].status == status)
      #expect(tool.counts == SteeredTool.Counts(recalls: 1))
    }
  }
}

/// An idempotent call whose answer is not known is looked at before anything is said of it.
@Suite("Idempotent calls that were cut", .timeLimit(.minutes(4))) struct IdempotentCutTests {
  private static let done = ToolRecall.done(ToolOutcome(text: "seen"))

  @Test(
    "after its time: done, the step is finished; not done, the model is told of the timeout; else in doubt",
    arguments: [
      (done, TaskStatus.completed, StepStatus.finished), (.notDone, .completed, .failed),
      (.inDoubt("neither"), .waiting, .inDoubt),
    ])
  func timeout(answer: ToolRecall, status: TaskStatus, step: StepStatus) async throws {
    let tool = SteeredTool(.idempotent, doings: [.hang()], recalls: [.answer(answer)])
    let rig = try await tool.rig(cutBy: .time)
    try await rig.run { rig in
      let id = try await rig.begin(cutBy: .time)
      await tool.begun()
      try await rig.advance(until: { try await rig.tasks.task(id).status == status })
      let found = try await rig.tasks.steps(of: id)[1]
      #expect(found.status == step && tool.counts == SteeredTool.Counts(plans: 1, doings: 1, recalls: 1))
      switch step {
      case .finished: #expect(found.output?["text"] == "seen")
      case .failed: #expect(found.error?.code == "tool_timeout")
      default: #expect(found.error == Failure(code: "step_in_doubt", detail: "neither"))
      }
    }
  }

  @Test(
    "an error after which it may have happened is looked at too, once its tries are used up", arguments: [true, false])
  func error(isDone: Bool) async throws {
    let tool = SteeredTool(
      .idempotent, doings: [.fail(ToolError("io_error", "sync", mayHaveHappened: true))],
      recalls: [.answer(isDone ? Self.done : .notDone)])
    let rig = try await tool.rig(cutBy: .time)
    try await rig.run { rig in
      let id = try await rig.begin(cutBy: .time)
      #expect(try await rig.ended(id).status == .completed)
      #expect(try await rig.tasks.steps(of: id)[1].error?.code == (isDone ? nil : "io_error"))
    }
  }

  @Test(
    "a cut by what ends the task: looked at, and the task ends within a second all the same",
    arguments: [ToolCut.cancel, .deadline],
    [
      (SteeredTool.Recall.answer(done), StepStatus.finished), (.answer(.notDone), .failed),
      (.answer(.inDoubt("?")), .inDoubt), (.hang, .inDoubt),
    ])
  func ended(cut: ToolCut, recall: (SteeredTool.Recall, StepStatus)) async throws {
    let tool = SteeredTool(.idempotent, doings: [.hang()], recalls: [recall.0])
    let rig = try await tool.rig(cutBy: cut)
    try await rig.run { rig in
      let id = try await rig.begin(cutBy: cut)
      await tool.begun()
      let start = rig.clock.uptime()
      try await rig.cut(id, by: cut)
      // A look that answers needs no time at all, so the clock stands; one that hangs gets half a second.
      if case .answer = recall.0, cut == .cancel { _ = try await rig.ended(id) }
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).status == (cut == .cancel ? .cancelled : .failed))
      if case .answer = recall.0, cut == .cancel { #expect(rig.clock.uptime() - start <= .seconds(1)) }
      #expect(try await rig.tasks.steps(of: id)[1].status == recall.1)
    }
  }

  @Test(
    "a cut by what puts the task back: what was done is kept, what was not is run again, the rest is looked at again",
    arguments: [
      ([.answer(done)], 1), ([.answer(.notDone)], 2), ([.hang, .answer(done)], 1),
    ] as [([SteeredTool.Recall], Int)])
  func requeued(recalls: [SteeredTool.Recall], doings: Int) async throws {
    let tool = SteeredTool(.idempotent, doings: [.hang(), .answer("did")], recalls: recalls)
    let rig = try await tool.rig(cutBy: .agentRestart)
    try await rig.run { rig in
      let id = try await rig.begin(cutBy: .agentRestart)
      await tool.begun()
      try await rig.cut(id, by: .agentRestart)
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).status == .completed)
      let step = try await rig.tasks.steps(of: id)[1]
      #expect(step.status == .finished && step.output?["text"] == (doings == 1 ? "seen" : "did"))
      #expect(tool.counts.doings == doings && tool.counts.plans == 1)
    }
  }
}

/// A `once` call of which this life knows that nothing was sent.
@Suite("Once and not sent", .timeLimit(.minutes(4))) struct OnceUnsentTests {
  private static let busy = ToolError("busy", "later", isRetryable: true, hadNoEffect: true)

  /// A task that a stop has put back between two tries of its call.
  private static func putBack(in folder: TemporaryFolder, _ clock: ManualClock) async throws -> TaskID {
    let tool = SteeredTool(.once, doings: [.fail(busy)])
    return try await tool.rig(in: folder, clock: clock, cutBy: .shutdown).run { rig in
      let id = try await rig.begin(cutBy: .shutdown)
      await tool.begun()
      rig.engine.drain()
      try await rig.advance(until: { try await rig.tasks.task(id).status == .pending })
      #expect(try await rig.tasks.steps(of: id)[1].status == .started)
      return id
    }
  }

  @Test("put back between two tries, it is tried again, and a task that ends first leaves no doubt")
  func backoff() async throws {
    for isCancelled in [false, true] {
      let (folder, clock) = (try TemporaryFolder(), ManualClock())
      let id = try await Self.putBack(in: folder, clock)
      let tool = SteeredTool(.once)
      let rig = try await tool.rig(in: folder, clock: clock, cutBy: .cancel)
      if isCancelled { _ = try await rig.tasks.cancel(id, by: .local) }
      try await rig.run { rig in
        #expect(try await rig.ended(id).status == (isCancelled ? .cancelled : .completed))
        let step = try await rig.tasks.steps(of: id)[1]
        #expect(step.status == (isCancelled ? .failed : .finished) && tool.counts.doings == (isCancelled ? 0 : 1))
      }
    }
  }

  @Test(
    "cut before it was sent, as its tool knows, it is not in doubt",
    arguments: [
      (ToolCut.cancel, TaskStatus.cancelled, "cancelled"), (.time, .completed, "tool_timeout"),
      (.agentRestart, .completed, nil),
    ] as [(ToolCut, TaskStatus, String?)])
  func cutUnsent(cut: ToolCut, status: TaskStatus, code: String?) async throws {
    let unsent = ToolError("cancelled", "cut while connecting", hadNoEffect: true)
    let tool = SteeredTool(.once, doings: [.hang(unsent), .answer("sent")])
    let rig = try await tool.rig(cutBy: cut)
    try await rig.run { rig in
      let id = try await rig.begin(cutBy: cut)
      await tool.begun()
      try await rig.cut(id, by: cut)
      try await rig.advance(until: { try await rig.tasks.task(id).status == status })
      #expect(try await rig.tasks.steps(of: id)[1].error?.code == code)
    }
  }
}
