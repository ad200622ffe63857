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
    .shows(.providerStorm), arguments: WireFormat.allCases, ["soon", "-5", "1.5e3x", nil])
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
    .shows(.providerStorm), arguments: WireFormat.allCases)
  func storm(format: WireFormat) async throws {
    let site = try await ProviderSite(
      format, [["reply": ["text": "done", "delay": "20ms"]]], provider: ["retries": 3],
      settings: ["limit": ["requests": 10, "per": "3s"]])
    let batch: [JSONValue] = (0..<40).map { _ in ["agent": "worker", "input": "go"] }
    let answer = try await site.service.send("POST", "/api/tasks:batch", ["tasks": .array(batch)])
    let ids = (answer.json["data"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
    #expect(ids.count == 40, "\(answer.text)")
    for id in ids {
      let task = try await site.service.ended(id)
      #expect(task["status"] == "completed" && task["attempt"] == 1, "\(task.text)")
    }
    let asked = try site.double.calls().count
    // 40 that are answered; judged task by task, each would be refused several times over.
    #expect(asked < 100, "\(asked) calls for 40 tasks")
  }

  @Test(
    "`max_concurrent` holds, and who comes first is served first", .shows(.providerStorm),
    arguments: WireFormat.allCases)
  func concurrency(format: WireFormat) async throws {
    let site = try await ProviderSite(
      format, [["reply": ["text": "done", "delay": "50ms"]]], provider: ["max_concurrent": 2])
    let batch: [JSONValue] = (0..<20).map { _ in ["agent": "worker", "input": "go"] }
    let answer = try await site.service.send("POST", "/api/tasks:batch", ["tasks": .array(batch)])
    for task in answer.json["data"]?.arrayValue ?? [] {
      let ended = try await site.service.ended(task["id"]?.stringValue ?? "")
      #expect(ended["status"] == "completed", "\(ended.text)")
    }
    #expect(try site.double.mostAtOnce() == 2)
    #expect(try site.double.calls().count == 20)
  }
}
