import AgentCore
import AgentPersistence

/// From a lone owner's `submit` to its claim: in a store with nothing else, and beside a crowd, a million pending tasks
/// of another owner and as many of an agent that is disabled.
struct ClaimBenchmark {
  static let crowd = 1_000_000
  private static let warmUp = 50
  private static let pairs = 500
  private static let loner: Principal = .uid(2)

  let folder: String

  private struct Times {
    var create = Sample()
    var claim = Sample()
    var both = Sample()
  }

  func tables() async throws -> [Table] {
    let (empty, crowded) = (try await BenchmarkStore("\(folder)-empty"), try await BenchmarkStore("\(folder)-crowded"))
    let pending = try await crowded.submit(by: .uid(1))
    let resting = try await crowded.submit(agent: "writer", by: .uid(1))
    for store in [empty, crowded] { _ = try await store.store.setDisabled(true, agent: "writer", by: .local) }
    try await crowded.multiply([pending], to: Self.crowd)
    try await crowded.multiply([resting], to: Self.crowd)

    var (beside, alone, ratios) = (Times(), Times(), Times())
    for pair in 0..<Self.warmUp + Self.pairs {
      // Who goes first changes, so that neither has the other's wake all the time.
      let order = pair % 2 == 0 ? [empty, crowded] : [crowded, empty]
      var times: [(create: Double, claim: Double)] = []
      for store in order { times.append(try await life(in: store)) }
      if pair % 2 == 1 { times.reverse() }
      guard pair >= Self.warmUp else { continue }
      Self.add(times[0], to: &alone)
      Self.add(times[1], to: &beside)
      ratios.create.add(times[1].create / times[0].create)
      ratios.claim.add(times[1].claim / times[0].claim)
      ratios.both.add((times[1].create + times[1].claim) / (times[0].create + times[0].claim))
    }
    for store in [empty, crowded] { try await store.remove() }
    return [table(alone, beside, ratios)]
  }

  private static func add(_ times: (create: Double, claim: Double), to sum: inout Times) {
    sum.create.add(times.create)
    sum.claim.add(times.claim)
    sum.both.add(times.create + times.claim)
  }

  /// One task of the other owner goes first, untimed: then it is the loner's turn, and only the loner's.
  private func life(in bench: BenchmarkStore) async throws -> (create: Double, claim: Double) {
    let agents = [BenchmarkStore.coder, BenchmarkStore.writer]
    try await bench.submit(by: .uid(1))
    for claimed in try await bench.claim(1, agents: agents) { try await bench.finish(claimed) }
    let start = ContinuousClock.now
    let id = try await bench.submit(by: Self.loner)
    let middle = ContinuousClock.now
    let claimed = try await bench.claim(1, agents: agents)
    let end = ContinuousClock.now
    guard let first = claimed.first, first.task.id == id else {
      throw BenchmarkError("\(claimed.first.map { "\($0.task.id)" } ?? "nothing") was claimed where \(id) was due")
    }
    try await bench.finish(first)
    return ((middle - start).microseconds, (end - middle).microseconds)
  }

  private func table(_ alone: Times, _ beside: Times, _ ratios: Times) -> Table {
    let rows = [("create", \Times.create), ("claim", \Times.claim), ("create to claimed", \Times.both)].map {
      name, times in
      [
        name, alone[keyPath: times].summary, beside[keyPath: times].summary,
        short(alone[keyPath: times].percentile(0.99)), short(beside[keyPath: times].percentile(0.99)),
        ratios[keyPath: times].summary,
      ]
    }
    return Table(
      title: "A lone owner's task",
      columns: ["µs", "alone", "beside 2 × 1,000,000", "alone p99", "beside p99", "ratio"], rows: rows,
      note: "\(Self.pairs) pairs; each claim took the loner's task first, as it should.")
  }
}
