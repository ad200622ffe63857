import AgentCore
import InProcessCache

/// Who waits before a provider, who goes next, and what is in flight: a pure value; `ProviderGate` gives it time and
/// carries out what it decides.
///
/// One line for callers that wait in place and for tasks that were sent away (`parked`): first come, first served. A
/// parked task keeps its ticket; when its turn comes it is invited, and whoever does not come in time gives way to the
/// next, but takes its old turn when it comes after all.
struct GateLine: Sendable {
  enum Answer: Sendable {
    case granted(Int)
    case later(Duration, ProviderError)
    /// Ask again then, or when called.
    case wait(until: Duration)
  }

  /// What is to be done outside: callers to be called, tasks to be fetched.
  struct Effects: Sendable {
    var called: [TaskID] = []
    var invited: [TaskID] = []
  }

  private enum Stand: Sendable, Hashable {
    case inPlace
    /// Until it comes back by itself.
    case parked(expected: Duration)
    case invited(until: Duration)
  }
  private struct Ticket: Sendable {
    var number: Int
    var task: TaskID
    var tokens: Double
    var stand: Stand
    var wasRefused: Bool
  }
  private struct Grant: Sendable {
    var task: TaskID
    var number: Int
    var tokens: Double
    var era: Int
    var wasRefused: Bool
    var wasMade = false
  }
  /// Of a task that is not in the line now: its turn when it comes back.
  private struct Kept: Sendable {
    var number: Int
    /// Its last call was refused: it keeps its turn over one refusal, not over two in a row.
    var wasRefused: Bool
    var until: Duration
  }

  private(set) var limits: GateLimits
  private(set) var brake = GateBrake()
  private var requests: TokenBucket?
  private var tokens: TokenBucket?
  private var line: [Ticket] = []
  private var grants: [Int: Grant] = [:]
  private var newestGrant: [TaskID: Int] = [:]
  private var kept: [TaskID: Kept] = [:]
  private var nextNumber = 0
  private var nextGrant = 0
  /// At that many kept turns those that are over are looked for.
  private var keptBeforeSweep = Self.fewKept
  /// How many more are invited than there are places, because those invited before did not come.
  private var spare = 0

  /// A claim and a commit take milliseconds; one that is not back by then has no worker, or is gone.
  static let invitation: Duration = .seconds(2)
  /// How much later than promised a parked task may come and still be counted on.
  static let tardiness: Duration = .seconds(60)
  /// A task that waits longer for its provider has failed.
  static let turnKept: Duration = .seconds(3600)
  /// Nobody knows when a place comes free: asked again about then, sooner when invited.
  static let (leastPause, longestPause): (Duration, Duration) = (.seconds(5), .seconds(30))
  private static let mostSpare = 64
  /// Tickets looked at in one go: invitations stand at the front.
  private static let front = 256
  private static let fewKept = 1024

  init(limits: GateLimits, at now: Duration) {
    self.limits = limits
    setBuckets(at: now)
  }

  var inUse: Int { grants.count }
  var waiting: Int { line.count }

  /// New limits hold for calls from now on; what is in flight counts.
  mutating func setLimits(_ limits: GateLimits, at now: Duration) {
    guard limits != self.limits else { return }
    self.limits = limits
    setBuckets(at: now)
  }

  private mutating func setBuckets(at now: Duration) {
    requests = limits.requestsPerMinute.map { .shaping($0, at: now) }
    tokens = limits.tokensPerMinute.map { .shaping($0, at: now) }
  }

  // MARK: - Asking

  /// One look at the gate for a task, which has a ticket from then on. `deadline`: until when its caller waits in place.
  mutating func ask(_ task: TaskID, tokens wanted: Double, until deadline: Duration, at now: Duration) -> Answer {
    expire(at: now)
    let index = stand(task, wanted)
    if index < places(at: now), tokenWait(through: index, at: now) == .zero {
      return .granted(grant(line.remove(at: index), at: now))
    }
    let (pause, error) = outlook(index, at: now)
    let isHopeless = pause.map { now + $0 > deadline } ?? false
    guard now < deadline, !isHopeless else {
      let later = max(pause ?? min(Self.longestPause, Self.leastPause + .milliseconds(100 * index)), .milliseconds(1))
      line[index].stand = .parked(expected: now + later)
      return .later(later, error)
    }
    return .wait(until: min(deadline, now + (pause ?? deadline - now), nextExpiry ?? deadline))
  }

  /// The caller waits no more. Its task keeps its turn, should it come back.
  mutating func leave(_ task: TaskID, at now: Duration) -> Answer {
    let (pause, error) = outlook(line.firstIndex { $0.task == task } ?? line.count, at: now)
    withdraw(task, at: now)
    return .later(pause ?? Self.leastPause, error)
  }

  /// The ticket's place in the line, a new one at its end.
  private mutating func stand(_ task: TaskID, _ wanted: Double) -> Int {
    if let index = line.firstIndex(where: { $0.task == task }) {
      if case .invited = line[index].stand { spare = 0 }
      (line[index].tokens, line[index].stand) = (wanted, .inPlace)
      return index
    }
    let earlier = kept.removeValue(forKey: task)
    let number = earlier?.number ?? nextNumber
    if earlier == nil { nextNumber += 1 }
    // Nearly always at the end.
    let index = (line.lastIndex { $0.number < number } ?? -1) + 1
    line.insert(
      Ticket(
        number: number, task: task, tokens: wanted, stand: .inPlace, wasRefused: earlier?.wasRefused ?? false),
      at: index)
    return index
  }

  private mutating func grant(_ ticket: Ticket, at now: Duration) -> Int {
    // Both were looked at just now.
    _ = requests?.take(1, at: now)
    _ = tokens?.take(ticket.tokens, at: now)
    let id = nextGrant
    nextGrant += 1
    grants[id] = Grant(
      task: ticket.task, number: ticket.number, tokens: ticket.tokens, era: brake.era, wasRefused: ticket.wasRefused)
    newestGrant[ticket.task] = id
    brake.began(at: now)
    return id
  }

  private func places(at now: Duration) -> Int {
    let free = limits.maxConcurrent.map { max(0, $0 - grants.count) } ?? .max
    return min(free, brake.places(at: now), requests?.whole(at: now) ?? .max)
  }

  /// Tokens are given in the line's order too: what those ahead want comes first.
  private func tokenWait(through index: Int, at now: Duration) -> Duration {
    guard let tokens else { return .zero }
    return tokens.wait(for: line[index].tokens, after: line[..<index].reduce(0) { $0 + $1.tokens }, at: now)
  }

  /// How long a ticket has to wait at the least, as far as that is known, and the words for it.
  private func outlook(_ index: Int, at now: Duration) -> (Duration?, ProviderError) {
    if let patience = brake.patience(at: now) {
      let openings = brake.callsAnOpening.map { index / max(1, $0) } ?? 0
      let turns = min(patience + .seconds(30 * openings), GateBrake.longestClosing)
      let pause = max(patience, turns)
      let seconds = patience.components.seconds
      return (
        pause,
        ProviderError(
          .rateLimited, "the provider takes no calls for another \(seconds) s: it answered 429", retryAfter: pause)
      )
    }
    let shaped = max(
      requests?.wait(for: 1, after: Double(index), at: now) ?? .zero,
      index < line.count ? tokenWait(through: index, at: now) : .zero)
    if shaped > .zero {
      return (shaped, ProviderError(.rateLimited, "`requests_per_minute` or `tokens_per_minute` is reached"))
    }
    let words =
      limits.maxConcurrent.map { "all \($0) places of the provider are taken" }
      ?? "the provider is given few calls at a time, for it refused some"
    return (nil, ProviderError(.rateLimited, words))
  }

  // MARK: - Calls

  /// The granted call goes out.
  mutating func callBegan(_ task: TaskID) {
    if let id = newestGrant[task] { grants[id]?.wasMade = true }
  }

  /// A call went well and used that many tokens.
  mutating func callAnswered(_ task: TaskID, tokens used: Double, at now: Duration) {
    let grant = newestGrant[task].flatMap { grants[$0] }
    if let grant { tokens?.give(grant.tokens - used, at: now) }
    brake.answered(era: grant?.era ?? brake.era, at: now)
  }

  /// A 429. True when it closed the gate.
  mutating func callRefused(_ task: TaskID, asked: Duration?, at now: Duration, unit: Double) -> Bool {
    let grant = newestGrant[task].flatMap { grants[$0] }
    if let grant {
      tokens?.give(grant.tokens, at: now)
      // Once refused it comes back in its old turn; refused again it lets others try their luck.
      if !grant.wasRefused { keep(task, grant.number, wasRefused: true, at: now) }
    }
    // Who asked past a closed gate tells nothing that was not known.
    let era = grant?.era ?? (brake.closed(at: now) == nil ? brake.era : brake.era - 1)
    return brake.refused(era: era, asked: asked, at: now, unit: unit)
  }

  /// A call failed otherwise. `wasSent`: it may have cost tokens.
  mutating func callFailed(_ task: TaskID, wasSent: Bool, at now: Duration) {
    guard !wasSent, let grant = newestGrant[task].flatMap({ grants[$0] }) else { return }
    tokens?.give(grant.tokens, at: now)
  }

  /// A test was answered past the gate.
  mutating func proved(at now: Duration) { brake.proved(at: now) }

  /// Gives a place back; a second time does nothing.
  mutating func release(_ id: Int, at now: Duration) {
    guard let grant = grants.removeValue(forKey: id) else { return }
    if newestGrant[grant.task] == id { newestGrant[grant.task] = nil }
    brake.ended(era: grant.era, wasMade: grant.wasMade)
    guard !grant.wasMade else { return }
    requests?.give(1, at: now)
    tokens?.give(grant.tokens, at: now)
  }

  // MARK: - Whose turn it is

  /// Calls and invites those whose turn has come.
  mutating func settle(at now: Duration) -> Effects {
    expire(at: now)
    var effects = Effects()
    let places = places(at: now)
    guard places > 0 else { return effects }
    var ahead = 0.0
    for index in 0..<min(min(places, Self.front) + spare, Self.front, line.count) {
      if let tokens, tokens.wait(for: line[index].tokens, after: ahead, at: now) > .zero { break }
      ahead += line[index].tokens
      switch line[index].stand {
      case .inPlace: if index < places { effects.called.append(line[index].task) }
      case .parked:
        line[index].stand = .invited(until: now + Self.invitation)
        effects.invited.append(line[index].task)
      case .invited: break
      }
    }
    return effects
  }

  private var nextExpiry: Duration? {
    line.prefix(Self.front).compactMap { if case .invited(let until) = $0.stand { until } else { nil } }.min()
  }

  /// Those who were invited and did not come, or are long overdue, give way.
  private mutating func expire(at now: Duration) {
    let late = line.prefix(Self.front).filter { ticket in
      switch ticket.stand {
      case .inPlace: false
      case .parked(let expected): now > expected + Self.tardiness
      case .invited(let until): now >= until
      }
    }
    guard !late.isEmpty else { return }
    if late.contains(where: { if case .invited = $0.stand { true } else { false } }) {
      spare = min(Self.mostSpare, max(1, spare * 2))
    }
    for ticket in late { withdraw(ticket.task, at: now) }
  }

  private mutating func withdraw(_ task: TaskID, at now: Duration) {
    guard let index = line.firstIndex(where: { $0.task == task }) else { return }
    let ticket = line.remove(at: index)
    keep(task, ticket.number, wasRefused: ticket.wasRefused, at: now)
  }

  private mutating func keep(_ task: TaskID, _ number: Int, wasRefused: Bool, at now: Duration) {
    if kept.count >= keptBeforeSweep {
      kept = kept.filter { $0.value.until > now }
      keptBeforeSweep = max(Self.fewKept, 2 * kept.count)
    }
    kept[task] = Kept(number: number, wasRefused: wasRefused, until: now + Self.turnKept)
  }
}
