import AgentCore
import Synchronization

/// A bounded table of answers that hold for a while: what stood in Redis.
///
/// All entries live equally long, so the oldest is also the first to expire: when the table is full, it goes first.
/// Safe to call from any task; no call takes longer than a few lookups, but for an occasional sweep of the order.
package final class ExpiringCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  /// What the cache has seen since it was made.
  package struct Counts: Sendable, Hashable {
    package var entries: Int
    package var capacity: Int
    package var hits: Int64
    package var misses: Int64
    /// Entries that went before their time, because the table was full.
    package var evictions: Int64
  }

  private struct Entry {
    var value: Value
    var expiresAt: Duration
    var stamp: UInt64
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    /// Keys by age; a pair whose stamp is not the entry's is left over from an earlier value.
    var order: [(key: Key, stamp: UInt64)] = []
    /// Where `order` begins: taking from the front must not move the rest.
    var first = 0
    var nextStamp: UInt64 = 0
    var hits: Int64 = 0
    var misses: Int64 = 0
    var evictions: Int64 = 0
  }

  private let capacity: Int
  private let lifetime: Duration
  private let clock: any WallClock
  private let state = Mutex(State())

  /// At most `capacity` entries (1 or more), each for `lifetime` of the clock's uptime.
  package init(capacity: Int, lifetime: Duration, clock: any WallClock) {
    precondition(capacity >= 1, "a cache without room")
    (self.capacity, self.lifetime, self.clock) = (capacity, lifetime, clock)
  }

  /// The value stored under `key` less than `lifetime` ago.
  package func value(for key: Key) -> Value? {
    let now = clock.uptime()
    return state.withLock { state in
      guard let entry = state.entries[key] else {
        state.misses += 1
        return nil
      }
      guard entry.expiresAt > now else {
        state.entries[key] = nil
        state.misses += 1
        return nil
      }
      state.hits += 1
      return entry.value
    }
  }

  /// Stores a value, in the place of an earlier one; its lifetime begins anew.
  package func store(_ value: Value, for key: Key) {
    let now = clock.uptime()
    state.withLock { state in
      state.nextStamp += 1
      state.entries[key] = Entry(value: value, expiresAt: now + lifetime, stamp: state.nextStamp)
      state.order.append((key, state.nextStamp))
      dropOld(&state, now: now)
    }
  }

  /// Forgets one key; whether it was there.
  @discardableResult
  package func remove(_ key: Key) -> Bool {
    state.withLock { $0.entries.removeValue(forKey: key) != nil }
  }

  /// Empties the cache; how many entries went, expired ones that nobody had asked for included.
  @discardableResult
  package func removeAll() -> Int {
    state.withLock { state in
      let count = state.entries.count
      state.entries = [:]
      state.order = []
      state.first = 0
      return count
    }
  }

  package var counts: Counts {
    state.withLock { state in
      Counts(
        entries: state.entries.count, capacity: capacity, hits: state.hits, misses: state.misses,
        evictions: state.evictions)
    }
  }

  private func dropOld(_ state: inout State, now: Duration) {
    while state.first < state.order.count {
      let (key, stamp) = state.order[state.first]
      if let entry = state.entries[key], entry.stamp == stamp {
        let isExpired = entry.expiresAt <= now
        guard isExpired || state.entries.count > capacity else { break }
        state.entries[key] = nil
        if !isExpired { state.evictions += 1 }
      }
      state.first += 1
    }
    // One key stored again and again leaves its old places behind an older neighbour: twice the capacity is enough.
    if state.order.count - state.first > 2 * capacity {
      state.order = state.order[state.first...].filter { state.entries[$0.key]?.stamp == $0.stamp }
      state.first = 0
    } else if state.first > capacity {
      state.order.removeFirst(state.first)
      state.first = 0
    }
  }
}

extension ExpiringCache where Value: Equatable {
  /// Stores, reads back and forgets one entry, as a health check does. `key` must be no caller's.
  package func probe(_ key: Key, _ value: Value) -> Bool {
    store(value, for: key)
    defer { remove(key) }
    return self.value(for: key) == value
  }
}
