import AgentCore
import AgentTestKit
import Testing

/// What every implementation of `TaskStore` must do, whatever lies below it: a list of checks that are run against a
/// store of its own each. `make` gives an empty store, an epoch begun, on the clock that it is handed.
struct TaskStoreContract: Sendable {
  struct Subject: Sendable {
    var store: any TaskStore
    var clock: ManualClock
    /// Whatever has to live as long as the store does.
    var keepAlive: any Sendable
  }

  struct Check: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var run: @Sendable (Subject) async throws -> Void
    init(_ sentence: String, _ run: @escaping @Sendable (Subject) async throws -> Void) {
      (testDescription, self.run) = (sentence, run)
    }
  }

  static let agent = AgentDefinition(id: "coder", instructions: "Write code.", tools: [])

  static let checks: [Check] = [
    Check("a submitted task reads back as it was asked for") { subject in
      let id = try subject.store.drawTaskIDs(count: 1)[0]
      let task = NewTask(
        id: id, agent: "coder", input: ["prompt": "go"], metadata: ["k": [1, nil]], outputSchema: ["type": "object"],
        priority: 7, labels: ["team": "a"], folder: "/srv/a",
        limits: TaskLimits(steps: 3, tokens: 9, wallTime: .seconds(90)), maxAttempts: 2, timeoutSeconds: 60,
        traceparent: "00-ab-cd-01")
      guard case .created(let created) = try await subject.submit([task], by: .uid(7)) else {
        Issue.record("not created")
        return
      }
      let read = try #require(try await subject.store.task(id))
      #expect(created == [read])
      #expect(read.input == task.input && read.metadata == task.metadata && read.outputSchema == task.outputSchema)
      #expect(read.limits == task.limits && read.labels == task.labels && read.folder == task.folder)
      #expect(read.owner == .uid(7) && read.status == .pending && read.attempt == 1 && read.priority == 7)
      #expect(read.traceparent == task.traceparent && read.createdAt == subject.clock.now())
      #expect(read.maxAttempts == 2 && read.timeoutSeconds == 60 && read.startedAt == nil)
    },
    Check("a task runs from claim to end, and its journal tells so") { subject in
      let id = try await subject.one()
      let claimed = try #require(try await subject.claim().first)
      #expect(claimed.task.id == id && claimed.task.status == .running && !claimed.hasSteps)
      #expect(claimed.definition == agent && claimed.timeLeft == .seconds(3600))
      let first = try await subject.store.advance(claimed.claim, [.start(1, kind: .modelCall, reserved: 100)])
      #expect(first.status == .running && first.entries.map(\.type) == [.stepStarted])
      let usage = ModelUsage(inputTokens: 10, outputTokens: 5, cost: NanoUSD(3))
      let last = try await subject.store.advance(claimed.claim, [.finish(1, usage: usage), .done])
      #expect(last.status == .completed && last.entries.map(\.type) == [.stepFinished, .taskCompleted])
      let task = try #require(try await subject.store.task(id))
      #expect(task.output == TaskOutput(text: "done", json: ["a": 1], files: [TaskOutput.File(path: "a.txt", size: 3)]))
      #expect(task.usage.inputTokens == 10 && task.usage.outputTokens == 5 && task.usage.cost == NanoUSD(3))
      #expect(task.usage.modelCalls == 1 && task.usage.toolCalls == 0 && task.finishedAt != nil)
      let journal = try await subject.store.journal(of: id)
      #expect(journal.map(\.type) == [.taskSubmitted, .taskStarted, .stepStarted, .stepFinished, .taskCompleted])
      #expect(journal.map(\.taskSequence) == [1, 2, 3, 4, 5])
      #expect(journal.suffix(3).map { $0 } == first.entries + last.entries)
      let step = try #require(StepHistory(replaying: journal)[1])
      #expect(step.status == .finished && step.usage == usage && step.output == ["r": 1] && step.input == ["n": 1])
    },
    Check("a write under a claim that another has taken over is refused") { subject in
      _ = try await subject.one()
      let old = try #require(try await subject.claim().first)
      _ = try await subject.store.advance(old.claim, [.requeued(reason: "agent_restart")])
      #expect(await subject.code { _ = try await $0.advance(old.claim, [.done]) } == .claimLost)
      let new = try #require(try await subject.claim().first)
      #expect(new.claim != old.claim)
      #expect(await subject.code { _ = try await $0.advance(old.claim, [.done]) } == .claimLost)
      #expect(try await subject.store.task(old.task.id)?.status == .running)
      _ = try await subject.store.beginEpoch()
      #expect(await subject.code { _ = try await $0.advance(new.claim, [.done]) } == .claimLost)
    },
    Check("changes after the one that ends the run store nothing at all") { subject in
      let id = try await subject.one()
      let claimed = try #require(try await subject.claim().first)
      #expect(await subject.code { _ = try await $0.advance(claimed.claim, [.done, .start(1)]) } == .claimLost)
      #expect(try await subject.store.task(id)?.status == .running)
      #expect(try await subject.store.journal(of: id).count == 2)
    },
    Check("verbs on a task that is not there say not_found") { subject in
      let id = TaskID(number: 999)
      #expect(await subject.code { _ = try await $0.cancel(id, by: .local) } == .notFound)
      #expect(await subject.code { _ = try await $0.retry(id, from: .lastStep, by: .local) } == .notFound)
      #expect(await subject.code { _ = try await $0.resume(id, by: .local) } == .notFound)
      #expect(await subject.code { _ = try await $0.resolve(id, step: 1, as: .fail, by: .local) } == .notFound)
      #expect(await subject.code { _ = try await $0.purge(id, by: .local) } == .notFound)
      let found = try await subject.store.task(id)
      #expect(found == nil)
    },
    Check("a batch is stored whole or not at all when the queue is full") { subject in
      let tasks = try subject.store.drawTaskIDs(count: 3).map { NewTask(id: $0, agent: "coder", input: "x") }
      #expect(
        await subject.code { _ = try await $0.submit(tasks, key: nil, maximumUnfinished: 2, by: .local) } == .queueFull)
      #expect(subject.store.counts().unfinished == 0)
      _ = try await subject.store.submit(tasks, key: nil, maximumUnfinished: 3, by: .local)
      #expect(subject.store.counts().byAgent["coder"]?[.pending] == 3)
    },
  ]
}

extension TaskStoreContract.Subject {
  func submit(_ tasks: [NewTask], by principal: Principal = .local) async throws -> Submission {
    try await store.submit(tasks, key: nil, maximumUnfinished: 1000, by: principal)
  }

  func one() async throws -> TaskID {
    let id = try store.drawTaskIDs(count: 1)[0]
    _ = try await submit([NewTask(id: id, agent: "coder", input: "x")])
    return id
  }

  func claim() async throws -> [ClaimedTask] {
    try await store.claim(
      ClaimRequest(
        rooms: [ClaimRequest.Room(agent: TaskStoreContract.agent, places: 1)], places: 1, quarantineIsFree: false))
  }

  func code(_ body: (any TaskStore) async throws -> Void) async -> StoreError.Code? {
    do {
      try await body(store)
      return nil
    } catch {
      return (error as? StoreError)?.code
    }
  }
}

@Suite("The SQLite store keeps the contract of task stores")
struct SQLiteTaskStoreContractTests {
  @Test("Contract", arguments: TaskStoreContract.checks)
  func holds(_ check: TaskStoreContract.Check) async throws {
    let bench = try await TaskStoreBench()
    try await check.run(TaskStoreContract.Subject(store: bench.store, clock: bench.clock, keepAlive: bench))
  }
}
