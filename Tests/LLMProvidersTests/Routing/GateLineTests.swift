import AgentCore
import Testing

@testable import LLMProviders

@Suite struct GateLineTests {
  private static let (one, two, three) = (TaskID(number: 1), TaskID(number: 2), TaskID(number: 3))
  private static let (four, five) = (TaskID(number: 4), TaskID(number: 5))

  private static func line(
    places: Int? = nil, requests: Int? = nil, tokens: Int? = nil
  ) -> GateLine {
    GateLine(
      limits: GateLimits(maxConcurrent: places, requestsPerMinute: requests, tokensPerMinute: tokens), at: .zero)
  }

  /// The grant's number; an issue where there is none.
  private static func granted(_ answer: GateLine.Answer) throws -> Int {
    guard case .granted(let id) = answer else {
      Issue.record("not granted: \(answer)")
      throw CancellationError()
    }
    return id
  }

  private static func pause(_ answer: GateLine.Answer) throws -> Duration {
    guard case .later(let pause, _) = answer else {
      Issue.record("not sent away: \(answer)")
      throw CancellationError()
    }
    return pause
  }

  private static func isWaiting(_ answer: GateLine.Answer) -> Bool {
    if case .wait = answer { true } else { false }
  }

  @Test("one more than there are places waits, and is called when one is given back")
  func places() throws {
    var line = Self.line(places: 2)
    let first = try Self.granted(line.ask(Self.one, of: "a", tokens: 1, until: .seconds(5), at: .zero))
    _ = try Self.granted(line.ask(Self.two, of: "a", tokens: 1, until: .seconds(5), at: .zero))
    #expect(Self.isWaiting(line.ask(Self.three, of: "a", tokens: 1, until: .seconds(5), at: .zero)))
    #expect(line.inUse == 2 && line.waiting == 1)
    #expect(line.settle(at: .zero).called.isEmpty)
    line.release(first, at: .seconds(1))
    #expect(line.settle(at: .seconds(1)).called == [Self.three])
    // A newcomer does not overtake who was called.
    #expect(Self.isWaiting(line.ask(Self.four, of: "a", tokens: 1, until: .seconds(6), at: .seconds(1))))
    _ = try Self.granted(line.ask(Self.three, of: "a", tokens: 1, until: .seconds(5), at: .seconds(1)))
    // Given back twice is given back once.
    line.release(first, at: .seconds(1))
    #expect(line.inUse == 2)
  }

  @Test("who was sent away keeps its ticket: it is invited first, and nobody in place overtakes it meanwhile")
  func parked() throws {
    var line = Self.line(places: 1)
    let first = try Self.granted(line.ask(Self.one, of: "a", tokens: 1, until: .seconds(5), at: .zero))
    #expect(Self.isWaiting(line.ask(Self.two, of: "a", tokens: 1, until: .seconds(5), at: .zero)))
    #expect(try Self.pause(line.ask(Self.two, of: "a", tokens: 1, until: .seconds(5), at: .seconds(5))) >= .seconds(5))
    #expect(Self.isWaiting(line.ask(Self.three, of: "a", tokens: 1, until: .seconds(11), at: .seconds(6))))
    line.release(first, at: .seconds(7))
    let effects = line.settle(at: .seconds(7))
    #expect(effects.invited == [Self.two] && effects.called.isEmpty)
    #expect(Self.isWaiting(line.ask(Self.three, of: "a", tokens: 1, until: .seconds(11), at: .seconds(7))))
    let second = try Self.granted(line.ask(Self.two, of: "a", tokens: 1, until: .seconds(13), at: .seconds(8)))
    line.release(second, at: .seconds(9))
    #expect(line.settle(at: .seconds(9)).called == [Self.three])
  }

  @Test("who is invited and does not come gives way, and has its old turn when it comes after all")
  func lapsed() throws {
    var line = Self.line(places: 1)
    let first = try Self.granted(line.ask(Self.one, of: "a", tokens: 1, until: .zero, at: .zero))
    for task in [Self.two, Self.three, Self.five] {
      _ = try Self.pause(line.ask(task, of: "a", tokens: 1, until: .zero, at: .zero))
    }
    line.release(first, at: .seconds(1))
    #expect(line.settle(at: .seconds(1)).invited == [Self.two])
    // A waiter in place is told to look again when the invitation is over.
    guard case .wait(let until) = line.ask(Self.four, of: "a", tokens: 1, until: .seconds(6), at: .seconds(1)) else {
      Issue.record("not waiting")
      return
    }
    #expect(until == .seconds(3))
    // One did not come: the next is invited with one to spare.
    #expect(line.settle(at: .seconds(3)).invited == [Self.three, Self.five])
    _ = try Self.granted(line.ask(Self.two, of: "a", tokens: 1, until: .seconds(9), at: .seconds(4)))
    #expect(Self.isWaiting(line.ask(Self.three, of: "a", tokens: 1, until: .seconds(9), at: .seconds(4))))
  }

  @Test("a refused task comes back in its old turn once; refused again it lets others try")
  func refused() throws {
    var line = Self.line(places: 1)
    _ = try Self.granted(line.ask(Self.one, of: "a", tokens: 1, until: .zero, at: .zero))
    line.callBegan(Self.one)
    _ = try Self.pause(line.ask(Self.two, of: "a", tokens: 1, until: .zero, at: .zero))
    #expect(line.callRefused(Self.one, asked: .seconds(10), at: .zero, unit: 0) == true)
    line.release(0, at: .zero)
    #expect(try Self.pause(line.ask(Self.one, of: "a", tokens: 1, until: .seconds(5), at: .zero)) == .seconds(10))
    let again = try Self.granted(line.ask(Self.one, of: "a", tokens: 1, until: .seconds(15), at: .seconds(10)))
    line.callBegan(Self.one)
    #expect(line.callRefused(Self.one, asked: .seconds(10), at: .seconds(10), unit: 0) == true)
    line.release(again, at: .seconds(10))
    _ = try Self.pause(line.ask(Self.one, of: "a", tokens: 1, until: .seconds(11), at: .seconds(10)))
    #expect(Self.isWaiting(line.ask(Self.one, of: "a", tokens: 1, until: .seconds(25), at: .seconds(20))))
    _ = try Self.granted(line.ask(Self.two, of: "a", tokens: 1, until: .seconds(25), at: .seconds(20)))
  }

  @Test("a closing of up to five seconds is waited out in place, a longer one elsewhere")
  func closed() throws {
    for (asked, isInPlace) in [(Duration.seconds(4), true), (.seconds(6), false)] {
      var line = Self.line()
      _ = try Self.granted(line.ask(Self.one, of: "a", tokens: 1, until: .seconds(5), at: .zero))
      line.callBegan(Self.one)
      _ = line.callRefused(Self.one, asked: asked, at: .zero, unit: 0)
      let answer = line.ask(Self.two, of: "a", tokens: 1, until: .seconds(5), at: .zero)
      #expect(Self.isWaiting(answer) == isInPlace)
      if !isInPlace {
        #expect(try Self.pause(answer) == asked)
        guard case .later(_, let error) = answer else { continue }
        #expect(error.code == .rateLimited && error.retryAfter == asked && !error.wasSent)
      }
    }
  }

  @Test("requests a minute: the eleventh of ten waits for its moment")
  func requests() throws {
    var line = Self.line(requests: 10)
    _ = try Self.granted(line.ask(Self.one, of: "a", tokens: 1, until: .seconds(5), at: .zero))
    let pause = try Self.pause(line.ask(Self.two, of: "a", tokens: 1, until: .seconds(5), at: .zero))
    #expect(pause > .seconds(5) && pause <= .milliseconds(6002))
    // Nobody is invited before that moment.
    #expect(line.settle(at: .seconds(1)).invited.isEmpty)
    _ = try Self.granted(line.ask(Self.two, of: "a", tokens: 1, until: .seconds(11), at: pause))
    // What was let in and not made is given back.
    #expect(line.inUse == 2)
    line.release(1, at: pause)
    _ = try Self.granted(line.ask(Self.three, of: "a", tokens: 1, until: pause, at: pause))
  }

  @Test("tokens a minute: reserved before, settled with what was used; a big one is not starved by small ones")
  func tokens() throws {
    var line = Self.line(tokens: 1000)
    let first = try Self.granted(line.ask(Self.one, of: "a", tokens: 90, until: .seconds(5), at: .zero))
    line.callBegan(Self.one)
    #expect(Self.isWaiting(line.ask(Self.two, of: "a", tokens: 50, until: .seconds(5), at: .zero)))
    // Three would fit, but two stands before it.
    #expect(Self.isWaiting(line.ask(Self.three, of: "a", tokens: 5, until: .seconds(5), at: .zero)))
    #expect(line.settle(at: .zero).called.isEmpty)
    line.callAnswered(Self.one, tokens: 20, at: .zero)
    line.release(first, at: .zero)
    #expect(line.settle(at: .zero).called == [Self.two, Self.three])
    _ = try Self.granted(line.ask(Self.two, of: "a", tokens: 50, until: .seconds(5), at: .zero))
    _ = try Self.granted(line.ask(Self.three, of: "a", tokens: 5, until: .seconds(5), at: .zero))
  }

  @Test("a task that leaves frees the way for those behind it")
  func leaves() throws {
    var line = Self.line(places: 1)
    let first = try Self.granted(line.ask(Self.one, of: "a", tokens: 1, until: .seconds(5), at: .zero))
    #expect(Self.isWaiting(line.ask(Self.two, of: "a", tokens: 1, until: .seconds(5), at: .zero)))
    #expect(Self.isWaiting(line.ask(Self.three, of: "a", tokens: 1, until: .seconds(5), at: .zero)))
    _ = try Self.pause(line.leave(Self.two, at: .seconds(1)))
    line.release(first, at: .seconds(1))
    #expect(line.settle(at: .seconds(1)).called == [Self.three])
  }

  @Test("new limits hold at once, and what is in flight counts")
  func newLimits() throws {
    var line = Self.line(places: 1)
    _ = try Self.granted(line.ask(Self.one, of: "a", tokens: 1, until: .seconds(5), at: .zero))
    #expect(Self.isWaiting(line.ask(Self.two, of: "a", tokens: 1, until: .seconds(5), at: .zero)))
    line.setLimits(GateLimits(maxConcurrent: 2), at: .zero)
    #expect(line.settle(at: .zero).called == [Self.two])
    _ = try Self.granted(line.ask(Self.two, of: "a", tokens: 1, until: .seconds(5), at: .zero))
    line.setLimits(GateLimits(maxConcurrent: 1), at: .zero)
    #expect(Self.isWaiting(line.ask(Self.three, of: "a", tokens: 1, until: .seconds(5), at: .zero)))
  }
}
