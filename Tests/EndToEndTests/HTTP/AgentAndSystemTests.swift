import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Agents, health, caches, cleanup and steps in doubt over HTTP.
@Suite struct AgentAndSystemTests {
  @Test("disable and enable are durable over kill -9; a disabled agent's pending tasks stay, restart does not enable")
  func disabled() async throws {
    let folder = try TemporaryFolder()
    let files = ServiceProcess.scripted([
      ["when": ["prompt": "forever"], "reply": ["delay": "600s", "text": "never"]], ServiceProcess.saysDone,
    ])
    let first = try await ServiceProcess.serve(in: folder, files: files)
    let busy = try await first.create(["agent": "coder", "input": "forever"])
    try await first.running(busy)
    #expect(try await first.send("POST", "/api/agents/coder/disable").json["status"] == "disabled")
    let pending = try await first.create(["agent": "coder", "input": "short"])
    // Running work goes on.
    #expect(try await first.task(busy)["status"] == "running")
    await first.killed()

    let second = try await ServiceProcess.serve(in: folder)
    #expect(try await second.send("GET", "/api/agents/coder").json["status"] == "disabled")
    #expect(try await second.send("POST", "/api/agents/coder/restart").json["status"] == "disabled")
    let other = try await second.create(["agent": "writer", "input": "short"])
    #expect(try await second.ended(other)["status"] == "completed")
    #expect(try await second.task(pending)["status"] == "pending")
    #expect(try await second.task(busy)["status"] == "pending")
    #expect(try await second.task(busy)["attempt"] == 1)
    let status = try await second.send("GET", "/api/agents/status").json
    #expect(status["status"] == "running")
    let coder = status["agents"]?.arrayValue?.first { $0["name"] == "coder" }
    #expect(
      coder?["status"] == "disabled" && coder?["queued_tasks"] == 2 && coder?["active_tasks"] == 0, "\(status.text)")
    _ = try await second.send("DELETE", "/api/tasks/\(busy)")
    #expect(try await second.send("POST", "/api/agents/coder/enable").json["status"] == "running")
    #expect(try await second.ended(pending)["status"] == "completed")
    await second.killed()
    let third = try await ServiceProcess.serve(in: folder)
    // Listeners may be a moment ahead of the engine.
    let enabled = try await third.asking("GET", "/api/agents/coder") { $0.json["status"] == "running" }
    #expect(enabled.json["status"] == "running", "\(enabled.text)")
  }

  @Test("with every agent disabled the word `running` stands nowhere in the status")
  func noneRunning() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    #expect(try await service.send("GET", "/api/agents/status").text.contains("running"))
    for name in ["coder", "writer", "researcher"] {
      #expect(try await service.send("POST", "/api/agents/\(name)/disable").status == 200)
    }
    #expect(try await service.send("GET", "/api/agents/status").text.contains("running") == false)
  }

  @Test("restart puts the agent's work back at a step boundary, and it is done after all")
  func restart() async throws {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(),
      files: ServiceProcess.scripted([
        [
          "when": ["turn": 1],
          "reply": ["tool_calls": [["name": "file.write", "arguments": ["path": "a.txt", "text": "a"]]]],
        ],
        ["when": ["turn": 2], "times": 1, "reply": ["delay": "600s", "text": "never"]], ServiceProcess.saysDone,
      ]))
    let id = try await service.create(["agent": "coder", "input": "x"])
    try await service.reached(id, step: 3, status: "started")
    let answer = try await service.send("POST", "/api/agents/coder/restart")
    #expect(answer.status == 200 && answer.json["name"] == "coder", "\(answer.text)")
    let task = try await service.ended(id)
    #expect(task["status"] == "completed" && task["attempt"] == 1, "\(task.text)")
    var events = try await service.events("/api/tasks/\(id)/events")
    #expect(try await events.rest().filter { $0.name == "task.requeued" }.count == 1)
    #expect(try await service.steps(id).filter { $0["name"] == "file.write" }.count == 1)
    for verb in ["restart", "disable", "enable"] {
      try await service.refused(404, "not_found", "POST", "/api/agents/nobody/\(verb)")
    }
  }

  @Test("the health pages tell what they measured")
  func health() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    let health = try await service.send("GET", "/health").json
    #expect(health["status"] == "ok" && health["version"]?.stringValue?.isEmpty == false)
    #expect((health["uptime_seconds"]?.integerValue ?? -1) >= 0)
    let database = try await service.send("GET", "/health/db").json
    #expect(database["journal_mode"] == "wal" && database["synchronous"] != nil && database["age_ms"] != nil)
    for path in ["/health/redis", "/health/cache", "/livez", "/readyz"] {
      #expect(try await service.send("GET", path).json["status"] == "ok")
    }
    let allowed = try await service.refused(405, "method_not_allowed", "POST", "/health").head.value(of: "allow")
    #expect(allowed?.contains("GET") == true)
    try await service.refused(404, "not_found", "GET", "/API/tasks")
  }

  @Test("clear-cache drops what was kept and tells how much")
  func clearCache() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    _ = try await service.send("GET", "/api/agents/status")
    let dropped = try await service.send("POST", "/api/system/clear-cache").json["dropped"]?.objectValue ?? [:]
    #expect(dropped.values.compactMap(\.integerValue).reduce(0, +) == 1, "\(dropped)")
    let again = try await service.send("POST", "/api/system/clear-cache").json["dropped"]?.objectValue ?? [:]
    #expect(again.values.compactMap(\.integerValue).reduce(0, +) == 0)
  }

  @Test("cleanup counts with dry_run, deletes finished tasks alone, and refuses bad days")
  func cleanup() async throws {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(), files: ServiceProcess.scripted([ServiceProcess.saysDone]))
    var ids: [String] = []
    for _ in 0..<5 { ids.append(try await service.create(["agent": "coder", "input": "x"])) }
    for id in ids { _ = try await service.ended(id) }
    _ = try await service.send("POST", "/api/agents/writer/disable")
    let pending = try await service.create(["agent": "writer", "input": "x"])
    let dry = try await service.send("POST", "/api/maintenance/cleanup?days=0&dry_run=true").json
    #expect(dry["deleted_tasks"] == 5 && dry["dry_run"] == true, "\(dry.text)")
    #expect(try await service.listed().count == 6)
    #expect(try await service.send("POST", "/api/maintenance/cleanup?days=30").json["deleted_tasks"] == 0)
    #expect(try await service.send("POST", "/api/maintenance/cleanup?days=0").json["deleted_tasks"] == 5)
    #expect(try await service.listed() == [pending])
    for query in ["", "?days=-1", "?days=36501", "?days=x", "?days=1&dry_run=yes", "?days=1&more=1"] {
      try await service.refused(422, "invalid_parameter", "POST", "/api/maintenance/cleanup\(query)")
    }
    // Their numbers are not given again.
    let next = try await service.create(["agent": "coder", "input": "x"])
    #expect(!ids.contains(next) && next != pending)
  }

  @Test(
    "a step in doubt waits for a person: resolve finished, retry and fail", arguments: ["finished", "retry", "fail"])
  func doubt(action: String) async throws {
    // Takes the request and hangs up without a word: nobody knows whether it counted. Answers from the second on.
    let server = try LoopbackServer { connection, index in
      guard connection.readRequest() != nil else { return }
      if index > 0 { connection.write(answer(body: "taken")) }
    }
    defer { server.stop() }
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(),
      files: ServiceProcess.scripted(
        [
          ServiceProcess.calling(
            "go", [("http.request", ["method": "POST", "url": .string(server.url("/pay")), "body": "1"])]),
          ServiceProcess.saysDone,
        ],
        agents: [
          "caller": [
            "instructions": "Do what the script says.", "tools": ["http.request"],
            "allow_hosts": [.string("127.0.0.1:\(server.port)")],
          ]
        ]))
    let id = try await service.create(["agent": "caller", "input": "go"])
    var events = try await service.events("/api/tasks/\(id)/events")
    while let event = try await events.next(), event.name != "task.waiting" {}
    let waiting = try await service.task(id)
    #expect(waiting["status"] == "waiting" && waiting["waiting"]?["reason"] == "step_in_doubt", "\(waiting.text)")
    let step = try #require(waiting["waiting"]?["step"]?.integerValue)
    #expect(try await service.steps(id).last?["status"] == "in_doubt")
    let path = "/api/tasks/\(id)/steps/\(step):resolve"
    try await service.refused(422, "invalid_field", "POST", path, ["action": "maybe"])
    try await service.refused(409, "step_not_in_doubt", "POST", "/api/tasks/\(id)/steps/1:resolve", ["action": "retry"])
    try await service.refused(404, "not_found", "POST", "/api/tasks/\(id)/steps/99:resolve", ["action": "retry"])
    var body: [String: JSONValue] = ["action": .string(action)]
    if action == "finished" { body["output"] = ["text": "paid"] }
    let resolved = try await service.send("POST", path, .object(body))
    #expect(resolved.status == 200, "\(resolved.text)")
    let task = try await service.ended(id)
    #expect(task["status"] == (action == "fail" ? "failed" : "completed"), "\(task.text)")
    #expect(server.requests.count == (action == "retry" ? 2 : 1))
    try await service.refused(409, "step_not_in_doubt", "POST", path, ["action": "retry"])
  }
}
