import AgentConfig
import AgentCore
import AgentRuntime
import AgentTestKit
import LLMProviders
import Synchronization
import Testing

/// The engine before a real gate.
@Suite("Admission by a gate", .timeLimit(.minutes(2))) struct AdmissionGateTests {
  /// Answers at once, or when let go; its first calls may be refused.
  private final class Steered: ModelProvider {
    let id: ProviderID
    private let refusals: Mutex<[Duration]>
    private let held: Mutex<Set<TaskID>>
    private let seen = Mutex<[TaskID]>([])
    private let free = Wakeup()
    private let entered = Wakeup()

    init(_ id: ProviderID, refusals: [Duration] = [], holding: Set<TaskID> = []) {
      self.id = id
      self.refusals = Mutex(refusals)
      held = Mutex(holding)
    }

    var calls: [TaskID] { seen.withLock { $0 } }
    func letGo() { free.wake() }
    func begun() async { await entered.wait() }

    func complete(
      _ request: ModelRequest, onDelta: @escaping @Sendable (String) -> Void
    ) async throws(ProviderError) -> ModelReply {
      seen.withLock { $0.append(request.task) }
      entered.wake()
      if let asked = refusals.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
        throw ProviderError(.rateLimited, "slow down", status: 429, retryAfter: asked)
      }
      if held.withLock({ $0.contains(request.task) }) { await free.wait() }
      if Task.isCancelled { throw ProviderError(.cancelled, "cut", wasSent: true) }
      let usage = ModelUsage(inputTokens: 3, outputTokens: 2)
      return ModelReply(text: "ok", calls: [], finish: .stop, usage: usage, model: "m")
    }
  }

  /// `p`, the default, with `places`, and `q`.
  private static func rig(_ p: Steered, _ q: Steered = Steered("q"), places: Int? = nil) async throws -> EngineRig {
    func entry(_ id: ProviderID, places: Int?) -> ProviderSettings.Provider {
      var remote = RemoteProviderSettings(
        dialect: .openai, baseURL: "http://127.0.0.1:9/\(id)", model: "m", needsKey: false,
        maximumTokensName: "max_tokens")
      remote.maxConcurrent = places
      return ProviderSettings.Provider(id: id, kind: .remote(remote))
    }
    var settings = ProviderSettings()
    settings.providers = [entry("p", places: places), entry("q", places: nil)]
    (settings.defaultID, settings.namedDefault) = ("p", "p")
    let clock = ManualClock()
    let parts = ProviderDirectory.Parts(clock: clock, random: SeededRandom(seed: 3)) { $0.id == "p" ? p : q }
    return try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(concurrency: 64)], script: .turns([]), clock: clock,
      behind: ProviderDirectory(settings, parts))
  }

  /// Lets the engine keep up with the clock: what is told here are seconds that tasks have.
  private static func advanceSlowly(_ rig: EngineRig, until isMet: () -> Bool) async throws {
    while !isMet() {
      try Task.checkCancellation()
      rig.clock.advance(by: .milliseconds(200))
      for _ in 0..<10 { _ = try await rig.store.eventBounds() }
    }
  }

  /// Waits without time passing.
  private static func reading(_ rig: EngineRig, until isMet: () -> Bool) async throws {
    while !isMet() {
      try Task.checkCancellation()
      _ = try await rig.store.eventBounds()
    }
  }

  /// One task in a call that goes on, and others that wait for its place, without workers.
  private static func fill(
    _ rig: EngineRig, _ p: Steered, waiting timeouts: [Int]
  ) async throws -> (busy: TaskID, waiting: [TaskID]) {
    let busy = try await rig.submit("coder")
    await p.begun()
    var tasks: [TaskID] = []
    for timeout in timeouts { tasks.append(try await rig.submit("coder") { $0.timeoutSeconds = timeout }) }
    // All stand in line before any time passes: a busy machine takes little of theirs.
    try await reading(rig) { rig.providers.report("p")?.waiting == timeouts.count }
    // Slowly: who has not begun to sleep yet sleeps from where the clock is then.
    try await advanceSlowly(rig) { rig.store.counts().byStatus[.waiting] ?? 0 == timeouts.count }
    return (busy, tasks)
  }

  @Test("a place that comes free is had by a task whose time would be over at the guessed turn")
  func inTime() async throws {
    let p = Steered("p", holding: [TaskID(number: 1)])
    try await Self.rig(p, places: 1).run { rig in
      let (_, waiting) = try await Self.fill(rig, p, waiting: [10])
      p.letGo()
      for id in waiting { #expect(try await rig.ended(id).status == .completed) }
    }
  }

  @Test("a 429 of ten seconds fails none of forty tasks, whatever their place in the line")
  func refused() async throws {
    let p = Steered("p", refusals: [.seconds(10)])
    try await Self.rig(p).run { rig in
      var tasks: [TaskID] = []
      for _ in 0..<40 { tasks.append(try await rig.submit("coder") { $0.timeoutSeconds = 1000 }) }
      try await Self.advanceSlowly(rig) { rig.store.counts().unfinished == 0 }
      for id in tasks { #expect(try await rig.tasks.task(id).error == nil) }
    }
  }

  @Test("a default that is switched takes along who waits before the old one")
  func switched() async throws {
    let (p, q) = (Steered("p", holding: [TaskID(number: 1)]), Steered("q"))
    try await Self.rig(p, q, places: 1).run { rig in
      let (_, waiting) = try await Self.fill(rig, p, waiting: [3600, 3600])
      _ = try await rig.providers.setDefault("q", by: .local)
      for id in waiting { #expect(try await rig.ended(id).status == .completed) }
      #expect(q.calls.sorted() == waiting && p.calls == [TaskID(number: 1)])
      p.letGo()
    }
  }

  @Test("tasks that end while they wait stand in no line any more, however they end")
  func ended() async throws {
    let p = Steered("p", holding: [TaskID(number: 1)])
    try await Self.rig(p, places: 1).run { rig in
      let (busy, waiting) = try await Self.fill(rig, p, waiting: [30, 3600])
      #expect(rig.providers.report("p")?.waiting == 2)
      _ = try await rig.tasks.cancel(waiting[1], by: .local)
      #expect(rig.providers.report("p")?.waiting == 1)
      try await rig.advance(until: { try await rig.tasks.task(waiting[0]).status.isTerminal })
      #expect(try await rig.tasks.task(waiting[0]).error?.code == "timeout")
      #expect(rig.providers.report("p")?.waiting == 0)
      p.letGo()
      _ = try await rig.ended(busy)
    }
  }
}
