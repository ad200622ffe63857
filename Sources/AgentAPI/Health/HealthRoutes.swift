import AgentCore
import AgentRuntime
import HTTPTypes
import Hummingbird

/// The pages that probes ask: open to all, so they tell states and no contents.
struct HealthRoutes: Sendable {
  let board: HealthBoard

  /// 200 `{"status":"ok",…}`, or 503 `degraded` with what is wrong under `problems`.
  func overall(_ call: APICall) async throws -> Response {
    var problems: [String: JSONValue] = [:]
    if let problem = Self.problem(await board.database.reading()) { problems["database"] = .string(problem) }
    for check in board.checks {
      if let problem = check.problem() { problems[check.name] = .string(problem) }
    }
    var members: [String: JSONValue] = [
      "status": problems.isEmpty ? "ok" : "degraded", "version": .string(board.version),
      "uptime_seconds": .integer(board.uptimeSeconds),
    ]
    if !problems.isEmpty { members["problems"] = .object(problems) }
    return Self.answer(members, isWell: problems.isEmpty)
  }

  /// The process answers.
  func alive(_ call: APICall) async throws -> Response { .json(["status": "ok"]) }

  /// The process takes requests.
  func ready(_ call: APICall) async throws -> Response {
    guard let reason = board.unreadiness() else { return .json(["status": "ok"]) }
    return Self.answer(["status": "not_ready", "reason": .string(reason)], isWell: false)
  }

  /// 200 after a real read and a real write of the database less than two seconds ago.
  func database(_ call: APICall) async throws -> Response {
    let reading = await board.database.reading()
    if let reading, case .success(let health) = reading.result {
      return .json([
        "status": "ok", "journal_mode": .string(health.journalMode), "synchronous": JSONValue(health.synchronous),
        "age_ms": .integer((board.clock.uptime() - reading.startedAt).wholeMilliseconds),
        "read_ms": Self.milliseconds(health.readTime), "write_ms": Self.milliseconds(health.writeTime),
      ])
    }
    return Self.answer(
      ["status": "degraded", "problem": .string(Self.problem(reading) ?? "unknown")], isWell: false)
  }

  func cache(_ call: APICall) async throws -> Response {
    guard var members = board.cache() else {
      return Self.answer(["status": "degraded", "problem": "the cache forgot what it was told"], isWell: false)
    }
    members["status"] = "ok"
    return .json(.object(members))
  }

  private static func problem(_ reading: SharedProbe.Reading?) -> String? {
    switch reading?.result {
    case nil: "no read and write came to an end within \(SharedProbe.maximumAge.components.seconds) seconds"
    // The code alone: details name paths.
    case .failure(let error): error.code.rawValue
    case .success: nil
    }
  }

  private static func milliseconds(_ duration: Duration) -> JSONValue {
    let (seconds, attoseconds) = duration.components
    return .double(Double(seconds) * 1000 + Double(attoseconds / 1_000_000_000_000) / 1000)
  }

  private static func answer(_ members: [String: JSONValue], isWell: Bool) -> Response {
    .json(.object(members), status: isWell ? .ok : .serviceUnavailable)
  }
}
