import AgentCore
import Testing

@testable import LLMProviders

/// How long tasks are sent away for, who is fetched earlier, and who leaves the line.
@Suite struct GateLineWaitTests {
  private static func task(_ number: Int) -> TaskID { TaskID(number: Int64(number)) }

  private static func line(places: Int? = nil, requests: Int? = nil, tokens: Int? = nil) -> GateLine {
    GateLine(
      limits: GateLimits(maxConcurrent: places, requestsPerMinute: requests, tokensPerMinute: tokens), at: .zero)
  }

  /// Asks without waiting in place. Nil: granted.
  private static func ask(
    _ line: inout GateLine, _ number: Int, of asker: ProviderID = "a", tokens: Double = 1, at now: Duration = .zero
  ) -> (pause: Duration, error: ProviderError)? {
    guard case .later(let pause, let error) = line.ask(task(number), of: asker, tokens: tokens, until: now, at: now)
    else { return nil }
    return (pause, error)
  }

  /// One call that is refused.
  private static func refuse(_ line: inout GateLine, _ number: Int, asked: Duration?, at now: Duration) throws {
    guard case .granted(let id) = line.ask(task(number), of: "a", tokens: 1, until: now, at: now) else {
      Issue.record("task \(number) was not let in at \(now)")
      throw CancellationError()
    }
    line.callBegan(task(number))
    _ = line.callRefused(task(number), asked: asked, at: now, unit: 0)
    line.release(id, at: now)
  }

  @Test("who was refused before the start is fetched by the first good call, once, and not if it came by itself")
  func returning() throws {
    var line = Self.line()
    line.remember([Self.task(1), Self.task(2)], of: "a", at: .zero)
    #expect(line.settle(at: .seconds(1)).invited == [])
    #expect(Self.ask(&line, 2, at: .seconds(1)) == nil)
    line.callBegan(Self.task(2))
    line.callAnswered(Self.task(2), tokens: 1, at: .seconds(2))
    #expect(line.settle(at: .seconds(2)).invited == [Self.task(1)])
    line.callAnswered(Self.task(2), tokens: 1, at: .seconds(3))
    #expect(line.settle(at: .seconds(3)).invited == [] && line.proved(at: .seconds(3)) == [])
  }

  @Test("of a closed gate's pause only what the provider asked for is told as certain, at every place in the line")
  func closed() throws {
    var line = Self.line()
    try Self.refuse(&line, 1, asked: .seconds(10), at: .zero)
    for number in 2...200 {
      let (pause, error) = try #require(Self.ask(&line, number))
      #expect(error.retryAfter == .seconds(10) && pause >= .seconds(10) && pause <= .seconds(3600))
    }
  }

  @Test(
    "a limit of ours is never told as certain, and no pause is longer than an hour",
    arguments: [(10, nil, nil), (nil, 1000, nil), (nil, nil, 1)] as [(Int?, Int?, Int?)])
  func shaped(requests: Int?, tokens: Int?, places: Int?) throws {
    var line = Self.line(places: places, requests: requests, tokens: tokens)
    #expect(Self.ask(&line, 1, tokens: 100) == nil)
    for number in 2...701 {
      let (pause, error) = try #require(Self.ask(&line, number, tokens: 500))
      #expect(error.retryAfter == nil && error.code == .rateLimited && pause <= .seconds(3600))
    }
  }

  @Test("who was told too long a time, since those ahead wanted more than they took or are gone, is called back")
  func recalled() throws {
    var line = Self.line(tokens: 1000)
    #expect(Self.ask(&line, 1, tokens: 90) == nil)
    for number in 2...4 { #expect(Self.ask(&line, number, tokens: 1000) != nil) }
    #expect(line.settle(at: .seconds(1)).invited.isEmpty)
    #expect(line.forget(Self.task(2)) && line.forget(Self.task(3)))
    #expect(line.settle(at: .seconds(1)).invited == [Self.task(4)])
    // It is told the right time now, and not called again.
    let pause = try #require(Self.ask(&line, 4, tokens: 1000, at: .seconds(1))).pause
    #expect(pause < .seconds(10) && line.settle(at: .seconds(1)).invited.isEmpty)
    #expect(Self.ask(&line, 4, tokens: 1000, at: .seconds(1) + pause) == nil)
  }

  @Test("a task that has ended has no turn any more, whether it stands in line or was refused")
  func forgotten() throws {
    var line = Self.line(places: 1)
    guard case .granted(let first) = line.ask(Self.task(1), of: "a", tokens: 1, until: .zero, at: .zero) else { return }
    for number in 2...4 { #expect(Self.ask(&line, number) != nil) }
    #expect(line.forget(Self.task(2)) && !line.forget(Self.task(2)) && line.waiting == 2)
    line.release(first, at: .seconds(1))
    #expect(line.settle(at: .seconds(1)).invited == [Self.task(3)])
    // Once more from the end: it is another life.
    #expect(Self.ask(&line, 2, at: .seconds(1)) != nil)
    guard case .granted(let third) = line.ask(Self.task(3), of: "a", tokens: 1, until: .seconds(1), at: .seconds(1))
    else { return }
    line.release(third, at: .seconds(1))
    #expect(line.settle(at: .seconds(1)).invited == [Self.task(4)])
    var refused = Self.line()
    try Self.refuse(&refused, 1, asked: .seconds(10), at: .zero)
    #expect(refused.forget(Self.task(1)) && !refused.forget(Self.task(1)))
  }

  @Test("those who came through an entry that is asked no longer are sent away; who comes back has its old turn")
  func sentAway() throws {
    var line = Self.line(places: 1)
    guard case .granted(let first) = line.ask(Self.task(1), of: "a", tokens: 1, until: .zero, at: .zero) else { return }
    #expect(Self.ask(&line, 2) != nil)
    guard case .wait = line.ask(Self.task(3), of: "a", tokens: 1, until: .seconds(5), at: .zero) else { return }
    #expect(Self.ask(&line, 4, of: "b") != nil)
    let effects = line.sendAway(from: "a", at: .zero)
    #expect(effects.invited == [Self.task(2)] && effects.called == [Self.task(3)] && line.waiting == 1)
    // Who waits in place hears of it at its next look.
    let (pause, error) = try #require(Self.ask(&line, 3))
    #expect(pause == .milliseconds(1) && error.retryAfter == nil && line.waiting == 1)
    #expect(Self.ask(&line, 2) != nil)
    line.release(first, at: .seconds(1))
    #expect(line.settle(at: .seconds(1)).invited == [Self.task(2)])
  }

  @Test("a task that waits out its own refusal is sent away too")
  func refusedSentAway() throws {
    var line = Self.line()
    try Self.refuse(&line, 1, asked: .seconds(3000), at: .zero)
    #expect(line.sendAway(from: "b", at: .zero).invited.isEmpty)
    #expect(line.sendAway(from: "a", at: .zero).invited == [Self.task(1)])
  }

  @Test("a task that was refused twice lets others find out where the limit is, unless it is alone")
  func spared() throws {
    var line = Self.line()
    try Self.refuse(&line, 1, asked: nil, at: .zero)
    try Self.refuse(&line, 1, asked: nil, at: .seconds(10))
    var alone = line
    guard case .granted = alone.ask(Self.task(1), of: "a", tokens: 1, until: .seconds(25), at: .seconds(20)) else {
      Issue.record("not let in though alone")
      return
    }
    for number in 1...2 { #expect(Self.ask(&line, number, at: .seconds(10)) != nil) }
    #expect(line.settle(at: .seconds(20)).invited == [Self.task(2)])
    guard case .wait = line.ask(Self.task(1), of: "a", tokens: 1, until: .seconds(25), at: .seconds(20)),
      case .granted(let id) = line.ask(Self.task(2), of: "a", tokens: 1, until: .seconds(25), at: .seconds(20))
    else {
      Issue.record("the wrong one was let in")
      return
    }
    line.callBegan(Self.task(2))
    line.callAnswered(Self.task(2), tokens: 1, at: .seconds(20))
    line.release(id, at: .seconds(20))
    #expect(line.settle(at: .seconds(20)).called == [Self.task(1)])
  }

  @Test("a task with one try left goes first when the provider said when, or waits for a minute to pass")
  func lastTry() throws {
    var line = Self.line()
    for now in 0..<3 { try Self.refuse(&line, 1, asked: .seconds(10), at: .seconds(10 * now)) }
    let opening = Duration.seconds(30)
    var alone = line
    guard case .granted = alone.ask(Self.task(1), of: "a", tokens: 1, until: opening, at: opening) else {
      Issue.record("not let in first")
      return
    }
    guard case .granted(let id) = line.ask(Self.task(2), of: "a", tokens: 1, until: opening, at: opening) else {
      Issue.record("not let in at the opening")
      return
    }
    line.callBegan(Self.task(2))
    line.callAnswered(Self.task(2), tokens: 1, at: opening)
    line.release(id, at: opening)
    #expect(Self.ask(&line, 1, at: opening)?.pause == .seconds(60) && line.settle(at: opening).invited.isEmpty)
    // Another one finds out.
    guard case .granted = line.ask(Self.task(3), of: "a", tokens: 1, until: opening, at: opening) else {
      Issue.record("not let in behind it")
      return
    }
    #expect(Self.ask(&line, 1, at: opening + .seconds(60)) == nil)
  }

  @Test("a lone task before a limit of the minute that says nothing is refused three times at most")
  func lone() throws {
    var (line, now, refusals) = (Self.line(), Duration.zero, 0)
    while now < .seconds(60) {
      if let (pause, _) = Self.ask(&line, 1, at: now) {
        now += pause
      } else {
        line.callBegan(Self.task(1))
        _ = line.callRefused(Self.task(1), asked: nil, at: now, unit: 0)
        line.release(refusals, at: now)
        refusals += 1
      }
    }
    #expect(refusals == 3)
  }

  @Test("five thousand in line are asked, found and let go one by one")
  func many() {
    var line = Self.line(places: 1, tokens: 1_000_000_000)
    #expect(Self.ask(&line, 0) == nil)
    for _ in 0..<2 { for number in 1...5000 { #expect(Self.ask(&line, number) != nil) } }
    #expect(line.waiting == 5000)
    for number in (1...5000).reversed() { _ = line.leave(Self.task(number), at: .seconds(1)) }
    #expect(line.waiting == 0)
  }
}
