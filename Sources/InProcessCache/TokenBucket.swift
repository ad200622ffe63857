/// A token bucket: `capacity` requests at once, refilled evenly over `period`. A value; whoever shares one guards it.
///
/// It keeps one number, the moment at which the bucket is full again (the generic cell rate algorithm, ITU-T I.371),
/// in whole nanoseconds, so that nothing is lost to rounding however often it is asked.
package struct TokenBucket: Sendable, Hashable {
  package enum Decision: Sendable, Hashable {
    /// Taken; `remaining` whole tokens are left.
    case taken(remaining: Int)
    /// Not taken: there are enough tokens after this time.
    case refused(retryAfter: Duration)
  }

  package let capacity: Int
  package let period: Duration
  /// In the time that `take` is given.
  private var fullAt: Duration

  /// A full bucket. `capacity` at least 1, `period` above zero. `now`: of a clock that only grows
  /// (`WallClock.uptime()`).
  package init(capacity: Int, period: Duration = .seconds(60), at now: Duration) {
    precondition(capacity >= 1 && period > .zero, "a bucket that can never hold a token refuses everybody")
    (self.capacity, self.period, fullAt) = (capacity, period, now)
  }

  /// Takes `count` tokens or none. More than `capacity` are never given.
  package mutating func take(_ count: Int = 1, at now: Duration) -> Decision {
    precondition(count >= 1, "a request costs at least one token")
    let fullAfter = max(fullAt, now) + interval * count
    let excess = fullAfter - now - period
    guard excess <= .zero else { return .refused(retryAfter: excess) }
    fullAt = fullAfter
    return .taken(remaining: remaining(at: now))
  }

  /// Whole tokens in the bucket.
  package func remaining(at now: Duration) -> Int {
    let missing = max(fullAt - now, .zero)
    return Int((period - missing) / interval + Self.roundingMargin)
  }

  /// The bucket holds all it can: forgetting it and making a new one is the same.
  package func isFull(at now: Duration) -> Bool { fullAt <= now }

  /// The division of two durations is a `Double`; this much brings 2.999… back to 3 and no more.
  private static let roundingMargin = 1e-6

  private var interval: Duration { period / capacity }
}
