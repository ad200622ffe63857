import AgentTestKit
import InProcessCache
import Testing

@Suite struct TokenBucketTests {
  @Test("it begins full, gives what it holds, and fills evenly up to its capacity")
  func fills() {
    let clock = ManualClock()
    var bucket = TokenBucket(capacity: 2, perMinute: 60, at: clock.uptime())
    #expect(bucket.take(1, at: clock.uptime()) == true)
    #expect(bucket.take(1, at: clock.uptime()) == true)
    #expect(bucket.take(1, at: clock.uptime()) == false)
    clock.advance(by: .milliseconds(999))
    #expect(bucket.take(1, at: clock.uptime()) == false)
    clock.advance(by: .milliseconds(1))
    #expect(bucket.take(1, at: clock.uptime()) == true)
    clock.advance(by: .seconds(600))
    #expect(bucket.whole(at: clock.uptime()) == 2)
  }

  @Test("the wait that it names is enough, and no millisecond more than needed", arguments: [1.0, 3, 7.5])
  func wait(amount: Double) {
    let clock = ManualClock()
    var bucket = TokenBucket(capacity: 10, perMinute: 7, at: clock.uptime())
    #expect(bucket.wait(for: amount, at: clock.uptime()) == .zero)
    #expect(bucket.take(10, at: clock.uptime()) == true)
    let wait = bucket.wait(for: amount, at: clock.uptime())
    clock.advance(by: wait - .milliseconds(2))
    #expect(bucket.take(amount, at: clock.uptime()) == false)
    clock.advance(by: .milliseconds(2))
    #expect(bucket.take(amount, at: clock.uptime()) == true)
  }

  @Test("more than it holds is given once it is full, and is owed then")
  func debt() {
    let clock = ManualClock()
    var bucket = TokenBucket(capacity: 10, perMinute: 60, at: clock.uptime())
    #expect(bucket.take(25, at: clock.uptime()) == true)
    #expect(bucket.wait(for: 1, at: clock.uptime()) > .seconds(15))
    clock.advance(by: .seconds(24))
    #expect(bucket.take(25, at: clock.uptime()) == false)
    clock.advance(by: .seconds(1))
    #expect(bucket.take(25, at: clock.uptime()) == true)
  }

  @Test("what was not used comes back, and what those ahead want comes first")
  func giveBack() {
    let clock = ManualClock()
    var bucket = TokenBucket(capacity: 10, perMinute: 60, at: clock.uptime())
    #expect(bucket.take(10, at: clock.uptime()) == true)
    bucket.give(4, at: clock.uptime())
    #expect(bucket.wait(for: 4, at: clock.uptime()) == .zero)
    #expect(bucket.wait(for: 4, after: 4, at: clock.uptime()) > .seconds(3))
    bucket.give(100, at: clock.uptime())
    #expect(bucket.whole(at: clock.uptime()) == 10)
  }

  @Test(
    "shaping gives out at most its limit in any minute, and not less than nine tenths of it",
    arguments: [
      1, 2, 9, 10, 15, 60, 1000,
    ])
  func shaping(limit: Int) {
    let clock = ManualClock()
    var bucket = TokenBucket.shaping(limit, at: clock.uptime())
    var taken: [Duration] = []
    for _ in 0..<(3 * 60 * 50) {
      while bucket.take(1, at: clock.uptime()) { taken.append(clock.uptime()) }
      clock.advance(by: .milliseconds(20))
    }
    var first = 0
    for (index, moment) in taken.enumerated() {
      while taken[first] <= moment - .seconds(60) { first += 1 }
      #expect(index - first + 1 <= limit, "at \(moment)")
    }
    #expect(Double(taken.count) >= 3 * Double(limit) * 0.88)
  }
}
