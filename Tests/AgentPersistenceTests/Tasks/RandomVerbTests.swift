import AgentCore
import AgentTestKit
import GRDB
import Testing

@testable import AgentPersistence

@Suite("Whatever is done in whatever order")
struct RandomVerbTests {
  private static let verbs = 3000

  @Test("counters equal a count of all tasks, and the journals tell only moves of the table")
  func anything() async throws {
    let seed: UInt64 = 11
    let bench = try await TaskStoreBench()
    var player = VerbPlayer(bench: bench, random: SeededRandom(seed: seed))
    for number in 1...Self.verbs {
      try await player.step()
      if number % 500 == 0 { try await bench.expectTrueCounters("seed \(seed), verb \(number)") }
    }
    #expect(player.done["never"] == nil)
    #expect(player.done.count > 13, "seed \(seed) did only \(player.done)")
    try await bench.reopen()
    try await bench.expectTrueCounters("seed \(seed), opened again")
    _ = try await bench.store.beginEpoch()
    try await bench.expectTrueCounters("seed \(seed), recovered")
    #expect(bench.store.counts().byStatus[.running] == nil)
    try await JournalCheck(bench: bench, seed: seed).run()
  }
}

/// Does one verb after another on tasks picked at random; refusals are fine.
private struct VerbPlayer {
  let bench: TaskStoreBench
  let random: SeededRandom
  var claims: [ClaimedTask] = []
  var steps: [TaskID: Int] = [:]
  var done: [String: Int] = [:]

  init(bench: TaskStoreBench, random: SeededRandom) { (self.bench, self.random) = (bench, random) }

  private func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

  /// One of the hundred newest tasks; mostly one in a state that the verb is for.
  private func someTask(_ statuses: Set<TaskStatus>) async throws -> TaskID? {
    let wanted = below(5) == 0 || statuses.isEmpty ? Set(TaskStatus.allCases) : statuses
    let codes = JSONValue.array(wanted.map { .integer($0.storedCode) }).text
    let offset = below(100)
    let id = try await bench.file.read { db in
      let sql = "SELECT id FROM task WHERE status IN (SELECT value FROM json_each(?)) ORDER BY id DESC LIMIT 1 OFFSET ?"
      return try db.firstInteger(sql, [codes, offset]) ?? db.firstInteger(sql, [codes, offset % 10])
    }
    return id.map(TaskID.init(number:))
  }

  mutating func step() async throws {
    let verb = below(22)
    do {
      let name = try await act(verb)
      done[name, default: 0] += 1
    } catch let error as StoreError {
      #expect(!error.leavesOutcomeUnknown && error.code != .overloaded, "seed \(random.seed): \(error)")
    }
  }

  private mutating func act(_ verb: Int) async throws -> String {
    switch verb {
    case 0...1:
      let owner: Principal = below(2) == 0 ? .local : .uid(UInt32(below(3)))
      try await bench.submit(
        1 + below(3), agent: below(3) == 0 ? "writer" : "coder", priority: below(10), labels: ["a": "\(below(3))"],
        maxAttempts: 1 + below(3), timeoutSeconds: 1 + below(300), by: owner)
      return "submit"
    case 2...4:
      let request = [TaskStoreBench.agent, TaskStoreBench.otherAgent]
      claims += try await bench.claim(1 + below(4), agents: request, quarantine: below(3) == 0)
      return "claim"
    case 5...14: return try await work()
    case 15:
      bench.clock.advance(by: .seconds(below(40)))
      _ = try await bench.store.promoteDue(limit: 5)
      return "promote"
    case 16:
      _ = try await bench.store.expireDeadlines(limit: 5)
      return "expire"
    case 17:
      guard below(12) == 0 else { return "nothing" }
      try await bench.reopen()
      _ = try await bench.store.beginEpoch()
      return "restart"
    default: return try await ask(verb)
    }
  }

  private func ask(_ verb: Int) async throws -> String {
    let statuses: [Set<TaskStatus>] = [[], [.failed, .cancelled], [.waiting, .failed], [.completed, .waiting]]
    guard let id = try await someTask(statuses[verb - 18]) else { return "nothing" }
    switch (verb, below(4)) {
    case (18, _):
      _ = try await bench.store.cancel(id, by: .local)
      return "cancel"
    case (19, let kind):
      let start: RetryStart = kind == 0 ? .beginning : kind == 1 ? .step(1) : .lastStep
      _ = try await bench.store.retry(id, from: start, by: .local)
      return "retry"
    case (20, let kind):
      let doubted = try await bench.steps(id).steps.first { $0.status == .inDoubt }?.number ?? 1
      let how: StepResolution = kind == 0 ? .fail : kind == 1 ? .finished(output: "x", resultHash: "h") : .retry
      _ = try await bench.store.resolve(id, step: doubted, as: how, by: .local)
      return "resolve"
    case (_, 0):
      try await bench.store.purge(id, by: .local)
      return "purge"
    case (_, 1):
      return try await bench.store.deleteFinished(before: bench.clock.now(), limit: 2).isEmpty ? "nothing" : "cleanup"
    default:
      _ = try await bench.store.resume(id, by: .local)
      return "resume"
    }
  }

  /// What a worker does with one of its claims, stale ones included.
  private mutating func work() async throws -> String {
    guard !claims.isEmpty else { return "nothing" }
    let index = below(claims.count)
    let claimed = claims[index]
    // A deleted task has no row.
    guard let row = try? await bench.row(claimed.task.id), row.isHeld(by: claimed.claim) else {
      // Deleted, or no longer this worker's: it still tries before it gives up.
      claims.remove(at: index)
      _ = try await bench.store.advance(claimed.claim, [.done])
      return "never"
    }
    let next = Int(row.openStep ?? row.lastStep + 1)
    let effect: EffectClass = below(3) == 0 ? .once : .pure
    let tries = try await bench.steps(claimed.task.id)[next]?.attempt ?? 0
    let open = row.openStep.map { Int($0) }
    let ends: [TaskChange] = open.map { [row.openEffect == .once ? .doubt($0) : .finish($0)] } ?? []
    let pause = Duration.seconds(below(30))
    let failure = Failure(code: "random", detail: "")
    switch below(14) {
    case 0...3:
      try await bench.advance(
        claimed, .start(next, effect, kind: .modelCall, attempt: tries + 1, reserved: Int64(below(100))))
      return "start"
    case 4...7:
      guard let open else { return "nothing" }
      if below(4) == 0, row.openEffect == .once {
        try await bench.advance(claimed, .doubt(open), .waiting(TaskWait(reason: .stepInDoubt, step: open)))
        return "doubt"
      }
      try await bench.advance(claimed, .finish(open, usage: ModelUsage(inputTokens: 3, outputTokens: 4)))
      return "finish"
    case 8: _ = try await bench.store.advance(claimed.claim, ends + [.done])
    case 9: _ = try await bench.store.advance(claimed.claim, ends + [.broken])
    case 10: _ = try await bench.store.advance(claimed.claim, ends + [.retrying(failure, after: pause)])
    case 11: _ = try await bench.store.advance(claimed.claim, [.requeued(reason: "shutdown")])
    case 12: _ = try await bench.store.advance(claimed.claim, [.waiting(TaskWait(reason: .timer), lasting: pause)])
    default: _ = try await bench.store.advance(claimed.claim, [.waiting(TaskWait(reason: .restored))])
    }
    return "leave"
  }
}

/// Invariants of docs/ARCHITECTURE.md that the rows themselves show.
private struct JournalCheck {
  let bench: TaskStoreBench
  let seed: UInt64

  func run() async throws {
    let page = try await bench.store.tasks(TaskQuery(limit: 500))
    #expect(page.items.count > 50, "seed \(seed) left too few tasks to tell anything")
    for task in page.items { try await check(task) }
    let problems = try await bench.file.read { try $0.rows("PRAGMA integrity_check").map { $0[0] as String } }
    #expect(problems == ["ok"])
    let idle = try await bench.file.read { try $0.firstInteger("SELECT sum(tokens_reserved) FROM task") }
    #expect(idle == 0, "I11, seed \(seed)")
  }

  private func check(_ task: AgentTask) async throws {
    let journal = try await bench.store.journal(of: task.id)
    #expect(journal.map(\.taskSequence) == Array(1...Int64(journal.count)), "I10, seed \(seed)")
    #expect(
      journal.map(\.sequence) == journal.map(\.sequence).sorted() && journal.map(\.at) == journal.map(\.at).sorted())
    var status: TaskStatus?
    for entry in journal where !entry.type.isStep && entry.type != .taskCancelling {
      // Only moves of the table (I6); out of an ended state only a retry (I5).
      let moves = TaskMove.allCases.compactMap { TaskTransition.result(of: $0, from: status) }
      let made = moves.first { $0.event == entry.type }
      #expect(made != nil, "I6, seed \(seed), \(task.id): \(entry.type) from \(String(describing: status))")
      if status?.isTerminal == true { #expect(entry.type == .taskRetrying, "I5, seed \(seed)") }
      status = made?.status
    }
    #expect(status == task.status, "I10, seed \(seed), \(task.id)")
    #expect(task.attempt <= task.maxAttempts, "I17, seed \(seed)")
    let history = StepHistory(replaying: journal)
    #expect(history.steps.map(\.number) == Array(1..<history.steps.count + 1), "I3, seed \(seed), \(task.id)")
    let row = try await bench.row(task.id)
    #expect(Int(row.lastStep) == history.steps.count)
    // Those resolved with `retry` stay in doubt in the history until they start again.
    #expect(Int(row.inDoubt) <= history.steps.count { $0.status == .inDoubt })
    // In doubt: a person wants it tried again, and it was not yet.
    if let open = row.openStep { #expect([.started, .inDoubt].contains(history[Int(open)]?.status)) }
  }
}
