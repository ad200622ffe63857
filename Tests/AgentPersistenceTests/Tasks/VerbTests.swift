import AgentCore
import Testing

@testable import AgentPersistence

@Suite("What callers do to a task")
struct VerbTests {
  @Test("a cancelled pending or waiting task is over at once, its open step with it")
  func cancel() async throws {
    let bench = try await TaskStoreBench()
    let pending = try await bench.store.cancel(try await bench.submit()[0], by: .uid(5))
    #expect(pending.status == .cancelled && pending.finishedAt != nil && pending.cancelRequestedAt == nil)
    #expect(try await bench.store.journal(of: pending.id).last?.actor == .uid(5))
    let claimed = try await bench.running()
    try await bench.advance(
      claimed, .start(1, .pure, kind: .wait),
      .waiting(TaskWait(reason: .timer, until: bench.clock.now().adding(.seconds(5)), step: 1)))
    #expect(try await bench.store.cancel(claimed.task.id, by: .local).status == .cancelled)
    let step = try #require(try await bench.steps(claimed.task.id)[1])
    #expect(step.status == .failed && step.error?.code == "cancelled")
    #expect(try await bench.code { _ = try await $0.cancel(claimed.task.id, by: .local) } == .taskFinished)
    bench.clock.advance(by: .seconds(10))
    #expect(try await bench.store.promoteDue(limit: 5) == 0)
    try await bench.expectTrueCounters()
  }

  @Test("a retry keeps finished steps and usage, raises the attempt and lifts its maximum")
  func retry() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running(maxAttempts: 1)
    let usage = ModelUsage(inputTokens: 4, outputTokens: 1)
    try await bench.advance(claimed, .start(1, kind: .modelCall), .finish(1, usage: usage), .broken)
    #expect(try await bench.task(claimed.task.id).error == Failure(code: "broken", detail: "it broke"))
    _ = bench.notices.take()
    let task = try await bench.store.retry(claimed.task.id, from: .lastStep, by: .uid(8))
    #expect(bench.notices.take().contains { $0.tasks == [task.id] })
    #expect(task.status == .pending && task.attempt == 2 && task.maxAttempts == 2 && task.error == nil)
    #expect(task.usage.inputTokens == 4 && task.finishedAt == nil && task.startedAt != nil)
    #expect(try await bench.row(task.id).tokensUsed == 0)
    let last = try #require(try await bench.store.journal(of: task.id).last)
    #expect(last.type == .taskRetrying && last.head == ["attempt": 2] && last.actor == .uid(8))
    #expect(try await bench.steps(task.id).current.count == 1)
    #expect(try await bench.store.countFinished(before: Timestamp(milliseconds: .max)) == 0)
  }

  @Test("a retry from a step sets that one and later ones aside, one from the start all")
  func retryFrom() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    let id = claimed.task.id
    try await bench.advance(claimed, .start(1), .finish(1), .start(2), .finish(2), .start(3), .broken)
    for wrong in [0, 4, -1] {
      #expect(try await bench.code { _ = try await $0.retry(id, from: .step(wrong), by: .local) } == .invalidCursor)
    }
    _ = try await bench.store.retry(id, from: .step(2), by: .local)
    #expect(try await bench.steps(id).current.map(\.number) == [1])
    #expect(try await bench.row(id).openStep == nil)
    _ = try await bench.store.cancel(id, by: .local)
    _ = try await bench.store.retry(id, from: .beginning, by: .local)
    #expect(try await bench.steps(id).current.isEmpty)
    let again = try #require(try await bench.claim().first)
    #expect(again.hasSteps && again.task.attempt == 3)
    // Numbers are never used twice.
    #expect(try await bench.row(id).lastStep == 3)
  }

  @Test("only failed and cancelled tasks are retried")
  func notRetryable() async throws {
    let bench = try await TaskStoreBench()
    let pending = try await bench.submit()[0]
    #expect(try await bench.code { _ = try await $0.retry(pending, from: .lastStep, by: .local) } == .taskNotRetryable)
    let claimed = try #require(try await bench.claim().first)
    #expect(try await bench.code { _ = try await $0.retry(pending, from: .lastStep, by: .local) } == .taskNotRetryable)
    try await bench.advance(claimed, .done)
    #expect(try await bench.code { _ = try await $0.retry(pending, from: .lastStep, by: .local) } == .taskNotRetryable)
  }

  /// A task that waits with step 1 in doubt.
  private func doubtful(_ bench: TaskStoreBench) async throws -> TaskID {
    let claimed = try await bench.running()
    try await bench.advance(claimed, .start(1, .once), .doubt(1), .waiting(TaskWait(reason: .stepInDoubt, step: 1)))
    return claimed.task.id
  }

  @Test("a step in doubt that happened: its output is recorded and the task goes on")
  func resolveFinished() async throws {
    let bench = try await TaskStoreBench()
    let id = try await doubtful(bench)
    let finished = StepResolution.finished(output: ["sent": true], resultHash: "abc")
    let task = try await bench.store.resolve(id, step: 1, as: finished, by: .uid(4))
    #expect(task.status == .pending && task.waiting == nil)
    let step = try #require(try await bench.steps(id)[1])
    #expect(step.status == .finished && step.output == ["sent": true] && step.resultHash == "abc")
    #expect(try await bench.types(id).suffix(2) == [.stepResolved, .taskResumed])
    #expect(try await bench.store.journal(of: id).last?.actor == .uid(4))
    #expect(try await bench.code { _ = try await $0.resolve(id, step: 1, as: finished, by: .local) } == .stepNotInDoubt)
    #expect(try await bench.row(id).inDoubt == 0)
  }

  @Test("a step in doubt that did not happen: the task goes on and tries it again under its number")
  func resolveRetry() async throws {
    let bench = try await TaskStoreBench()
    let id = try await doubtful(bench)
    #expect(try await bench.store.resolve(id, step: 1, as: .retry, by: .local).status == .pending)
    #expect(try await bench.code { _ = try await $0.resolve(id, step: 1, as: .retry, by: .local) } == .stepNotInDoubt)
    let claimed = try #require(try await bench.claim().first)
    try await bench.advance(claimed, .start(1, .once, attempt: 2), .finish(1), .done)
    #expect(try await bench.steps(id)[1]?.status == .finished)
    #expect(try await bench.task(id).status == .completed)
  }

  @Test("a step in doubt settled as failed fails its waiting task")
  func resolveFail() async throws {
    let bench = try await TaskStoreBench()
    let id = try await doubtful(bench)
    let task = try await bench.store.resolve(id, step: 1, as: .fail, by: .local)
    #expect(task.status == .failed && task.error?.code == "step_in_doubt")
    #expect(try await bench.steps(id)[1]?.status == .failed)
    _ = try await bench.store.retry(id, from: .lastStep, by: .local)
  }

  @Test("in an ended task the step alone is settled, and only then the task is retried")
  func resolveEnded() async throws {
    let bench = try await TaskStoreBench()
    let id = try await doubtful(bench)
    _ = try await bench.store.cancel(id, by: .local)
    #expect(try await bench.steps(id)[1]?.status == .inDoubt)
    #expect(try await bench.code { _ = try await $0.retry(id, from: .beginning, by: .local) } == .stepInDoubt)
    #expect(try await bench.code { _ = try await $0.resolve(id, step: 1, as: .retry, by: .local) } == .taskFinished)
    #expect(try await bench.code { _ = try await $0.resolve(id, step: 2, as: .fail, by: .local) } == .notFound)
    let settled = try await bench.store.resolve(id, step: 1, as: .fail, by: .local)
    #expect(settled.status == .cancelled)
    #expect(try await bench.types(id).last == .stepResolved)
    #expect(try await bench.store.retry(id, from: .lastStep, by: .local).status == .pending)
  }

  @Test("resume ends a wait after a restore, and nothing else")
  func resume() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    #expect(try await bench.code { _ = try await $0.resume(claimed.task.id, by: .local) } == .taskNotWaiting)
    try await bench.advance(claimed, .waiting(TaskWait(reason: .restored)))
    #expect(try await bench.store.resume(claimed.task.id, by: .local).status == .pending)
    _ = try await bench.store.cancel(claimed.task.id, by: .local)
    let doubtful = try await doubtful(bench)
    #expect(try await bench.code { _ = try await $0.resume(doubtful, by: .local) } == .taskNotWaiting)
  }

  @Test("a resumed task with a step in doubt goes on waiting, for that")
  func resumeInDoubt() async throws {
    let bench = try await TaskStoreBench()
    let claimed = try await bench.running()
    let id = claimed.task.id
    try await bench.advance(claimed, .start(1, .once), .doubt(1), .waiting(TaskWait(reason: .restored)))
    let resumed = try await bench.store.resume(id, by: .local)
    #expect(resumed.waiting == TaskWait(reason: .stepInDoubt, step: 1))
    #expect(try await bench.types(id).suffix(2) == [.taskResumed, .taskWaiting])
    try await bench.expectTrueCounters()
  }

  @Test("agents' state is kept: disabled, generation and last error")
  func agentStates() async throws {
    let bench = try await TaskStoreBench()
    #expect(try await bench.store.agentStates().isEmpty)
    try await bench.submit(agent: "writer")
    let tasks = try await bench.claim(agents: [TaskStoreBench.otherAgent]) + [bench.running()]
    for (claimed, code) in zip(tasks, ["f", "e"]) {
      try await bench.advance(claimed, .failed(Failure(code: code, detail: "what")))
    }
    #expect(try await bench.store.agentStates().map(\.lastError?.code) == ["e", "f"])
    _ = try await bench.store.setDisabled(true, agent: "coder", by: .local)
    let restarted = try await bench.store.restartAgent("writer", by: .local)
    try await bench.reopen()
    let coder = AgentState(agent: "coder", isDisabled: true, lastError: Failure(code: "e", detail: "what"))
    #expect(try await bench.store.agentStates() == [coder, restarted])
    #expect(restarted == AgentState(agent: "writer", generation: 1))
  }

  @Test("an agent's last error goes with its next completed task, in the same commit")
  func lastError() async throws {
    let bench = try await TaskStoreBench()
    try await bench.advance(try await bench.running(), .broken)
    #expect(try await bench.store.agentStates().map(\.lastError?.code) == ["broken"])
    try await bench.advance(try await bench.running(), .requeued(reason: "shutdown"))
    #expect(try await bench.store.agentStates().map(\.lastError?.code) == ["broken"])
    try await bench.advance(try #require(try await bench.claim().first), .done)
    #expect(try await bench.store.agentStates().map(\.lastError?.code) == [nil])
  }
}
