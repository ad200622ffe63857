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
    /// For about that long. The error's `retryAfter` is what the provider itself makes everybody wait; nil where the
    /// time is a guess, which may be far too long.
    case later(Duration, ProviderError)
    /// Ask again then, or when called.
    case wait(until: Duration)
  }

  /// What is to be done outside: callers to be called, tasks to be fetched.
  struct Effects: Sendable {
    var called: [TaskID] = []
    var invited: [TaskID] = []
  }

  enum Stand: Sendable, Hashable {
    case inPlace
    /// Until it comes back by itself.
    case parked(expected: Duration)
    case invited(until: Duration)
  }
  struct Ticket: Sendable {
    var task: TaskID
    /// The entry of the configuration that it came through.
    var asker: ProviderID
    var stand: Stand
    /// How often the call that it stands for was refused.
    var refusals: Int
  }
  struct Grant: Sendable {
    var ticket: Ticket
    var number: Int
    var tokens: Double
    var era: Int
    var wasMade = false
  }
  /// Of a task that is not in the line now.
  struct Kept: Sendable {
    /// Its turn when it comes back; nil: the end of the line.
    var number: Int?
    /// Nil: it was sent to ask anew.
    var asker: ProviderID?
    var refusals: Int
    var until: Duration
  }

  private(set) var limits: GateLimits
  var brake = GateBrake()
  var requests: TokenBucket?
  var tokens: TokenBucket?
  /// By number; what a ticket weighs are its tokens.
  var line = RankedLine<Int, Ticket>()
  /// The numbers of those in the line.
  var numbers: [TaskID: Int] = [:]
  /// Until when, by number.
  var invitations: [Int: Duration] = [:]
  var grants: [Int: Grant] = [:]
  var newestGrant: [TaskID: Int] = [:]
  private(set) var kept: [TaskID: Kept] = [:]
  /// Of those, who was refused in an earlier life of the process, and waits as long as it was told then.
  var returning: Set<TaskID> = []
  /// Who is to be fetched at the next look.
  var fetched: [TaskID] = []
  /// Callers in place that are to ask elsewhere, and do not know it yet.
  private var strays: Set<TaskID> = []
  private var nextNumber = 0
  private var nextGrant = 0
  /// At that many kept turns those that are over are looked for.
  private var keptBeforeSweep = Self.fewKept
  /// How many more are invited than there are places, because those invited before did not come.
  var spare = 0
  private(set) var sweptAt: Duration = .zero

  /// A claim and a commit take milliseconds; one that is not back by then has no worker, or is gone.
  static let invitation: Duration = .seconds(2)
  /// How much later than promised a parked task may come and still be counted on.
  static let tardiness: Duration = .seconds(60)
  /// A task that waits longer for its provider has failed.
  static let turnKept: Duration = .seconds(3600)
  /// Nobody knows when a place comes free: asked again about then, sooner when invited.
  static let (leastPause, longestPause): (Duration, Duration) = (.seconds(5), .seconds(30))
  /// Whoever is to ask elsewhere does so now.
  static let atOnce: Duration = .milliseconds(1)
  private static let fewKept = 1024

  init(limits: GateLimits, at now: Duration) {
    self.limits = limits
    setBuckets(at: now)
  }

  /// They are not in the line: each was told how long to wait when its call was refused.
  var refusedTasks: [TaskID] { kept.filter { $0.value.refusals > 0 && $0.value.asker != nil }.keys.sorted() }

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
  mutating func ask(
    _ task: TaskID, of asker: ProviderID, tokens wanted: Double, until deadline: Duration, at now: Duration
  ) -> Answer {
    expire(at: now)
    if strays.remove(task) != nil { return .later(Self.atOnce, Self.askedElsewhere) }
    let number = stand(task, asker, wanted)
    if let ahead = ahead(of: number, at: now), mayGo(ahead, wanted, at: now),
      let id = grant(number, wanted, at: now)
    {
      return .granted(id)
    }
    let ahead = line.ahead(of: number)
    let (outlook, error) = outlook(ahead, wanted, at: now)
    let pause = [outlook, held(number, at: now)].compactMap(\.self).max()
    let isHopeless = pause.map { now + $0 > deadline } ?? false
    guard now < deadline, !isHopeless else {
      let later = max(
        pause ?? min(Self.longestPause, Self.leastPause + .milliseconds(100 * ahead.count)), Self.atOnce)
      setStand(.parked(expected: now + later), of: number)
      return .later(later, error)
    }
    return .wait(until: min(deadline, now + (pause ?? deadline - now), invitations.values.min() ?? deadline))
  }

  /// The caller waits no more. Its task keeps its turn, should it come back.
  mutating func leave(_ task: TaskID, at now: Duration) -> Answer {
    strays.remove(task)
    let number = numbers[task]
    let ahead = number.map { line.ahead(of: $0) } ?? RankedLine.Ahead(count: line.count)
    let (pause, error) = outlook(ahead, number.flatMap { line[$0]?.weight } ?? 0, at: now)
    withdraw(task, at: now)
    return .later(pause ?? Self.leastPause, error)
  }

  /// The task has ended, and has no turn any more. False where it had none.
  mutating func forget(_ task: TaskID) -> Bool {
    let wasKept = kept.removeValue(forKey: task) != nil
    return removeTicket(task) != nil || wasKept
  }

  /// Nobody asks through that entry any more, or not everybody who did: those who wait are to ask anew, and find their
  /// turn kept where they come back. `invited` are all those who do not wait in place.
  mutating func sendAway(from asker: ProviderID, at now: Duration) -> Effects {
    var effects = Effects()
    for entry in line.prefix(line.count) where entry.value.asker == asker {
      withdraw(entry.value.task, at: now)
      guard case .inPlace = entry.value.stand else { continue }
      strays.insert(entry.value.task)
      effects.called.append(entry.value.task)
    }
    for task in kept.filter({ $0.value.asker == asker }).keys.sorted() {
      kept[task]?.asker = nil
      if !strays.contains(task) { effects.invited.append(task) }
    }
    return effects
  }

  /// These were refused before the process started: they come by themselves, or when this one finds the provider ready.
  mutating func remember(_ tasks: [TaskID], of asker: ProviderID, at now: Duration) {
    for task in tasks where numbers[task] == nil && kept[task] == nil {
      kept[task] = Kept(number: nil, asker: asker, refusals: 1, until: now + Self.turnKept)
      returning.insert(task)
    }
  }

  /// The ticket's number: the one that it has, or had, or the next.
  private mutating func stand(_ task: TaskID, _ asker: ProviderID, _ wanted: Double) -> Int {
    let number: Int
    let refusals: Int
    if let its = numbers[task], let ticket = line[its]?.value {
      if case .invited = ticket.stand { spare = 0 }
      (number, refusals) = (its, ticket.refusals)
    } else {
      let earlier = kept.removeValue(forKey: task)
      (number, refusals) = (earlier?.number ?? nextNumber, earlier?.refusals ?? 0)
      if earlier?.number == nil { nextNumber += 1 }
    }
    invitations[number] = nil
    numbers[task] = number
    line.set(
      Ticket(task: task, asker: asker, stand: .inPlace, refusals: refusals), weight: wanted, for: number)
    return number
  }

  private mutating func grant(_ number: Int, _ wanted: Double, at now: Duration) -> Int? {
    guard let task = line[number]?.value.task, let ticket = removeTicket(task) else { return nil }
    // Both were looked at just now.
    _ = requests?.take(1, at: now)
    _ = tokens?.take(wanted, at: now)
    let id = nextGrant
    nextGrant += 1
    grants[id] = Grant(ticket: ticket, number: number, tokens: wanted, era: brake.era)
    newestGrant[task] = id
    brake.began(at: now)
    return id
  }

  // MARK: - Tickets

  mutating func setStand(_ stand: Stand, of number: Int) {
    guard var entry = line[number] else { return }
    if case .invited(let until) = stand { invitations[number] = until } else { invitations[number] = nil }
    entry.value.stand = stand
    line.set(entry.value, weight: entry.weight, for: number)
  }

  private mutating func removeTicket(_ task: TaskID) -> Ticket? {
    guard let number = numbers.removeValue(forKey: task) else { return nil }
    invitations[number] = nil
    return line.remove(number)
  }

  mutating func withdraw(_ task: TaskID, at now: Duration) {
    guard let number = numbers[task], let ticket = removeTicket(task) else { return }
    keep(ticket, number, at: now)
  }

  mutating func keep(_ ticket: Ticket, _ number: Int?, at now: Duration) {
    if kept.count >= keptBeforeSweep {
      kept = kept.filter { $0.value.until > now }
      keptBeforeSweep = max(Self.fewKept, 2 * kept.count)
    }
    kept[ticket.task] = Kept(
      number: number, asker: ticket.asker, refusals: ticket.refusals, until: now + Self.turnKept)
  }

  /// Those who were invited and did not come give way.
  mutating func expire(at now: Duration) {
    let late = invitations.filter { now >= $0.value }.keys
    guard !late.isEmpty else { return }
    spare = min(Self.mostSpare, max(1, spare * 2))
    for number in late { if let task = line[number]?.value.task { withdraw(task, at: now) } }
  }

  /// Those who are long overdue give way. All are looked at: not for every call.
  mutating func sweep(at now: Duration) {
    expire(at: now)
    sweptAt = now
    for entry in line.prefix(line.count) {
      if case .parked(let expected) = entry.value.stand, now > expected + Self.tardiness {
        withdraw(entry.value.task, at: now)
      }
    }
  }
}
