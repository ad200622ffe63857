import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The fault table's rows about clocks and stopped processes, and what else takes its time, on the real binary.
@Suite(.timeLimit(.minutes(2))) struct TimeRowTests {
  /// Longer than what is waited for in place, so that the task waits without a worker, by a timer in the database.
  private static let retryAfter: Duration = .seconds(6)

  /// The first call with `limited` is told to come again in 6 s, one with `slow` takes 2 s. Each call is written down.
  private static func script() -> [String: String] {
    let limited: JSONValue = ["code": "rate_limited", "status": 429, "retry_after": "6s"]
    var files = ServiceProcess.scripted(
      ["first", "second", "third"].map { word in
        ["when": ["prompt": .string("limited \(word)")], "times": 1, "reply": ["error": limited]]
      } + [["when": ["prompt": "slow"], "reply": ["delay": "2s", "text": "done"]], ServiceProcess.saysDone])
    files["script.yaml", default: ""] += "log: calls.log\n"
    return files
  }

  /// How many model calls each task has made.
  private static func calls(_ service: ServiceProcess) throws -> [String: Int] {
    let text = try String(contentsOfFile: service.configuration + "/calls.log", encoding: .utf8)
    return try text.split(separator: "\n").reduce(into: [:]) { counts, line in
      counts[try JSONValue(parsing: String(line))["task"]?.stringValue ?? "", default: 0] += 1
    }
  }

  private static func waiting(_ service: ServiceProcess, _ prompt: String) async throws -> String {
    let id = try await service.create(["agent": "coder", "input": .string(prompt)])
    let answer = try await service.asking("GET", "/api/tasks/\(id)") { $0.json["status"] == "waiting" }
    #expect(answer.json["status"] == "waiting", "\(answer.text)")
    return id
  }

  private static func logged(_ service: ServiceProcess, _ words: String) async throws {
    _ = try await service.asking("GET", "/livez") { _ in service.standardError.contains(words) }
    #expect(service.standardError.contains(words), "\(service.standardError)")
  }

  /// `at` of every event in the order of `seq`, up to that of `last`'s end.
  private static func times(_ service: ServiceProcess, upTo last: String) async throws -> [Timestamp] {
    var times: [Timestamp] = []
    var (events, sequence) = (try await service.events("/api/events?after=0"), Int64(0))
    while let event = try await events.next() {
      let data = try JSONValue(parsing: event.data)
      let next = try #require(Int64(event.lastEventID))
      #expect(next > sequence)
      sequence = next
      times.append(try #require(data["at"]?.stringValue.flatMap { Timestamp(rfc3339: $0) }))
      if event.name == "task.completed", data["task"]?.stringValue == last { break }
    }
    return times
  }

  @Test(
    "the clock jumps on and back: logged, degraded while behind; timers come once and not early, times never fall",
    .shows(.clockJumps), .enabled(if: ShiftedClock.isPossible, "\(ShiftedClock.whyNot)"),
    arguments: [("minutes", 600), ("years", 10 * 365 * 86_400)])
  func jumps(name: String, seconds: Int) async throws {
    let clock = try await ShiftedClock()
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(), files: Self.script(), environment: clock.environment)
    let first = try await Self.waiting(service, "limited first")
    // Its deadline is ten seconds of service time.
    let slow = try await service.create(["agent": "coder", "input": "slow", "timeout_seconds": 10])
    try await service.running(slow)
    try clock.shift(by: seconds)
    try await Self.logged(service, "clock_jumped")
    #expect(try await service.ended(slow)["status"] == "completed")
    #expect(try await service.ended(first)["status"] == "completed")
    #expect(try await service.send("GET", "/health").status == 200)

    // A timer from before the jump, and one from after it.
    let second = try await Self.waiting(service, "limited second")
    try clock.shift(by: 0)
    try await Self.logged(service, "clock_behind")
    let health = try await service.asking("GET", "/health") { $0.status == 503 }
    #expect(health.json["status"] == "degraded" && health.text.contains("clock_behind"), "\(health.text)")
    let began = ContinuousClock.now
    let third = try await Self.waiting(service, "limited third")
    #expect(try await service.ended(third)["status"] == "completed")
    let took = ContinuousClock.now - began
    #expect(try await service.ended(second)["status"] == "completed")
    #expect(took >= Self.retryAfter && took < .seconds(90), "\(took)")

    #expect(try Self.calls(service) == [first: 2, slow: 1, second: 2, third: 2])
    let times = try await Self.times(service, upTo: third)
    #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
    try clock.shift(by: seconds + 60)
    try await Self.logged(service, "clock_behind: over")
    let well = try await service.asking("GET", "/health") { $0.status == 200 }
    #expect(well.status == 200, "\(well.text)")
  }

  @Test("stopped for 8 s and let go on: each timer comes once, nothing is made up for in a burst", .shows(.stopped))
  func stopped() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder(), files: Self.script())
    var events = try await service.events("/api/events")
    _ = try await events.position()
    let limited = try await Self.waiting(service, "limited first")
    let slow = try await service.create(["agent": "coder", "input": "slow"])
    try await service.running(slow)
    service.signal(SIGSTOP)
    // The time that passes is the fault itself: longer than each timer above.
    _ = try await ShellRun.run("/bin/sleep", ["8"])
    service.signal(SIGCONT)
    #expect(try await service.ended(slow)["status"] == "completed")
    #expect(try await service.ended(limited)["status"] == "completed")
    #expect(try Self.calls(service) == [limited: 2, slow: 1])
    var completed: [String] = []
    while completed.count < 2, let event = try await events.next() {
      if event.name == "task.completed" {
        completed.append(try JSONValue(parsing: event.data)["task"]?.stringValue ?? "")
      }
    }
    #expect(completed.sorted() == [limited, slow].sorted())
    let health = try await service.asking("GET", "/health") { $0.status == 200 }
    #expect(health.status == 200, "\(health.text)")
    // One for a commit that was under way when it was stopped, at most; what a start says of its keys is no burst.
    let warnings = service.standardError.split(separator: "\n").filter {
      $0.contains(" WARNING ") && !$0.contains(" WARNING keys ")
    }
    #expect(warnings.count <= 1, "\(warnings)")
    for id in [limited, slow] {
      let steps = try await service.steps(id)
      #expect(steps.count == 1, "\(steps)")
    }
  }

  @Test(
    "an idempotency key answers with its task for 24 h, and then with a new one",
    .enabled(if: ShiftedClock.isPossible, "\(ShiftedClock.whyNot)"))
  func keyOfADay() async throws {
    let clock = try await ShiftedClock()
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(), files: Self.script(), environment: clock.environment)
    let key = [("Idempotency-Key", "k-1")]
    let task: JSONValue = ["agent": "coder", "input": "x"]
    let first = try await service.create(task, headers: key)
    try clock.shift(by: 86_400 - 60)
    let again = try await service.send("POST", "/api/tasks", task, headers: key)
    #expect(again.json["id"]?.stringValue == first, "\(again.text)")
    try clock.shift(by: 86_400 + 60)
    let next = try await service.create(["agent": "coder", "input": "another"], headers: key)
    #expect(next != first)
    #expect(try await service.listed() == [next, first])
  }

  @Test("a quiet stream of events beats after 15 s, with the number that it stands at")
  func heartbeat() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder(), files: Self.script())
    _ = try await service.ended(service.create(["agent": "coder", "input": "x"]))
    let began = ContinuousClock.now
    var events = try await service.events("/api/events")
    let position = try await events.position()
    #expect(try await events.piece() == "id: \(position)\n\n")
    let took = ContinuousClock.now - began
    #expect(took > .seconds(14) && took < .seconds(45), "\(took)")
    let next = try await service.create(["agent": "coder", "input": "x"])
    let event = try #require(try await events.next())
    #expect(try JSONValue(parsing: event.data)["task"]?.stringValue == next)
  }
}
