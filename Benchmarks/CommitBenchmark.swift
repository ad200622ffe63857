import AgentCore
import AgentPersistence

/// How long a caller waits for the commit of one new task, with so many callers at once.
struct CommitBenchmark {
  private static let callers = [1, 16, 64]
  private static let cycles = 16
  private static let slice: Duration = .milliseconds(500)

  let folder: String

  func tables() async throws -> [Table] {
    let bench = try await BenchmarkStore(folder)
    for count in Self.callers { _ = try await latencies(count, in: bench) }
    var latencies = Self.callers.map { _ in Sample() }
    var rates = Self.callers.map { _ in Sample() }
    var ratios = Self.callers.map { _ in Sample() }
    for _ in 0..<Self.cycles {
      var alone: Double?
      for (index, count) in Self.callers.enumerated() {
        let start = ContinuousClock.now
        let found = try await self.latencies(count, in: bench)
        rates[index].add(Double(found.count) / (ContinuousClock.now - start).microseconds * 1e6)
        latencies[index].add(found)
        let median = Sample(found).median
        ratios[index].add(median / (alone ?? median))
        alone = alone ?? median
      }
    }
    try await bench.remove()
    let rows = Self.callers.indices.map { index in
      [
        "\(Self.callers[index])", short(latencies[index].percentile(0.5)), short(latencies[index].percentile(0.99)),
        ratios[index].summary, rates[index].summary,
      ]
    }
    return [
      Table(
        title: "Commit latency", columns: ["callers", "p50 µs", "p99 µs", "p50 to one caller", "writes/s"],
        rows: rows,
        note: "\(Self.cycles) turns of \(Self.slice) each; each write stores one task, on disk when it returns.")
    ]
  }

  private func latencies(_ callers: Int, in bench: BenchmarkStore) async throws -> [Double] {
    let end = ContinuousClock.now + Self.slice
    return try await withThrowingTaskGroup(of: [Double].self) { group in
      for _ in 0..<callers {
        group.addTask {
          var found: [Double] = []
          var start = ContinuousClock.now
          while start < end {
            try await bench.submit()
            let now = ContinuousClock.now
            found.append((now - start).microseconds)
            start = now
          }
          return found
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
  }
}
