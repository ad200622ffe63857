import AgentCore
import Synchronization

/// The gate before one account of a provider (key and base URL): places, shaping, and what a 429 of any task means for
/// all of them. Callers wait here for at most `longestWait`; then their task is sent away with its ticket, and
/// `onVacancy` is told when its turn has come.
final class ProviderGate: Sendable {
  private struct State {
    var line: GateLine
    /// Of callers that wait in place.
    var bells: [TaskID: Wakeup] = [:]
  }
  private let state: Mutex<State>
  private let clock: any WallClock
  private let random: any RandomSource
  private let onVacancy: @Sendable ([TaskID]) -> Void

  /// How long a caller waits in place: a worker is held all the while.
  static let longestWait: Duration = .seconds(5)

  init(
    limits: GateLimits, clock: any WallClock, random: any RandomSource,
    onVacancy: @escaping @Sendable ([TaskID]) -> Void = { _ in }
  ) {
    state = Mutex(State(line: GateLine(limits: limits, at: clock.uptime())))
    (self.clock, self.random, self.onVacancy) = (clock, random, onVacancy)
  }

  struct Snapshot: Sendable, Hashable {
    var inUse: Int
    var waiting: Int
    var limits: GateLimits
    /// Nil: it is open.
    var closedFor: Duration?
  }

  /// Looks at the whole line: for people, not for each call.
  var snapshot: Snapshot {
    change { line, now in
      line.sweep(at: now)
      return Snapshot(
        inUse: line.inUse, waiting: line.waiting, limits: line.limits, closedFor: line.brake.closed(at: now))
    }
  }

  func setLimits(_ limits: GateLimits) { change { $0.setLimits(limits, at: $1) } }

  /// See `ModelProvider.admit`. `asker`: the entry of the configuration through which it is asked.
  func admit(task: TaskID, of asker: ProviderID, tokens: Int64) async -> ProviderAdmission {
    let deadline = clock.uptime() + Self.longestWait
    let bell = Wakeup()
    // Each turn ends in an answer, or waits for a call or for the time that the line names, at most until the deadline.
    while true {
      let isCancelled = Task.isCancelled
      let (answer, now) = look(task, bell) { line, now in
        isCancelled
          ? line.leave(task, at: now) : line.ask(task, of: asker, tokens: Double(tokens), until: deadline, at: now)
      }
      switch answer {
      case .granted(let id): return .granted(ProviderPlace { [self] in change { $0.release(id, at: $1) } })
      case .later(let pause, let error): return .later(pause, error)
      case .wait(let until): await bell.wait(upTo: max(until - now, .milliseconds(1)), clock: clock)
      }
    }
  }

  /// One look for one caller; its bell stands ready as long as it is to wait.
  private func look(
    _ task: TaskID, _ bell: Wakeup, _ body: (inout GateLine, Duration) -> GateLine.Answer
  ) -> (GateLine.Answer, Duration) {
    let now = clock.uptime()
    let (answer, work) = state.withLock { state in
      let answer = body(&state.line, now)
      if case .wait = answer {
        state.bells[task] = bell
        return (answer, Work())
      }
      state.bells[task] = nil
      // Whoever was given a place, or went away, may have let the next one through.
      return (answer, Self.work(&state, at: now))
    }
    perform(work)
    return (answer, now)
  }

  // MARK: - Who waits no longer

  /// These tasks were refused before the process started.
  func remember(_ tasks: [TaskID], of asker: ProviderID) { change { $0.remember(tasks, of: asker, at: $1) } }

  /// These tasks have ended.
  func forget(_ tasks: [TaskID]) {
    let now = clock.uptime()
    let work = state.withLock { state in
      var hasLeft = false
      for task in tasks where state.line.forget(task) { hasLeft = true }
      // Most tasks that end had no turn here.
      return hasLeft ? Self.work(&state, at: now) : Work()
    }
    perform(work)
  }

  /// Whoever waits here through that entry is to ask anew: it leads elsewhere now, or another is the default.
  func sendAway(from asker: ProviderID) {
    let now = clock.uptime()
    let work = state.withLock { state in
      let effects = state.line.sendAway(from: asker, at: now)
      var work = Self.work(&state, at: now)
      work.bells += effects.called.compactMap { state.bells[$0] }
      work.invited += effects.invited
      return work
    }
    perform(work)
  }

  // MARK: - What calls tell

  func callBegan(_ task: TaskID) { change { line, _ in line.callBegan(task) } }

  func callAnswered(_ task: TaskID, tokens: Int64) {
    change { $0.callAnswered(task, tokens: Double(tokens), at: $1) }
  }

  /// Returns how long the gate is shut now, and whether this refusal shut it.
  func callRefused(_ task: TaskID, asked: Duration?) -> (Duration, isNews: Bool) {
    let unit = random.unit()
    return change { line, now in
      let isNews = line.callRefused(task, asked: asked, at: now, unit: unit)
      return (line.brake.patience(at: now) ?? .zero, isNews)
    }
  }

  func callFailed(_ task: TaskID, wasSent: Bool) { change { $0.callFailed(task, wasSent: wasSent, at: $1) } }

  /// A test was answered past the gate.
  func proved() {
    let tasks = change { $0.proved(at: $1) }
    if !tasks.isEmpty { onVacancy(tasks) }
  }

  // MARK: - Carrying out

  private struct Work: Sendable {
    var bells: [Wakeup] = []
    var invited: [TaskID] = []
  }

  private func change<T: Sendable>(_ body: (inout GateLine, Duration) -> T) -> T {
    let now = clock.uptime()
    let (result, work) = state.withLock { state in
      let result = body(&state.line, now)
      return (result, Self.work(&state, at: now))
    }
    perform(work)
    return result
  }

  private static func work(_ state: inout State, at now: Duration) -> Work {
    let effects = state.line.settle(at: now)
    return Work(bells: effects.called.compactMap { state.bells[$0] }, invited: effects.invited)
  }

  private func perform(_ work: Work) {
    for bell in work.bells { bell.wake() }
    if !work.invited.isEmpty { onVacancy(work.invited) }
  }
}
