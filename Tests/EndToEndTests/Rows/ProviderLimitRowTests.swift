import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The fault table's rows about providers that want to be asked less, on the real binary.
@Suite struct ProviderLimitRowTests {
  private static func limiting(_ headers: JSONValue) -> JSONValue {
    ["when": ["turn": 1], "times": 1, "reply": ["status": 429, "error": [:], "headers": headers]]
  }

  private static func between(_ calls: [ProviderDouble.Request]) -> Duration {
    .nanoseconds((calls.last?.nanoseconds ?? 0) - (calls.first?.nanoseconds ?? 0))
  }

  @Test(
    "429 with `Retry-After` in seconds: the next try waits for it", .shows(.providerRetryAfter),
    arguments: WireFormat.allCases)
  func seconds(format: WireFormat) async throws {
    let site = try await ProviderSite(
      format, [Self.limiting(["Retry-After": "2"]), ProviderSite.saysDone], provider: ["retries": 1])
    let task = try await site.run("go")
    #expect(task["status"] == "completed" && task["attempt"] == 1, "\(task.text)")
    let calls = try site.double.calls()
    #expect(calls.count == 2 && Self.between(calls) >= .milliseconds(1990), "\(Self.between(calls))")
  }

  @Test("429 with `Retry-After` as a date: waited for", .shows(.providerRetryAfter), arguments: WireFormat.allCases)
  func date(format: WireFormat) async throws {
    let date = DateFormatter()
    date.locale = Locale(identifier: "en_US_POSIX")
    date.timeZone = TimeZone(identifier: "GMT")
    date.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    let site = try await ProviderSite(
      format,
      [
        Self.limiting(["Retry-After": .string(date.string(from: Date(timeIntervalSinceNow: 9)))]),
        ProviderSite.saysDone,
      ])
    let task = try await site.run("go")
    #expect(task["status"] == "completed", "\(task.text)")
    let calls = try site.double.calls()
    // Whole seconds: up to one is lost, and the start of the service took some.
    #expect(calls.count == 2 && Self.between(calls) >= .milliseconds(1000), "\(Self.between(calls))")
  }

  @Test(
    "429 with a long `Retry-After`: waits without a worker; an absurd one is past any deadline and fails at once",
    .shows(.providerRetryAfter), arguments: WireFormat.allCases)
  func absurd(format: WireFormat) async throws {
    func refusing(_ value: String) -> [JSONValue] {
      [["reply": ["status": 429, "error": [:], "headers": ["Retry-After": .string(value)]]]]
    }
    let site = try await ProviderSite(format, refusing("1800"))
    let patient = try await site.create("patient", ["timeout_seconds": 604_800])
    let waiting = try await site.service.asking("GET", "/api/tasks/\(patient)") { $0.json["status"] == "waiting" }.json
    #expect(waiting["waiting"]?["reason"] == "provider_limit", "\(waiting.text)")
    let until = try Date(#require(waiting["waiting"]?["until"]?.stringValue), strategy: Self.dates)
    #expect(until.timeIntervalSinceNow > 1500 && until.timeIntervalSinceNow <= 1805, "\(waiting.text)")
    // Its deadline is nearer: it fails at once, and the provider, which is closed for all, is not asked again.
    let start = ContinuousClock.now
    let hasty = try await site.run("hasty", ["timeout_seconds": 60])
    #expect(hasty["error"]?["code"] == "rate_limited", "\(hasty.text)")
    #expect(try site.double.calls().count == 1)
    #expect(try await site.service.send("DELETE", "/api/tasks/\(patient)").status == 200)
    let other = try await ProviderSite(format, refusing("99999999999999999999"))
    let task = try await other.run("go", ["timeout_seconds": 604_800])
    #expect(task["error"]?["code"] == "rate_limited", "\(task.text)")
    #expect(try other.double.calls().count == 1)
    #expect(ContinuousClock.now - start < .seconds(30))
  }

  private static let dates = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

  @Test(
    "429 with an unreadable `Retry-After`, or none: `rate_limited`, backoff", .shows(.providerRetryAfter),
    .shows(.providerStorm, "no header"), arguments: WireFormat.allCases, ["soon", "-5", "1.5e3x", nil])
  func unreadable(format: WireFormat, value: String?) async throws {
    let site = try await ProviderSite(
      format, [Self.limiting(value.map { ["Retry-After": .string($0)] } ?? [:]), ProviderSite.saysDone])
    let start = ContinuousClock.now
    let task = try await site.run("go")
    #expect(task["status"] == "completed" && task["attempt"] == 1, "\(task.text)")
    let calls = try site.double.calls()
    #expect(calls.count == 2 && Self.between(calls) >= .milliseconds(450), "\(Self.between(calls))")
    #expect(ContinuousClock.now - start < .seconds(30))
  }

  @Test(
    "a storm: one 429 closes the provider for all, every task is done, and it is hardly asked in vain",
    .shows(.providerStorm, "storm", "storm without header"), arguments: WireFormat.allCases, [false, true])
  func storm(format: WireFormat, isSilent: Bool) async throws {
    let site = try await ProviderSite(
      format, [["reply": ["text": "done", "delay": "20ms"]]], provider: ["retries": 3],
      settings: ["limit": ["requests": 10, "per": "3s", "silent": .bool(isSilent)]])
    let count = isSilent ? 20 : 40
    for id in try await Self.batch(site, Array(repeating: "go", count: count)) {
      let task = try await site.service.ended(id)
      #expect(task["status"] == "completed" && task["attempt"] == 1, "\(task.text)")
    }
    let asked = try site.double.calls().count
    // Judged task by task, each would be refused several times over.
    #expect(asked < count * 5 / 2, "\(asked) calls for \(count) tasks")
  }

  /// Tasks in one commit, each with its prompt; their ids.
  private static func batch(_ site: ProviderSite, _ prompts: [String]) async throws -> [String] {
    let tasks: [JSONValue] = prompts.map { ["agent": "worker", "input": .string($0)] }
    let answer = try await site.service.send("POST", "/api/tasks:batch", ["tasks": .array(tasks)])
    let ids = (answer.json["data"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
    #expect(ids.count == prompts.count, "\(answer.text)")
    return ids
  }

  @Test("`max_concurrent` holds", .shows(.providerStorm), arguments: WireFormat.allCases)
  func concurrency(format: WireFormat) async throws {
    let site = try await ProviderSite(
      format, [["reply": ["text": "done", "delay": "50ms"]]], provider: ["max_concurrent": 2])
    for id in try await Self.batch(site, Array(repeating: "go", count: 20)) {
      let ended = try await site.service.ended(id)
      #expect(ended["status"] == "completed", "\(ended.text)")
    }
    #expect(try site.double.mostAtOnce() == 2)
    #expect(try site.double.calls().count == 20)
  }

  @Test("who comes first is served first", .shows(.providerStorm, "in order"), arguments: WireFormat.allCases)
  func order(format: WireFormat) async throws {
    let site = try await ProviderSite(
      format, [["reply": ["text": "done"], "fault": ["hold": ["after": 0, "until": "open"]]]],
      provider: ["max_concurrent": 1])
    let prompts = (0..<12).map { "no. \($0)." }
    var ids: [String] = []
    for (number, prompt) in prompts.enumerated() {
      ids.append(try await site.create(prompt))
      // The next one comes when this one has its place: in flight, or in the line.
      let rows = try await site.service.asking("GET", "/api/providers") { answer in
        let concurrency = answer.json["data"]?.arrayValue?.first?["concurrency"]
        return concurrency?["in_use"] == 1 && concurrency?["waiting"] == JSONValue(number)
      }
      #expect(rows.json["data"]?.arrayValue?.first?["concurrency"]?["waiting"] == JSONValue(number), "\(rows.text)")
    }
    try Data().write(to: URL(fileURLWithPath: site.folder.appending("open")))
    for id in ids {
      let task = try await site.service.ended(id)
      #expect(task["status"] == "completed", "\(task.text)")
    }
    #expect(try site.double.calls().compactMap { $0.line["prompt"]?.stringValue } == prompts)
    #expect(try site.double.mostAtOnce() == 1)
  }

  @Test(
    "no place within five seconds: the task waits `provider_limit`, and its worker does other work meanwhile",
    .shows(.providerStorm, "no place"), arguments: WireFormat.allCases)
  func noPlace(format: WireFormat) async throws {
    let folder = try TemporaryFolder("place")
    let double = try await ProviderDouble(
      [
        ProviderSite.rule("first", ["text": "done"], fault: ["hold": ["after": 0, "until": "open"]]),
        ProviderSite.saysDone,
      ],
      settings: ["keys": ["right": "sk-right", "second": "sk-second"]], in: folder)
    // Another key is another account, with places of its own.
    var files = ProviderSite.files([
      "main": format.entry(double.address, ["max_concurrent": 1]),
      "other": format.entry(double.address, ["api_key": "sk-second"]),
    ])
    files["agents.yaml"] =
      "agents:\n  worker: {instructions: x, tools: []}\n"
      + "  free: {instructions: x, tools: [], provider: other}\n"
    files["server.yaml"] = "workers: 2\n"
    let service = try await ServiceProcess.serve(in: folder, files: files)
    let first = try await service.create(["agent": "worker", "input": "first"])
    try await service.running(first)
    let start = ContinuousClock.now
    let second = try await service.create(["agent": "worker", "input": "second"])
    let waiting = try await service.asking("GET", "/api/tasks/\(second)") { $0.json["status"] == "waiting" }.json
    #expect(waiting["waiting"]?["reason"] == "provider_limit", "\(waiting.text)")
    #expect(ContinuousClock.now - start > .milliseconds(4900))
    // Both workers would be taken if the wait held one.
    let third = try await service.ended(try await service.create(["agent": "free", "input": "third"]))
    #expect(third["status"] == "completed", "\(third.text)")
    #expect(try double.statuses() == [200])
    #expect(try double.calls().map(\.key) == ["right", "second"])
    try Data().write(to: URL(fileURLWithPath: folder.appending("open")))
    for id in [first, second] {
      let task = try await service.ended(id)
      #expect(task["status"] == "completed" && task["attempt"] == 1, "\(task.text)")
      #expect(try await service.steps(id).map { $0["attempt"] } == [1])
    }
  }

  @Test(
    "`requests_per_minute` and `tokens_per_minute` hold back a rush, so that the provider has nothing to refuse",
    .shows(.providerStorm, "shaped"), arguments: zip(WireFormat.allCases, ["requests", "tokens"]))
  func shaped(format: WireFormat, unit: String) async throws {
    // Of tokens a call takes 1,100. Either way 12 at once and 1.8 a second: never 22 in three seconds, which all of
    // them together would be.
    let limit: [String: JSONValue] = unit == "requests" ? ["requests_per_minute": 120] : ["tokens_per_minute": 132_000]
    let site = try await ProviderSite(
      format, [["reply": ["text": "done", "usage": ["input": 1000, "output": 100]]]], provider: limit,
      agent: ["tools": [], "max_output_tokens": 100], settings: ["limit": ["requests": 22, "per": "3s"]])
    for id in try await Self.batch(site, Array(repeating: "go", count: 28)) {
      let task = try await site.service.ended(id)
      #expect(task["status"] == "completed" && task["attempt"] == 1, "\(task.text)")
    }
    #expect(try site.double.statuses() == Array(repeating: 200, count: 28))
  }
}
