import AgentCore
import AgentPersistence

/// Whole lives, three commits each when alone: create, claim, finish (one model call and the end). In groups, whose
/// closures share commits: each member is a caller of its own, the claim is one.
struct LifeBenchmark {
  private static let groups = [1, 16, 64]
  private static let cycles = 16
  private static let slice: Duration = .milliseconds(500)

  let folder: String

  func tables() async throws -> [Table] {
    let bench = try await BenchmarkStore(folder)
    for group in Self.groups { _ = try await bench.lives(group, for: Self.slice) }
    var rates = Self.groups.map { _ in Sample() }
    var ratios = Self.groups.map { _ in Sample() }
    for _ in 0..<Self.cycles {
      var alone: Double?
      for (index, group) in Self.groups.enumerated() {
        let rate = try await bench.lives(group, for: Self.slice)
        rates[index].add(rate)
        ratios[index].add(rate / (alone ?? rate))
        alone = alone ?? rate
      }
    }
    try await bench.remove()
    let rows = Self.groups.indices.map { ["\(Self.groups[$0])", rates[$0].summary, ratios[$0].summary] }
    return [
      Table(
        title: "Lives a second", columns: ["group", "lives/s", "to one alone"], rows: rows,
        note: "\(Self.cycles) turns of \(Self.slice) each; a life is 5 rows of the journal.")
    ]
  }
}

extension BenchmarkStore {
  /// Lives a second, of so many at once.
  func lives(_ group: Int, for slice: Duration, input: JSONValue = BenchmarkStore.input) async throws -> Double {
    var lives = 0
    let start = ContinuousClock.now
    while ContinuousClock.now - start < slice {
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        for _ in 0..<group { tasks.addTask { try await self.submit(input: input) } }
        try await tasks.waitForAll()
      }
      let claimed = try await claim(group)
      guard claimed.count == group else { throw BenchmarkError("\(claimed.count) of \(group) tasks were claimed") }
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        for task in claimed { tasks.addTask { try await self.finish(task) } }
        try await tasks.waitForAll()
      }
      lives += group
    }
    return Double(lives) / (ContinuousClock.now - start).microseconds * 1e6
  }
}
