import AgentCore
@testable import AgentRuntime
import Testing

@testable import AgentAPI

@Suite struct AgentAndSystemRoutesTests {
  @Test("the word running stands in the status only while tasks are claimed")
  func statusWord() {
    let report = AgentReport(
      definition: AgentDefinition(id: "coder", instructions: "", tools: []), status: .running, activeTasks: 1,
      queuedTasks: 2, lastError: Failure(code: "timeout", detail: "it was running"))
    let running = AgentBody.status([report], isRunning: true)
    #expect(running["status"] == "running")
    #expect(running["agents"]?.arrayValue?.first?["name"] == "coder")
    #expect(running["agents"]?.arrayValue?.first?["queued_tasks"] == 2)
    #expect(!AgentBody.status([report], isRunning: false).text.contains("running"))
  }

  @Test("the status is computed once in 250 ms, and anew after a change")
  func cached() async throws {
    let harness = APIHarness()
    func count() -> Int { harness.store.calls.filter { $0 == "states" }.count }
    _ = try await harness.send(.get, "/api/agents/status")
    _ = try await harness.send(.get, "/api/agents/status")
    #expect(count() == 1)
    harness.clock.advance(by: .milliseconds(250))
    _ = try await harness.send(.get, "/api/agents/status")
    #expect(count() == 2)
    _ = try await harness.send(.post, "/api/agents/coder/disable")
    let before = count()
    _ = try await harness.send(.get, "/api/agents/status")
    #expect(count() == before + 1)
  }

  @Test("an agent is shown, and an unknown one is 404")
  func show() async throws {
    let harness = APIHarness()
    #expect(try await harness.send(.get, "/api/agents/coder").json["concurrency"] == 4)
    #expect(try await harness.send(.get, "/api/agents").json["data"]?.arrayValue?.count == 1)
    for path in ["/api/agents/x/disable", "/api/agents/x/enable", "/api/agents/x/restart"] {
      #expect(try await harness.send(.post, path).code == "not_found")
    }
  }

  @Test("while no task is claimed, an agent is in error on its own page and in the list, as in the status")
  func notAlive() async throws {
    // The harness's engine never runs.
    let harness = APIHarness()
    let status = try await harness.send(.get, "/api/agents/status").json["agents"]?.arrayValue?.first
    let listed = try await harness.send(.get, "/api/agents").json["data"]?.arrayValue?.first
    let shown = try await harness.send(.get, "/api/agents/coder").json
    #expect([status, listed, shown].map { $0?["status"] } == ["error", "error", "error"])
  }

  @Test("of an agent that is gone from the files there is the state alone")
  func gone() {
    var report = AgentReport(
      definition: AgentDefinition(id: "old", instructions: "", tools: []), status: .disabled, activeTasks: 0,
      queuedTasks: 2, lastError: Failure(code: "agent_unknown", detail: ""))
    report.isConfigured = false
    let json = AgentBody.json(report, isEngineAlive: true)
    #expect(
      Set(json.objectValue?.keys.map { $0 } ?? []) == ["name", "status", "active_tasks", "queued_tasks", "last_error"])
    #expect(json["status"] == "disabled" && json["last_error"]?["code"] == "agent_unknown")
  }

  @Test("clearing the caches tells what went")
  func clearCache() async throws {
    let harness = APIHarness()
    _ = try await harness.send(.get, "/api/agents/status")
    #expect(try await harness.send(.post, "/api/system/clear-cache").json == ["dropped": ["answers": 1]])
    #expect(try await harness.send(.post, "/api/system/clear-cache").json == ["dropped": ["answers": 0]])
  }

  @Test("cleanup needs its days", arguments: ["", "?days=", "?days=-1", "?days=36501", "?days=1&dry_run=yes"])
  func badCleanup(query: String) async throws {
    let harness = APIHarness()
    #expect(try await harness.send(.post, "/api/maintenance/cleanup\(query)").status == 422)
    #expect(harness.store.calls.isEmpty)
  }

  @Test("a dry run counts, the other deletes")
  func cleanup() async throws {
    let harness = APIHarness()
    let dry = try await harness.send(.post, "/api/maintenance/cleanup?days=30&dry_run=true")
    #expect(dry.json == ["deleted_tasks": 3, "days": 30, "dry_run": true])
    #expect(!harness.store.calls.contains { $0.hasPrefix("delete") })
    let real = try await harness.send(.post, "/api/maintenance/cleanup?days=30")
    #expect(real.json["deleted_tasks"] == 2)
  }
}
