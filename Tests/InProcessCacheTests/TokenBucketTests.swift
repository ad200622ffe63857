import InProcessCache
import Testing

@Suite struct TokenBucketTests {
  @Test("a full bucket gives its capacity, then says when to come back")
  func capacity() {
    var bucket = TokenBucket(capacity: 3, period: .seconds(60), at: .zero)
    #expect(bucket.take(at: .zero) == .taken(remaining: 2))
    #expect(bucket.take(at: .zero) == .taken(remaining: 1))
    #expect(bucket.take(at: .zero) == .taken(remaining: 0))
    #expect(bucket.take(at: .zero) == .refused(retryAfter: .seconds(20)))
    #expect(bucket.take(at: .seconds(19)) == .refused(retryAfter: .seconds(1)))
    #expect(bucket.take(at: .seconds(20)) == .taken(remaining: 0))
  }

  @Test("a refusal costs nothing, and rest never fills it above its capacity")
  func rest() {
    var bucket = TokenBucket(capacity: 2, period: .seconds(10), at: .zero)
    #expect(bucket.take(3, at: .zero) == .refused(retryAfter: .seconds(5)))
    #expect(bucket.remaining(at: .zero) == 2)
    #expect(bucket.take(2, at: .seconds(1000)) == .taken(remaining: 0))
    #expect(!bucket.isFull(at: .seconds(1009)))
    #expect(bucket.isFull(at: .seconds(1010)))
  }

  @Test("over a long time it gives exactly what was refilled", arguments: [1, 7, 120])
  func rate(capacity: Int) {
    var bucket = TokenBucket(capacity: capacity, period: .seconds(60), at: .zero)
    var taken = 0
    for millisecond in 0..<(600 * 10) {
      if case .taken = bucket.take(at: .milliseconds(millisecond * 100)) { taken += 1 }
    }
    // A full bucket, and what came in 599.9 seconds.
    #expect(taken == capacity + Int(Double(capacity) * 599.9 / 60))
  }
}
