import AgentCore
import Foundation
import HTTPTransport

/// What the service adds to a provider's own time, and what an open stream costs it: on the release binary, against a
/// scripted provider on loopback whose clock is this machine's.
struct ProviderBenchmark {
  private static let tasks = 300
  private static let turns = 6
  private static let streams = 1000

  let folder: String

  /// Absolute: the provider looks for it from a place of its own.
  private var gate: String { URL(fileURLWithPath: folder + "/let-go").path }

  /// Calls a tool in every turn but the last, after a pause as a real one takes; or is held until let go.
  private var rules: [JSONValue] {
    [
      [
        "when": ["prompt": "held"], "reply": ["text": "one two three four five six"],
        "fault": ["hold": ["after": 4, "until": .string(gate)]],
      ],
      ["when": ["prompt": "loop", "turn": JSONValue(Self.turns)], "reply": ["text": "done", "delay": "5ms"]],
      [
        "when": ["prompt": "loop"],
        "reply": ["calls": [["name": "file.list", "arguments": ["path": "."]]], "delay": "5ms"],
      ],
      ["reply": ["text": ["first", " second"], "delay": "5ms"]],
    ]
  }

  func tables() async throws -> [Table] {
    let service = try await BenchmarkService(folder, rules: rules)
    defer { service.stop() }
    for _ in 0..<20 { try await service.run("loop") }
    let bare = try await bareTime(service)
    let between = try await addedTime(service)
    let first = try await firstEvents(service)
    let memory = try await openStreams(service)
    return [
      Table(
        title: "Time added to a model's own", columns: ["what", "p50 µs", "p90 µs", "p99 µs", "count"],
        rows: [
          Self.row("provider's last byte to its next request", between),
          Self.row("the same of a bare client in this program, which does nothing between", bare),
          Self.row("provider's first byte to the client's first event", first),
        ],
        note:
          "One task at a time. Between two requests lie the end of a model step, a `file.list` step and the begin of "
          + "the next model step, with two commits on disk; the bare client shows what the provider and its clock take. "
          + "What is left is \(short((between.median - bare.median) / 2)) µs a step."),
      memory,
    ]
  }

  private static func row(_ name: String, _ sample: Sample) -> [String] {
    [name, short(sample.median), short(sample.percentile(0.9)), short(sample.percentile(0.99)), "\(sample.count)"]
  }

  /// From the end of one answer to the arrival of the next request of the same task, on the provider's clock.
  private func addedTime(_ service: BenchmarkService) async throws -> Sample {
    let before = try service.calls().count
    for _ in 0..<Self.tasks / Self.turns { try await service.run("loop") }
    let pauses = try pauses(service, since: before) { $0 > 1 }
    guard pauses.count == Self.tasks / Self.turns * (Self.turns - 1) else {
      throw BenchmarkError("\(pauses.count) pauses were measured")
    }
    return pauses
  }

  /// The same pauses when nothing is done in them.
  private func bareTime(_ service: BenchmarkService) async throws -> Sample {
    let before = try service.calls().count
    for _ in 0...Self.tasks { try await service.ask("bare") }
    return try pauses(service, since: before) { _ in true }
  }

  /// From each answer's last byte to the next request, if that is of such a turn of its conversation.
  private func pauses(
    _ service: BenchmarkService, since before: Int, _ isWanted: (Int64) -> Bool
  ) throws -> Sample {
    var found = Sample()
    var end: Int64?
    for line in try service.calls().dropFirst(before) {
      let at = line["at"]?.integerValue ?? 0
      if line["answered"] != nil { end = at }
      if let turn = line["turn"]?.integerValue, isWanted(turn), let last = end { found.add(Double(at - last) / 1000) }
    }
    return found
  }

  /// From the first byte of an answer to the first words in a client's hands.
  private func firstEvents(_ service: BenchmarkService) async throws -> Sample {
    var request = HTTPExchange.Request(
      url: "http://localhost/api/events", timeouts: .init(idle: nil, total: nil), maximumResponseBytes: nil)
    request.unixSocketPath = service.folder + "/api.sock"
    var pieces = try await service.transport.stream(request).body.makeAsyncIterator()
    _ = try await pieces.next()
    var parser = EventStreamParser()
    var arrivals: [Int64] = []
    let before = try service.calls().count
    for _ in 0..<Self.tasks {
      async let run: Void = service.run("words")
      var isFirst = true
      var isOver = false
      while !isOver, let bytes = try await pieces.next() {
        let now = BenchmarkService.nanoseconds()
        for event in try parser.consume(bytes) {
          if event.name == "delta", isFirst {
            arrivals.append(now)
            isFirst = false
          }
          isOver = isOver || event.name == "task.completed"
        }
      }
      try await run
    }
    let began = try service.calls().dropFirst(before).filter { $0["began"] != nil }.compactMap {
      $0["at"]?.integerValue
    }
    guard began.count == Self.tasks, arrivals.count == Self.tasks else {
      throw BenchmarkError("\(began.count) answers began and \(arrivals.count) were seen")
    }
    return Sample(zip(began, arrivals).map { Double($1 - $0) / 1000 })
  }

  /// Memory with that many answers under way, none of them over.
  private func openStreams(_ service: BenchmarkService) async throws -> Table {
    let before = try service.residentBytes()
    let tasks: [JSONValue] = (0..<Self.streams).map { _ in ["agent": "worker", "input": "held"] }
    _ = try await service.send("POST", "/api/tasks:batch", ["tasks": .array(tasks)])
    var open = 0
    for _ in 0..<600 where open < Self.streams {
      try await Task.sleep(for: .milliseconds(100))
      open = try service.calls().filter { $0["prompt"] == "held" }.count
    }
    // The last ones' bytes are under way.
    try await Task.sleep(for: .seconds(1))
    let after = try service.residentBytes()
    guard open == Self.streams else { throw BenchmarkError("only \(open) streams were open") }
    FileManager.default.createFile(atPath: gate, contents: nil)
    var left = Self.streams
    for _ in 0..<600 where left > 0 {
      try await Task.sleep(for: .milliseconds(100))
      let running = try await service.send("GET", "/api/tasks?status=running&status=pending&status=waiting&limit=1")
      left = running["data"]?.arrayValue?.count ?? 0
    }
    guard left == 0 else { throw BenchmarkError("streams that were let go did not end") }
    return Table(
      title: "Memory with \(Self.streams) open streams",
      columns: ["resident MiB before", "with them", "KiB a stream"],
      rows: [
        [
          short(Double(before) / 1_048_576), short(Double(after) / 1_048_576),
          short(Double(after - before) / 1024 / Double(Self.streams)),
        ]
      ], note: "Each is a running task in the middle of its model's answer.")
  }
}
