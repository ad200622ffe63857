/// How far a provider's own answers let its gate open: a pure value, times are uptime.
///
/// A 429 closes it for all, until the longer of what it asked for (`Retry-After`) and a backoff. Then it opens slowly:
/// one call, and one more for each that goes well. It remembers how many went well in a minute before the refusal;
/// past that number calls go one at a time, so that finding the limit again costs one refusal and not a burst.
struct GateBrake: Sendable, Hashable {
  /// Raised by each closing: answers to calls of an earlier one tell nothing about this opening.
  private(set) var era = 0
  private var opensAt: Duration?
  /// What the last refusals asked for, however long that is.
  private var askedUntil: Duration?
  /// Calls at the same time; nil: any number.
  private var window: Int? = Self.firstWindow
  private var inFlight = 0
  /// Calls a minute that went well before a refusal; nil: nothing was refused for a while.
  private var learned: Int?
  private var minute = Minute(start: .zero)
  private var backoffLevel = 0
  private var goodSinceRefusal = 0
  private var refusedAt: Duration?
  /// The last refusal said how long to wait.
  private var wasAsked = false

  private struct Minute: Hashable {
    var start: Duration
    var begun = 0
    var good = 0
  }

  /// A new gate knows nothing of its provider: more at once would all be refused by a small one.
  static let firstWindow = 8
  /// As many as there are workers by default: who takes so many takes any number.
  static let widestWindow = 64
  /// Long enough for every limit that is counted by the minute to have been met again.
  static let calmAfter: Duration = .seconds(300)
  /// The longest that a gate stays shut without a look, whatever the provider asks for.
  static let longestClosing: Duration = .seconds(3600)
  static let longestBackoff = 60.0
  private static let highestLevel = 7
  /// Fewer good calls than this between two refusals: the pause was too short. A provider that says how long to wait is
  /// believed sooner.
  private static let (goodRun, goodRunAsAsked) = (10, 5)

  /// How long it stays shut; nil: it is open.
  func closed(at now: Duration) -> Duration? { opensAt.flatMap { $0 > now ? $0 - now : nil } }

  /// The least that a caller has to wait by what the provider asked for; nil: it is open.
  func patience(at now: Duration) -> Duration? {
    closed(at: now).map { max($0, (askedUntil ?? now) - now) }
  }

  /// How many more calls may begin now.
  func places(at now: Duration) -> Int {
    guard closed(at: now) == nil else { return 0 }
    let free = (window ?? .max) - inFlight
    guard let learned, !isCalm(at: now) else { return max(0, free) }
    let left = learned - (isNewMinute(at: now) ? 0 : minute.begun)
    return left > 0 ? max(0, min(free, left)) : (inFlight == 0 ? 1 : 0)
  }

  /// Whether the next call is one that finds out: the first of an opening whose time nobody told, or one past the number
  /// that is known to go well.
  func isTrial(at now: Duration) -> Bool {
    guard let learned, !isCalm(at: now) else { return false }
    return (goodSinceRefusal == 0 && !wasAsked) || (isNewMinute(at: now) ? 0 : minute.begun) >= learned
  }

  /// How long until the next call is the surest there is: the first when the provider told to come back, or after a
  /// whole minute open. Zero: it is.
  func untilSurest(at now: Duration) -> Duration {
    guard learned != nil, !isCalm(at: now), !isNewMinute(at: now), minute.begun > 0 || !wasAsked else { return .zero }
    return minute.start + .seconds(60) - now
  }

  /// Calls that may be begun in one opening, as far as known.
  var callsAnOpening: Int? { learned }

  mutating func began(at now: Duration) {
    startMinute(at: now)
    inFlight += 1
    minute.begun += 1
  }

  /// The call's place was given back. `wasMade`: it got as far as the provider.
  mutating func ended(era: Int, wasMade: Bool) {
    guard era == self.era else { return }
    inFlight = max(0, inFlight - 1)
    if !wasMade { minute.begun = max(0, minute.begun - 1) }
  }

  /// A call went well.
  mutating func answered(era: Int, at now: Duration) {
    guard era == self.era else { return }
    startMinute(at: now)
    goodSinceRefusal += 1
    minute.good += 1
    if let wide = window { window = wide < Self.widestWindow ? wide + 1 : nil }
    if let known = learned, minute.good > known { learned = known + max(1, known / 10) }
  }

  /// A 429. True when it closed the gate; one that answers a call of an earlier opening only makes it stay shut longer.
  /// `unit` is 0..<1, at random.
  mutating func refused(era: Int, asked: Duration?, at now: Duration, unit: Double) -> Bool {
    let asked = asked ?? .zero
    guard era == self.era else {
      // Its own call was made before what is known now; how long it asks to wait still counts.
      if let opensAt { self.opensAt = max(opensAt, now + min(asked, Self.longestClosing)) }
      askedUntil = max(askedUntil ?? .zero, now + asked)
      return false
    }
    wasAsked = asked > .zero
    raiseBackoff(at: now)
    // A refusal right after an opening says that it came too early, not how many calls are allowed.
    if !isNewMinute(at: now), minute.good > 0 { learned = minute.good } else { learned = learned ?? 1 }
    let backoff = min(Self.longestBackoff, Double(1 << (backoffLevel - 1))) * (0.5 + 0.5 * unit)
    let opening = now + min(max(asked, .milliseconds(Int64(backoff * 1000))), Self.longestClosing)
    (opensAt, askedUntil, refusedAt) = (opening, now + asked, now)
    (window, inFlight, goodSinceRefusal) = (1, 0, 0)
    minute = Minute(start: opening)
    self.era += 1
    return true
  }

  /// Somebody asked past the gate and was answered: no more waiting, but slowly.
  mutating func proved(at now: Duration) {
    guard closed(at: now) != nil else { return }
    (opensAt, askedUntil) = (now, nil)
    minute = Minute(start: now)
  }

  private mutating func raiseBackoff(at now: Duration) {
    let enough = wasAsked ? Self.goodRunAsAsked : Self.goodRun
    if isCalm(at: now) {
      backoffLevel = 1
    } else if goodSinceRefusal < enough {
      backoffLevel = min(Self.highestLevel, backoffLevel + 1)
    } else if goodSinceRefusal >= 2 * enough {
      backoffLevel = max(1, backoffLevel - 1)
    }
  }

  private func isCalm(at now: Duration) -> Bool { refusedAt.map { now - $0 >= Self.calmAfter } ?? true }

  private func isNewMinute(at now: Duration) -> Bool { now - minute.start >= .seconds(60) }

  private mutating func startMinute(at now: Duration) {
    if isNewMinute(at: now) { minute = Minute(start: now) }
    if learned != nil, isCalm(at: now) { learned = nil }
  }
}
