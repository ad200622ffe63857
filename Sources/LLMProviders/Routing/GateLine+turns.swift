import AgentCore

/// Whose turn it is, and how long the others have to wait.
extension GateLine {
  static let mostSpare = 64
  /// Tickets looked at in one go: invitations stand at the front.
  private static let front = 256
  /// For each refusal but the first so many who came after a task may go before it in a trial.
  private static let mercy = 64
  /// A step has four tries by default: at three refusals one is left.
  private static let lastTry = 3
  /// Who would come back by itself that much later than its turn is called back.
  private static let tooLate: Duration = .seconds(5)

  /// Calls and invites those whose turn has come.
  mutating func settle(at now: Duration) -> Effects {
    expire(at: now)
    if now >= sweptAt + Self.tardiness { sweep(at: now) }
    var effects = Effects(invited: fetched)
    fetched = []
    let places = places(at: now)
    var ahead = 0.0
    let front = places > 0 ? turns(min(min(places, Self.front) + spare, Self.front), at: now) : []
    for (index, entry) in front.enumerated() {
      if let tokens, tokens.wait(for: entry.weight, after: ahead, at: now) > .zero { break }
      ahead += entry.weight
      switch entry.value.stand {
      case .inPlace: if index < places { effects.called.append(entry.value.task) }
      case .parked: invite(entry, into: &effects, at: now)
      case .invited: break
      }
    }
    recall(into: &effects, at: now)
    return effects
  }

  private mutating func invite(
    _ entry: RankedLine<Int, Ticket>.Entry, into effects: inout Effects, at now: Duration
  ) {
    setStand(.invited(until: now + Self.invitation), of: entry.key)
    effects.invited.append(entry.value.task)
  }

  /// The first in line was told a time when others stood before it, or when they wanted more than they took; it is called
  /// back where that time has turned out much too long.
  private mutating func recall(into effects: inout Effects, at now: Duration) {
    guard let head = line.first, case .parked(let expected) = head.value.stand, held(head.key, at: now) == nil,
      let pause = outlook(RankedLine.Ahead(), head.weight, at: now).0, expected > now + pause + Self.tooLate
    else { return }
    invite(head, into: &effects, at: now)
  }

  /// The first `most` of those who may go, in their order. A trial is for those who have tries to spare: a task that was
  /// refused more than once lets the next ones find out, but not everybody who ever comes. Whoever has one try left
  /// takes it where it will surely go well, and else waits for a minute to pass.
  private func turns(_ most: Int, at now: Duration) -> ArraySlice<RankedLine<Int, Ticket>.Entry> {
    let (isTrial, isSurest) = (brake.isTrial(at: now), brake.untilSurest(at: now) == .zero)
    guard isTrial || !isSurest else { return line.prefix(most)[...] }
    func place(_ entry: RankedLine<Int, Ticket>.Entry) -> Int {
      isTrial ? entry.key + Self.mercy * max(0, entry.value.refusals - 1) : entry.key
    }
    let front = line.prefix(Self.front).filter { isSurest || $0.value.refusals < Self.lastTry }
    return front.sorted { (place($0), $0.key) < (place($1), $1.key) }.prefix(most)
  }

  /// Who goes before that ticket; nil: it cannot go now, whoever does.
  func ahead(of number: Int, at now: Duration) -> RankedLine<Int, Ticket>.Ahead? {
    guard brake.isTrial(at: now) || brake.untilSurest(at: now) > .zero else { return line.ahead(of: number) }
    var ahead = RankedLine<Int, Ticket>.Ahead()
    for entry in turns(Self.front, at: now) {
      if entry.key == number { return ahead }
      ahead.count += 1
      ahead.weight += entry.weight
    }
    return nil
  }

  /// How long a ticket is held back though its turn has come.
  func held(_ number: Int, at now: Duration) -> Duration? {
    guard let ticket = line[number]?.value, ticket.refusals >= Self.lastTry else { return nil }
    let pause = brake.untilSurest(at: now)
    return pause > .zero ? pause : nil
  }

  func mayGo(
    _ ahead: RankedLine<Int, Ticket>.Ahead, _ wanted: Double, at now: Duration
  ) -> Bool {
    ahead.count < places(at: now) && tokenWait(ahead, wanted, at: now) == .zero
  }

  private func places(at now: Duration) -> Int {
    let free = limits.maxConcurrent.map { max(0, $0 - grants.count) } ?? .max
    return min(free, brake.places(at: now), requests?.whole(at: now) ?? .max)
  }

  /// Tokens are given in the line's order too: what those ahead want comes first.
  private func tokenWait(
    _ ahead: RankedLine<Int, Ticket>.Ahead, _ wanted: Double, at now: Duration
  ) -> Duration {
    tokens?.wait(for: wanted, after: ahead.weight, at: now) ?? .zero
  }

  /// How long a ticket has to wait, as far as anybody can tell, and the words for it. What the provider makes everybody
  /// wait stands in the error; the rest is a guess.
  func outlook(
    _ ahead: RankedLine<Int, Ticket>.Ahead, _ wanted: Double, at now: Duration
  ) -> (Duration?, ProviderError) {
    if let patience = brake.patience(at: now) {
      let openings = brake.callsAnOpening.map { ahead.count / max(1, $0) } ?? 0
      let turns = min(patience + .seconds(30 * openings), GateBrake.longestClosing)
      let seconds = patience.components.seconds
      let words = "the provider takes no calls for another \(seconds) s: it answered 429"
      return (max(patience, turns), ProviderError(.rateLimited, words, retryAfter: patience))
    }
    let shaped = max(
      requests?.wait(for: 1, after: Double(ahead.count), at: now) ?? .zero, tokenWait(ahead, wanted, at: now))
    if shaped > .zero {
      return (
        min(shaped, GateBrake.longestClosing),
        ProviderError(.rateLimited, "`requests_per_minute` or `tokens_per_minute` is reached")
      )
    }
    let words =
      limits.maxConcurrent.map { "all \($0) places of the provider are taken" }
      ?? "the provider is given few calls at a time, for it refused some"
    return (nil, ProviderError(.rateLimited, words))
  }

  static let askedElsewhere = ProviderError(
    .rateLimited, "the provider's settings have changed: the task asks again")
}
