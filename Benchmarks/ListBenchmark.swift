import AgentCore
import AgentPersistence

/// The first page of a list, by each filter alone, among 10,000 tasks and among 1,000,000.
struct ListBenchmark {
  private static let sizes = (small: 10_000, large: 1_000_000)
  private static let pairs = 200
  private static let limit = 50

  let folder: String

  private static let filters: [(name: String, query: TaskQuery)] = [
    ("none", TaskQuery(limit: limit)),
    ("status=completed", TaskQuery(statuses: [.completed], limit: limit)),
    ("status=pending,failed", TaskQuery(statuses: [.pending, .failed], limit: limit)),
    ("agent", TaskQuery(agent: "coder", limit: limit)),
    ("owner", TaskQuery(owner: .uid(2), limit: limit)),
    ("label", TaskQuery(label: TaskQuery.Label(name: "team", value: "red"), limit: limit)),
    ("created_before", TaskQuery(createdBefore: Timestamp(milliseconds: .max), limit: limit)),
  ]

  func tables() async throws -> [Table] {
    let small = try await filled("\(folder)-small", Self.sizes.small)
    let large = try await filled("\(folder)-large", Self.sizes.large)
    var times = Self.filters.map { _ in (small: Sample(), large: Sample(), ratio: Sample()) }
    for pair in 0..<Self.pairs {
      for (index, filter) in Self.filters.enumerated() {
        let isSmallFirst = pair % 2 == 0
        let first = try await time(filter.query, in: isSmallFirst ? small : large)
        let second = try await time(filter.query, in: isSmallFirst ? large : small)
        let (inSmall, inLarge) = isSmallFirst ? (first, second) : (second, first)
        // The first pair finds nothing in any cache.
        guard pair > 0 else { continue }
        times[index].small.add(inSmall)
        times[index].large.add(inLarge)
        times[index].ratio.add(inLarge / inSmall)
      }
    }
    for store in [small, large] { try await store.remove() }
    let rows = zip(Self.filters, times).map { filter, times in
      [filter.name, times.small.summary, times.large.summary, short(times.large.percentile(0.99)), times.ratio.summary]
    }
    return [
      Table(
        title: "A page of \(Self.limit) tasks", columns: ["µs", "of 10,000", "of 1,000,000", "p99", "ratio"],
        rows: rows,
        note:
          "\(Self.pairs - 1) pairs. Half of all tasks are completed, a quarter pending; half pass each other filter.")
    ]
  }

  private func time(_ query: TaskQuery, in bench: BenchmarkStore) async throws -> Double {
    let start = ContinuousClock.now
    let page = try await bench.store.tasks(query)
    let time = (ContinuousClock.now - start).microseconds
    guard page.items.count == Self.limit else { throw BenchmarkError("a page has \(page.items.count) tasks") }
    return time
  }

  /// Eight kinds in turn: 4 completed, 2 pending, 1 failed, 1 cancelled; agents, owners and labels mixed among them.
  private func filled(_ path: String, _ count: Int) async throws -> BenchmarkStore {
    let bench = try await BenchmarkStore(path)
    var templates: [TaskID] = []
    for kind in 0..<8 {
      let agent = kind % 2 == 0 ? BenchmarkStore.coder : BenchmarkStore.writer
      let id = try await bench.submit(
        agent: agent.id, by: .uid(kind / 2 % 2 == 0 ? 1 : 2), labels: ["team": kind % 4 < 2 ? "red" : "blue"])
      templates.append(id)
      switch kind {
      case 0..<4: for claimed in try await bench.claim(1, agents: [agent]) { try await bench.finish(claimed) }
      case 4:
        for claimed in try await bench.claim(1, agents: [agent]) {
          _ = try await bench.store.advance(claimed.claim, [.failed(Failure(code: "broken", detail: "it broke"))])
        }
      case 5: _ = try await bench.store.cancel(id, by: .local)
      default: break
      }
    }
    try await bench.multiply(templates, to: count)
    return bench
  }
}
