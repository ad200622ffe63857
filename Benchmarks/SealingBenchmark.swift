import AgentCore
import AgentPersistence
import Glibc

/// What sealing costs: whole lives under an empty list, under the manual's list with nothing that it names, and with two
/// members that it names; and the walk and the cipher by themselves.
struct SealingBenchmark {
  private static let groups = [1, 16, 64]
  private static let cycles = 16
  private static let slice: Duration = .milliseconds(400)

  let folder: String

  func tables() async throws -> [Table] {
    let bench = try await BenchmarkStore(folder)
    let lives = try await livesTable(bench)
    let parts = try partsTable(bench)
    try await bench.remove()
    return [lives, parts]
  }

  private static let plain: JSONValue = ["prompt": .string(BenchmarkStore.prompt), "a": ["b": 1, "c": "d"]]
  private static let sensitive: JSONValue = [
    "prompt": .string(BenchmarkStore.prompt), "a": ["password": "correct horse battery"],
    "api_key": "sk-0123456789abcdef0123456789abcdef",
  ]

  private func livesTable(_ bench: BenchmarkStore) async throws -> Table {
    let modes: [(fields: SensitiveFields, input: JSONValue)] = [
      (SensitiveFields([]), Self.sensitive), (.standard, Self.plain), (.standard, Self.sensitive),
    ]
    var rows: [[String]] = []
    for group in Self.groups {
      var rates = modes.map { _ in Sample() }
      var ratios = modes.map { _ in Sample() }
      var costs = modes.map { _ in Sample() }
      for cycle in 0...Self.cycles {
        var (found, cost): ([Double], [Double]) = ([], [])
        for mode in modes {
          bench.sealing.policy.fields = mode.fields
          let before = Self.processorMicroseconds()
          let rate = try await bench.lives(group, for: Self.slice, input: mode.input)
          found.append(rate)
          cost.append((Self.processorMicroseconds() - before) / (rate * Self.slice.microseconds / 1e6))
        }
        // The first warms up.
        guard cycle > 0 else { continue }
        for index in modes.indices {
          rates[index].add(found[index])
          ratios[index].add(found[index] / found[0])
          costs[index].add(cost[index] / cost[0])
        }
      }
      rows.append(
        ["\(group)", rates[0].summary]
          + [1, 2].flatMap { [rates[$0].summary, ratios[$0].summary, costs[$0].summary] })
    }
    return Table(
      title: "Lives a second, sealed",
      columns: [
        "group", "empty list", "nothing named", "ratio", "CPU", "two members sealed", "ratio", "CPU",
      ], rows: rows,
      note:
        "\(Self.cycles) turns of \(Self.slice) for each of the three, in turn. CPU: processor time of a life, to that "
        + "under the empty list.")
  }

  private static func processorMicroseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1000
  }

  private func partsTable(_ bench: BenchmarkStore) throws -> Table {
    let place = SealedPlace(table: "journal", row: "1", column: "body", pointer: "/input/api_key")
    let key = JSONValue.string("sk-0123456789abcdef0123456789abcdef").encoded()
    let page = [UInt8](repeating: 0x61, count: 1024)
    let ring = bench.sealing.ring
    let sealed = try ring.seal(key, at: place)
    let parts: [(String, () throws -> Void)] = [
      ("the walk over a body that names nothing", { _ = Self.walk(Self.plain) }),
      ("the walk over a body that names two", { _ = Self.walk(Self.sensitive) }),
      ("seal \(key.count) bytes, the cipher alone", { _ = try ring.seal(key, at: place) }),
      ("seal 1024 bytes, the cipher alone", { _ = try ring.seal(page, at: place) }),
      ("open \(key.count) bytes, the cipher alone", { _ = try ring.open(sealed, at: place) }),
    ]
    return Table(
      title: "The parts of sealing", columns: ["part", "ns"],
      rows: try parts.map { name, body in [name, try Self.nanoseconds(body).summary] },
      note: "Turns of 2,000; the cipher with its nonce, its associated data and the count of the key.")
  }

  private static func walk(_ input: JSONValue) -> JSONValue {
    JournalEventType.taskSubmitted.masked(["input": input, "metadata": nil], .body, .standard)
  }

  private static func nanoseconds(_ body: () throws -> Void) throws -> Sample {
    let count = 2000
    var sample = Sample()
    for turn in 0..<50 {
      let start = ContinuousClock.now
      for _ in 0..<count { try body() }
      if turn > 4 { sample.add((ContinuousClock.now - start).microseconds * 1000 / Double(count)) }
    }
    return sample
  }
}
