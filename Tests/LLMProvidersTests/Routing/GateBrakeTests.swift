import Testing

@testable import LLMProviders

@Suite struct GateBrakeTests {
  /// A brake that was closed once at 0 and opens at `opening`.
  private static func closed(asked: Duration? = .seconds(10), good: Int = 0) -> GateBrake {
    var brake = GateBrake()
    for _ in 0..<good {
      brake.began(at: .zero)
      brake.answered(era: brake.era, at: .zero)
      brake.ended(era: brake.era, wasMade: true)
    }
    let isClosed = brake.refused(era: brake.era, asked: asked, at: .zero, unit: 0)
    #expect(isClosed)
    return brake
  }

  @Test(
    "a refusal closes until the longer of what was asked for and the backoff",
    arguments: [
      (nil, 0.5), (.zero, 0.5), (.milliseconds(100), 0.5), (.seconds(2), 2), (.seconds(60), 60), (.seconds(3600), 3600),
    ] as [(Duration?, Double)])
  func closing(asked: Duration?, seconds: Double) {
    let brake = Self.closed(asked: asked)
    let opening = Duration.milliseconds(Int64(seconds * 1000))
    #expect(brake.closed(at: .zero) == opening && brake.patience(at: .zero) == opening)
    #expect(brake.places(at: opening - .milliseconds(1)) == 0)
    #expect(brake.places(at: opening) == 1 && brake.closed(at: opening) == nil)
  }

  @Test("an absurd wish is told to those who ask, but the gate looks again after an hour")
  func absurd() {
    let brake = Self.closed(asked: .seconds(86_400))
    #expect(brake.patience(at: .seconds(10)) == .seconds(86_390))
    #expect(brake.closed(at: .zero) == .seconds(3600))
    #expect(brake.places(at: .seconds(3600)) == 1 && brake.patience(at: .seconds(3600)) == nil)
  }

  @Test("after the opening one call goes, and one more for each that goes well, up to what was learned")
  func slowStart() {
    var brake = Self.closed(good: 6)
    let now = Duration.seconds(10)
    #expect(brake.places(at: now) == 1)
    brake.began(at: now)
    #expect(brake.places(at: now) == 0)
    brake.answered(era: brake.era, at: now)
    brake.ended(era: brake.era, wasMade: true)
    #expect(brake.places(at: now) == 2)
    for _ in 0..<5 {
      brake.began(at: now)
      brake.answered(era: brake.era, at: now)
      brake.ended(era: brake.era, wasMade: true)
    }
    // Six went well last time: the seventh goes alone.
    #expect(brake.places(at: now) == 1)
    brake.began(at: now)
    #expect(brake.places(at: now) == 0)
    brake.ended(era: brake.era, wasMade: true)
    // A minute later as many may go again.
    #expect(brake.places(at: now + .seconds(60)) >= 6)
  }

  @Test("answers to calls from before the closing tell nothing about the opening; what they ask for counts")
  func olderCalls() {
    var brake = GateBrake()
    let era = brake.era
    for _ in 0..<3 { brake.began(at: .zero) }
    #expect(brake.refused(era: era, asked: .seconds(5), at: .zero, unit: 0) == true)
    #expect(brake.refused(era: era, asked: .seconds(9), at: .seconds(1), unit: 0) == false)
    #expect(brake.closed(at: .seconds(1)) == .seconds(9))
    brake.answered(era: era, at: .seconds(2))
    brake.ended(era: era, wasMade: true)
    #expect(brake.places(at: .seconds(10)) == 1)
  }

  @Test("the backoff grows while openings come to nothing, and stays within a minute")
  func backoff() {
    var brake = GateBrake()
    var (now, pauses): (Duration, [Duration]) = (.zero, [])
    for _ in 0..<9 {
      brake.began(at: now)
      #expect(brake.refused(era: brake.era, asked: nil, at: now, unit: 0.999999) == true)
      let pause = brake.closed(at: now) ?? .zero
      pauses.append(pause)
      now += pause
    }
    #expect(pauses.map { Int(($0 / .seconds(1)).rounded()) } == [1, 2, 4, 8, 16, 32, 60, 60, 60])
  }

  @Test("five quiet minutes and everything is forgotten")
  func calm() {
    var brake = Self.closed(good: 2)
    brake.began(at: .seconds(10))
    brake.answered(era: brake.era, at: .seconds(10))
    brake.ended(era: brake.era, wasMade: true)
    for _ in 0..<100 {
      brake.began(at: .seconds(301))
      brake.answered(era: brake.era, at: .seconds(301))
      brake.ended(era: brake.era, wasMade: true)
    }
    #expect(brake.places(at: .seconds(301)) > 1000)
    #expect(brake.refused(era: brake.era, asked: nil, at: .seconds(302), unit: 0) == true)
    #expect(brake.closed(at: .seconds(302)) == .milliseconds(500))
  }

  @Test("a call that was let in and never made counts for nothing")
  func unmade() {
    var brake = Self.closed()
    let now = Duration.seconds(10)
    brake.began(at: now)
    brake.ended(era: brake.era, wasMade: false)
    #expect(brake.places(at: now) == 1)
  }

  @Test("a test that was answered opens it, slowly")
  func proved() {
    var brake = Self.closed(asked: .seconds(7200))
    brake.proved(at: .seconds(3))
    #expect(brake.closed(at: .seconds(3)) == nil && brake.places(at: .seconds(3)) == 1)
  }
}
