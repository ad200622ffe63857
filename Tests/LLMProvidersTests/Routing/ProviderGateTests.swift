import AgentCore
import AgentTestKit
import Synchronization
import Testing

@testable import LLMProviders

@Suite struct ProviderGateTests {
  private static func gate(
    _ clock: ManualClock, _ limits: GateLimits, onVacancy: @escaping @Sendable ([TaskID]) -> Void = { _ in }
  ) -> ProviderGate {
    ProviderGate(limits: limits, clock: clock, random: SeededRandom(seed: 5), onVacancy: onVacancy)
  }

  private static func place(_ admission: ProviderAdmission) throws -> ProviderPlace {
    guard case .granted(let place) = admission else {
      Issue.record("not granted: \(admission)")
      throw CancellationError()
    }
    return place
  }

  @Test("a caller waits in place until one is given back")
  func inPlace() async throws {
    let clock = ManualClock()
    let gate = Self.gate(clock, GateLimits(maxConcurrent: 1))
    let first = try Self.place(await gate.admit(task: TaskID(number: 1), of: "a", tokens: 10))
    async let second = gate.admit(task: TaskID(number: 2), of: "a", tokens: 10)
    while clock.sleeperCount == 0 { await Task.yield() }
    #expect(gate.snapshot.inUse == 1 && gate.snapshot.waiting == 1)
    first.release()
    try Self.place(await second).release()
    #expect(gate.snapshot.inUse == 0 && gate.snapshot.waiting == 0)
  }

  @Test("after five seconds it is sent away, and invited when its turn has come")
  func sentAway() async throws {
    let clock = ManualClock()
    let invited = Mutex<[TaskID]>([])
    let gate = Self.gate(clock, GateLimits(maxConcurrent: 1)) { tasks in invited.withLock { $0 += tasks } }
    let first = try Self.place(await gate.admit(task: TaskID(number: 1), of: "a", tokens: 10))
    async let second = gate.admit(task: TaskID(number: 2), of: "a", tokens: 10)
    while clock.sleeperCount == 0 { await Task.yield() }
    clock.advance(by: .milliseconds(4999))
    #expect(gate.snapshot.waiting == 1)
    clock.advance(by: .milliseconds(1))
    guard case .later(let pause, let error) = await second else {
      Issue.record("not sent away")
      return
    }
    #expect(pause >= .seconds(5) && error.code == .rateLimited)
    #expect(invited.withLock { $0 }.isEmpty)
    first.release()
    #expect(invited.withLock { $0 } == [TaskID(number: 2)])
  }

  @Test("a test that goes well also invites those who wait because their own call was refused")
  func proved() async throws {
    let invited = Mutex<[TaskID]>([])
    let gate = Self.gate(ManualClock(), GateLimits()) { tasks in invited.withLock { $0 += tasks } }
    gate.proved()
    #expect(invited.withLock { $0 }.isEmpty)
    for number in 1...2 as ClosedRange<Int64> {
      let place = try Self.place(await gate.admit(task: TaskID(number: number), of: "a", tokens: 10))
      gate.callBegan(TaskID(number: number))
      _ = gate.callRefused(TaskID(number: number), asked: .seconds(1800))
      place.release()
      if number == 1 { gate.proved() }
    }
    #expect(invited.withLock { $0 } == [TaskID(number: 1)])
    gate.proved()
    #expect(invited.withLock { $0 } == [TaskID(number: 1), TaskID(number: 1), TaskID(number: 2)])
  }

  @Test("a cancelled caller is let go at once, and the next one gets the place")
  func cancelled() async throws {
    let clock = ManualClock()
    let gate = Self.gate(clock, GateLimits(maxConcurrent: 1))
    let first = try Self.place(await gate.admit(task: TaskID(number: 1), of: "a", tokens: 10))
    let admission = await withTaskGroup(of: ProviderAdmission.self) { group in
      group.addTask { await gate.admit(task: TaskID(number: 2), of: "a", tokens: 10) }
      while clock.sleeperCount == 0 { await Task.yield() }
      group.cancelAll()
      return await group.next()
    }
    guard case .later = admission else {
      Issue.record("not let go")
      return
    }
    #expect(gate.snapshot.waiting == 0)
    async let third = gate.admit(task: TaskID(number: 3), of: "a", tokens: 10)
    while clock.sleeperCount == 0 { await Task.yield() }
    first.release()
    try Self.place(await third).release()
  }

  @Test("a short closing is waited out in place")
  func shortClosing() async throws {
    let clock = ManualClock()
    let gate = Self.gate(clock, GateLimits())
    let first = try Self.place(await gate.admit(task: TaskID(number: 1), of: "a", tokens: 10))
    gate.callBegan(TaskID(number: 1))
    let (shutFor, isNews) = gate.callRefused(TaskID(number: 1), asked: .seconds(3))
    #expect(shutFor == .seconds(3) && isNews)
    first.release()
    async let second = gate.admit(task: TaskID(number: 2), of: "a", tokens: 10)
    while clock.sleeperCount == 0 { await Task.yield() }
    clock.advance(by: .seconds(3))
    try Self.place(await second).release()
  }

  // MARK: - Before a provider that takes ten calls a minute

  /// Counts calls as providers do, and refuses those past ten a minute.
  final class SmallProvider: Sendable {
    enum Counting: Sendable, CaseIterable {
      /// Ten in each minute of the clock; a refusal says when the next minute begins.
      case byTheMinute
      /// As above, and a refusal says nothing.
      case inSilence
      /// One more each six seconds, ten at most; a refusal says when the next one is there.
      case evenly
    }
    private struct State {
      var calls = 0
      var minute = -1
      var taken = 0
      var level = 10.0
      var filledAt = Duration.zero
    }
    private let state = Mutex(State())
    private let counting: Counting
    private let clock: ManualClock

    init(_ counting: Counting, _ clock: ManualClock) { (self.counting, self.clock) = (counting, clock) }

    var calls: Int { state.withLock { $0.calls } }

    /// Nil: it was taken; else how long to wait, nil where it does not say.
    func call() async throws -> Duration?? {
      try await clock.sleep(for: .milliseconds(500))
      let now = clock.uptime()
      return state.withLock { state in
        state.calls += 1
        switch counting {
        case .byTheMinute, .inSilence:
          let minute = Int(now / .seconds(60))
          if minute != state.minute { (state.minute, state.taken) = (minute, 0) }
          state.taken += 1
          guard state.taken > 10 else { return nil }
          return counting == .inSilence ? .some(nil) : .some(.seconds(60 * (minute + 1)) - now)
        case .evenly:
          state.level = min(10, state.level + (now - state.filledAt) / .seconds(6))
          state.filledAt = now
          guard state.level < 1 else {
            state.level -= 1
            return nil
          }
          return .some(.seconds(Int64((6 * (1 - state.level)).rounded(.up))))
        }
      }
    }
  }

  /// How many tasks are still at it.
  final class Countdown: Sendable {
    private let count: Mutex<Int>
    init(_ count: Int) { self.count = Mutex(count) }
    var left: Int { count.withLock { $0 } }
    func one() { count.withLock { $0 -= 1 } }
  }

  /// As the engine does it: asks, waits elsewhere when sent away, calls, and comes back after a refusal. Returns how
  /// often it was refused.
  private static func work(
    _ task: TaskID, _ gate: ProviderGate, _ provider: SmallProvider, _ clock: ManualClock, _ turn: Wakeup
  ) async throws -> Int {
    var refusals = 0
    while true {
      switch await gate.admit(task: task, of: "a", tokens: 1000) {
      case .later(let pause, _):
        #expect(pause <= .seconds(3600))
        await turn.wait(upTo: pause, clock: clock)
      case .granted(let place):
        gate.callBegan(task)
        guard let refusal = try await provider.call() else {
          gate.callAnswered(task, tokens: 100)
          place.release()
          return refusals
        }
        refusals += 1
        let (shutFor, _) = gate.callRefused(task, asked: refusal)
        place.release()
        await turn.wait(upTo: shutFor, clock: clock)
      }
    }
  }

  @Test(
    "three hundred tasks before a provider of ten calls a minute: none fails, and hardly a call is refused",
    arguments: [(.byTheMinute, 1.2), (.evenly, 1.6), (.inSilence, 1.5)] as [(SmallProvider.Counting, Double)])
  func threeHundred(counting: SmallProvider.Counting, most: Double) async throws {
    let (clock, count) = (ManualClock(), 300)
    let turns = (0..<count).map { _ in Wakeup() }
    let gate = Self.gate(clock, GateLimits()) { tasks in
      for task in tasks { turns[Int(task.number) - 1].wake() }
    }
    let provider = SmallProvider(counting, clock)
    let open = Countdown(count)
    let refusals = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 1...count {
        group.addTask {
          defer { open.one() }
          return try await Self.work(TaskID(number: Int64(number)), gate, provider, clock, turns[number - 1])
        }
      }
      // Time goes on when everybody waits for it.
      while true {
        let left = open.left
        guard left > 0 else { break }
        if clock.sleeperCount >= left { clock.advance(by: .milliseconds(250)) } else { await Task.yield() }
        guard clock.uptime() < .seconds(4 * 3600) else {
          group.cancelAll()
          break
        }
      }
      return try await group.reduce(into: [Int]()) { $0.append($1) }
    }
    let ratio = Double(provider.calls) / Double(count)
    print(
      "\(counting): \(provider.calls) calls for \(count) tasks (\(ratio)), at most \(refusals.max() ?? 0) refusals a task,"
        + " \(Int(clock.uptime() / .seconds(60))) minutes")
    // A task may be refused three times within one step.
    #expect(refusals.count == count && (refusals.max() ?? 0) <= 3)
    #expect(ratio <= most)
    #expect(gate.snapshot.inUse == 0 && gate.snapshot.waiting == 0)
  }

  @Test("requests_per_minute keeps the calls under the limit: nothing is refused")
  func shaped() async throws {
    let (clock, count) = (ManualClock(), 40)
    let gate = Self.gate(clock, GateLimits(requestsPerMinute: 10))
    let provider = SmallProvider(.evenly, clock)
    let open = Countdown(count)
    try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 1...count {
        group.addTask {
          defer { open.one() }
          return try await Self.work(TaskID(number: Int64(number)), gate, provider, clock, Wakeup())
        }
      }
      while true {
        let left = open.left
        guard left > 0, clock.uptime() < .seconds(3600) else { break }
        if clock.sleeperCount >= left { clock.advance(by: .milliseconds(250)) } else { await Task.yield() }
      }
      for try await refusals in group { #expect(refusals == 0) }
    }
    #expect(provider.calls == count)
    #expect(clock.uptime() < .seconds(5 * 60))
  }
}
