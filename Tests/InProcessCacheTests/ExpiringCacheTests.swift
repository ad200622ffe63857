import AgentTestKit
import InProcessCache
import Testing

@Suite struct ExpiringCacheTests {
  private let clock = ManualClock()

  @Test("an entry holds for its lifetime and not a moment longer")
  func lifetime() {
    let cache = ExpiringCache<String, Int>(capacity: 4, lifetime: .milliseconds(250), clock: clock)
    cache.store(1, for: "a")
    clock.advance(by: .milliseconds(249))
    #expect(cache.value(for: "a") == 1)
    clock.advance(by: .milliseconds(1))
    #expect(cache.value(for: "a") == nil)
    #expect(cache.counts.entries == 0)
    #expect(cache.counts.hits == 1)
    #expect(cache.counts.misses == 1)
  }

  @Test("a full cache forgets its oldest entry")
  func bound() {
    let cache = ExpiringCache<Int, Int>(capacity: 3, lifetime: .seconds(60), clock: clock)
    for number in 0..<5 { cache.store(number, for: number) }
    #expect((0..<5).map { cache.value(for: $0) } == [nil, nil, 2, 3, 4])
    #expect(cache.counts.evictions == 2)
    cache.store(22, for: 2)
    cache.store(5, for: 5)
    #expect(cache.value(for: 2) == 22)
    #expect(cache.value(for: 3) == nil)
  }

  @Test("one key stored a million times stays one entry beside its neighbour")
  func sameKey() {
    let cache = ExpiringCache<String, Int>(capacity: 2, lifetime: .seconds(60), clock: clock)
    cache.store(0, for: "neighbour")
    for number in 0..<100_000 { cache.store(number, for: "key") }
    #expect(cache.value(for: "neighbour") == 0)
    #expect(cache.value(for: "key") == 99_999)
    #expect(cache.counts.entries == 2)
  }

  @Test("a random history never holds more than its capacity nor an old value")
  func random() {
    let random = SeededRandom(seed: 42)
    let cache = ExpiringCache<Int, Int>(capacity: 8, lifetime: .seconds(5), clock: clock)
    var latest: [Int: Int] = [:]
    for step in 0..<5000 {
      let key = Int(random.next() % 20)
      switch random.next() % 4 {
      case 0, 1:
        cache.store(step, for: key)
        latest[key] = step
      case 2: if let value = cache.value(for: key) { #expect(value == latest[key], "seed \(random.seed)") }
      default: clock.advance(by: .milliseconds(Int64(random.next() % 800)))
      }
      #expect(cache.counts.entries <= 8)
    }
  }

  @Test("emptying tells how many went, and the probe leaves nothing behind")
  func emptying() {
    let cache = ExpiringCache<String, Int>(capacity: 4, lifetime: .seconds(1), clock: clock)
    cache.store(1, for: "a")
    cache.store(2, for: "b")
    #expect(cache.probe("probe", 9))
    #expect(cache.remove("a"))
    #expect(!cache.remove("a"))
    #expect(cache.removeAll() == 1)
    #expect(cache.removeAll() == 0)
    #expect(cache.value(for: "b") == nil)
  }
}
