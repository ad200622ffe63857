import AgentCore

/// A bucket that fills evenly: what shapes calls to so many a minute. A value: whoever keeps it hands in the time, as
/// uptime of one clock that only grows.
package struct TokenBucket: Sendable, Hashable {
  package let capacity: Double
  package let perMinute: Double
  private var level: Double
  private var filledAt: Duration

  /// What rounding may cost: far below one request, or one token.
  private static let tolerance = 1e-6

  /// Begins full.
  package init(capacity: Double, perMinute: Double, at now: Duration) {
    precondition(capacity > 0 && perMinute > 0, "a bucket that never holds anything")
    (self.capacity, self.perMinute, level, filledAt) = (capacity, perMinute, capacity, now)
  }

  /// Gives out at most `limit` in any minute: a tenth of it at once, and the rest evenly.
  package static func shaping(_ limit: Int, at now: Duration) -> TokenBucket {
    let burst = max(1, limit / 10)
    return TokenBucket(capacity: Double(burst), perMinute: Double(max(1, limit - burst + 1)), at: now)
  }

  /// Takes it when it is there. More than the bucket holds is given once it is full, and is then owed.
  package mutating func take(_ amount: Double, at now: Duration) -> Bool {
    fill(at: now)
    guard level + Self.tolerance >= min(amount, capacity) else { return false }
    level -= amount
    return true
  }

  /// Gives back what was taken and not used; a negative amount is what was used beyond it.
  package mutating func give(_ amount: Double, at now: Duration) {
    fill(at: now)
    level = min(capacity, level + amount)
  }

  /// How long until `take` would give that much, if nobody but those ahead, who want `ahead` in all, takes any; zero
  /// when it would now.
  package func wait(for amount: Double, after ahead: Double = 0, at now: Duration) -> Duration {
    let missing = ahead + min(amount, capacity) - level(at: now)
    guard missing > Self.tolerance else { return .zero }
    // Rounded up to the millisecond: whoever comes back at that moment shall find it.
    return .milliseconds(Int64((missing / perMinute * 60_000).rounded(.up)) + 1)
  }

  /// Whole ones that are there now.
  package func whole(at now: Duration) -> Int { max(0, Int(level(at: now) + Self.tolerance)) }

  private func level(at now: Duration) -> Double {
    min(capacity, level + max(0, (now - filledAt) / .seconds(60)) * perMinute)
  }

  private mutating func fill(at now: Duration) {
    level = level(at: now)
    filledAt = max(filledAt, now)
  }
}
