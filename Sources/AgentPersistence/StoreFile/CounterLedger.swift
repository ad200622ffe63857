/// The counters as a batch sees them while it runs: those of the last commit, and what its closures have added so far.
///
/// Not Sendable: it lives on the writer's thread, for the time of the batch. A class, so that no closure copies the
/// counters of all agents and owners.
package final class CounterLedger {
  private let committed: [CounterKey: Int64]
  /// Of all closures that returned.
  private(set) var changes: [CounterKey: Int64] = [:]

  package init(_ committed: [CounterKey: Int64]) { self.committed = committed }

  subscript(key: CounterKey) -> Int64 { (committed[key] ?? 0) + (changes[key] ?? 0) }

  func add(_ more: [CounterKey: Int64]) {
    for (key, change) in more { changes[key, default: 0] += change }
  }
}
