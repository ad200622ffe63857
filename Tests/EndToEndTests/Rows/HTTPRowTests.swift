import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The fault table's rows about HTTP and JSON, on the real binary.
@Suite struct HTTPRowTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var headers: [(String, String)]
    /// 200 for `local`.
    var status: Int
    var code: String?

    init(_ name: String, _ headers: [(String, String)], _ status: Int, _ code: String? = nil) {
      (testDescription, self.headers, self.status, self.code) = (name, headers, status, code)
    }
  }

  private static let foreign: [Case] = [
    Case("no sign of a stranger", [], 200),
    Case("localhost by name", [("Host", "localhost:1")], 200),
    Case("the connection's own address", [("Host", "127.0.0.1")], 200),
    Case("foreign name", [("Host", "evil.example")], 421, "host_not_allowed"),
    Case("foreign name that begins like ours", [("Host", "localhost.evil.example")], 421, "host_not_allowed"),
    Case("foreign address", [("Host", "192.0.2.7")], 421, "host_not_allowed"),
    Case("Origin", [("Origin", "http://evil.example")], 401, "unauthenticated"),
    Case("Origin null", [("Origin", "null")], 401, "unauthenticated"),
    Case("Origin of our own name", [("Origin", "http://localhost:8080")], 401, "unauthenticated"),
    Case("X-Forwarded-For", [("X-Forwarded-For", "127.0.0.1")], 401, "unauthenticated"),
    Case("X-Forwarded-Proto", [("X-Forwarded-Proto", "https")], 401, "unauthenticated"),
    Case("Forwarded", [("Forwarded", "for=127.0.0.1")], 401, "unauthenticated"),
    Case("Via", [("Via", "1.1 proxy")], 401, "unauthenticated"),
    Case("X-Real-IP", [("X-Real-IP", "127.0.0.1")], 401, "unauthenticated"),
    Case("a page's request", [("Sec-Fetch-Site", "cross-site")], 401, "unauthenticated"),
    Case("bad credentials are never local", [("Authorization", "Bearer no")], 401, "unauthenticated"),
    Case("a cookie is never local", [("Cookie", "session=x")], 401, "unauthenticated"),
  ]

  @Test("foreign Host, Origin or proxy header without credentials: 421 or 401, never `local`", .shows(.foreignSigns))
  func foreignSigns() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    for row in Self.foreign {
      let answer = try await service.send("GET", "/api/agents/status", headers: row.headers, overTCP: true)
      #expect(answer.status == row.status, "\(row.testDescription): \(answer.status) \(answer.text)")
      #expect(answer.json["code"]?.stringValue == row.code, "\(row.testDescription)")
      if row.status == 401 { #expect(answer.head.value(of: "www-authenticate")?.hasPrefix("Bearer") == true) }
      guard row.status != 200 else { continue }
      for path in ["/health", "/health/db", "/health/redis", "/livez", "/readyz"] {
        let answer = try await service.send("GET", path, headers: row.headers, overTCP: true)
        #expect(answer.status == 200, "exempt \(path) with \(row.testDescription): \(answer.status)")
      }
    }
    for path in ["/", "/nothing", "/api/tasks", "/healthy", "/api/health"] {
      try await service.refused(
        421, "host_not_allowed", "GET", path, headers: [("Host", "evil.example")], overTCP: true)
    }
    // As installed, `local` may read the agents' status and no more.
    try await service.refused(401, "unauthenticated", "GET", "/api/tasks", overTCP: true)
    try await service.refused(401, "unauthenticated", "POST", "/api/agents/coder/restart", overTCP: true)
  }

  @Test("in the sandbox too a foreign sign is refused, whatever loopback may do", .shows(.foreignSigns))
  func foreignSignsInSandbox() async throws {
    let service = try await ServiceProcess.sandbox(in: TemporaryFolder())
    #expect(try await service.send("GET", "/api/tasks", overTCP: true).status == 200)
    for row in Self.foreign where row.status != 200 {
      let answer = try await service.send(
        "POST", "/api/tasks", ["agent": "coder", "input": "no"], headers: row.headers, overTCP: true)
      #expect(answer.status == row.status, "\(row.testDescription): \(answer.status) \(answer.text)")
    }
    let list = try await service.send("GET", "/api/tasks", overTCP: true)
    #expect(list.json["data"] == [])
  }

  @Test("`Last-Event-ID` not a number; too old", .shows(.eventIDs))
  func eventIDs() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    let id = try await service.create(["agent": "coder", "input": "Say hello"])
    _ = try await service.ended(id)
    for bad in ["abc", "-1", "1.5", "0x10", "99999999999999999999", "1 2"] {
      for path in ["/api/events", "/api/tasks/\(id)/events"] {
        try await service.refused(400, "bad_event_id", "GET", path, headers: [("Last-Event-ID", bad)])
      }
      let query = bad.replacing(" ", with: "%20")
      try await service.refused(400, "bad_event_id", "GET", "/api/events?after=\(query)")
    }
    // Nothing was deleted yet: 1 is no gap.
    var before = try await service.events("/api/events", headers: [("Last-Event-ID", "1")])
    #expect(try await before.next()?.name != "gap")
    let purge = try await service.send("DELETE", "/api/tasks/\(id)?purge=true")
    #expect(purge.status == 200, "\(purge.text)")
    for (name, number) in [("deleted", "1"), ("above the head", "999999999")] {
      var events = try await service.events("/api/events", headers: [("Last-Event-ID", number)])
      #expect(try await events.next()?.name == "gap", "\(name)")
    }
    // Live after the gap: the next event comes.
    var live = try await service.events("/api/events", headers: [("Last-Event-ID", "999999999")])
    _ = try await live.next()
    let next = try await service.create(["agent": "coder", "input": "Say hello"])
    let event = try #require(try await live.next())
    #expect(event.name == "task.submitted")
    #expect(try JSONValue(parsing: event.data)["task"]?.stringValue == next)
  }

  @Test("unknown agent; batch > 1,000; one bad in it: nothing is stored", .shows(.batches))
  func batches() async throws {
    let folder = try TemporaryFolder()
    let service = try await ServiceProcess.serve(in: folder)
    let good: JSONValue = ["agent": "coder", "input": "Say hello", "files": [["path": "a.txt", "text": "a"]]]
    try await service.refused(422, "agent_unknown", "POST", "/api/tasks", ["agent": "nobody", "input": "x"])
    try await service.refused(
      413, "batch_too_large", "POST", "/api/tasks:batch",
      ["tasks": .array(Array(repeating: ["agent": "coder", "input": "x"], count: 1001))])
    var answer = try await service.refused(
      422, "agent_unknown", "POST", "/api/tasks:batch", ["tasks": [good, ["agent": "nobody", "input": "x"], good]])
    #expect(answer.text.contains("1"), "the index: \(answer.text)")
    answer = try await service.refused(
      422, "invalid_field", "POST", "/api/tasks:batch",
      ["tasks": [good, good, ["agent": "coder", "input": "x", "priority": 10]]])
    #expect(answer.json["errors"]?.arrayValue?.first?["pointer"]?.stringValue == "/tasks/2/priority", "\(answer.text)")
    answer = try await service.refused(
      422, "path_outside_workspace", "POST", "/api/tasks:batch",
      ["tasks": [good, ["agent": "coder", "input": "x", "files": [["path": "../x", "text": "x"]]]]])
    #expect(answer.text.contains("/tasks/1"), "the index: \(answer.text)")
    #expect(try await service.listed() == [])
    let workspaces = try? FileManager.default.contentsOfDirectory(atPath: service.data + "/workspaces")
    #expect((workspaces ?? []).filter { $0.hasPrefix("task-") } == [])
    let whole = try await service.send(
      "POST", "/api/tasks:batch", ["tasks": .array(Array(repeating: ["agent": "coder", "input": "x"], count: 1000))])
    #expect(whole.status == 201)
    #expect(whole.json["data"]?.arrayValue?.count == 1000)
  }

  @Test("key with other body: 422, no second task", .shows(.otherBody))
  func otherBody() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    let key = [("Idempotency-Key", "k-1")]
    let id = try await service.create(["agent": "coder", "input": "one"], headers: key)
    try await service.refused(
      422, "idempotency_mismatch", "POST", "/api/tasks", ["agent": "coder", "input": "two"], headers: key)
    try await service.refused(
      422, "idempotency_mismatch", "POST", "/api/tasks:batch",
      ["tasks": [["agent": "coder", "input": "one"], ["agent": "coder", "input": "one"]]], headers: key)
    #expect(try await service.listed() == [id])
  }

  @Test("queue full: 429 with `Retry-After`, and room again once a task is gone", .shows(.queueFull))
  func queueFull() async throws {
    var files = ServiceProcess.scripted([ServiceProcess.worksForever])
    files["server.yaml"] = "queue: {max_pending: 2}\n"
    let service = try await ServiceProcess.serve(in: TemporaryFolder(), files: files)
    let task: JSONValue = ["agent": "coder", "input": "x"]
    try await service.refused(429, "queue_full", "POST", "/api/tasks:batch", ["tasks": [task, task, task]])
    #expect(try await service.listed() == [])
    let first = try await service.create(task)
    let key = [("Idempotency-Key", "kept")]
    let second = try await service.create(task, headers: key)
    let answer = try await service.refused(429, "queue_full", "POST", "/api/tasks", task)
    #expect((answer.head.value(of: "retry-after").flatMap { Int($0) } ?? 0) > 0)
    // What exists already needs no room.
    #expect(try await service.create(task, headers: key) == second)
    #expect(try await service.listed() == [second, first])
    _ = try await service.send("DELETE", "/api/tasks/\(first)")
    _ = try await service.ended(first)
    _ = try await service.create(task)
  }

  @Test("cancel, retry in wrong state: 409 `task_finished`, `task_not_retryable`", .shows(.wrongState))
  func wrongState() async throws {
    let rules: [JSONValue] = [
      ["when": ["prompt": "forever"], "reply": ["delay": "600s", "text": "never"]], ServiceProcess.saysDone,
    ]
    let service = try await ServiceProcess.serve(in: TemporaryFolder(), files: ServiceProcess.scripted(rules))
    let done = try await service.create(["agent": "coder", "input": "short"])
    let completed = try await service.ended(done)
    try await service.refused(409, "task_finished", "DELETE", "/api/tasks/\(done)")
    try await service.refused(409, "task_not_retryable", "POST", "/api/tasks/\(done)/retry")
    let busy = try await service.create(["agent": "coder", "input": "forever"])
    try await service.running(busy)
    try await service.refused(409, "task_not_retryable", "POST", "/api/tasks/\(busy)/retry")
    try await service.refused(409, "task_not_finished", "DELETE", "/api/tasks/\(busy)?purge=true")
    #expect(try await service.send("DELETE", "/api/tasks/\(busy)").status == 202)
    #expect(try await service.ended(busy)["status"] == "cancelled")
    try await service.refused(409, "task_finished", "DELETE", "/api/tasks/\(busy)")
    for verb in [("DELETE", ""), ("POST", "/retry"), ("GET", ""), ("GET", "/steps"), ("GET", "/events")] {
      try await service.refused(404, "not_found", verb.0, "/api/tasks/task-999" + verb.1)
    }
    #expect(try await service.task(done) == completed)
  }

  @Test("port taken; open bind without TLS", .shows(.binds))
  func binds() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    let port = try #require(try await service.address().split(separator: ":").last)
    let cases: [(listen: String, file: String?, exit: Int32, code: String)] = [
      ("127.0.0.1:\(port)", nil, 1, "address_in_use"), ("0.0.0.0:0", nil, 78, "plaintext_refused"),
      ("[::]:0", nil, 78, "plaintext_refused"), ("192.0.2.1:8080", nil, 78, "plaintext_refused"),
      ("", "listen: 0.0.0.0:8080\n", 78, "plaintext_refused"),
      ("", "listen: [\"127.0.0.1:0\", \"[::]:1\"]\n", 78, "plaintext_refused"),
    ]
    for row in cases {
      let folder = try TemporaryFolder()
      if let text = row.file { try Data(text.utf8).write(to: URL(fileURLWithPath: folder.appending("server.yaml"))) }
      let other = try ServiceProcess(
        folder: folder, environment: [:],
        arguments: [
          "serve", "--config", folder.path, "--data", folder.appending("data"), "--log-dir", folder.appending("log"),
          "--socket", folder.appending("api.sock"),
        ] + (row.file == nil ? ["--listen", row.listen] : []))
      #expect(await other.exit() == row.exit, "\(row.listen): \(other.standardError)")
      #expect(other.standardError.contains(row.code), "\(row.listen): \(other.standardError)")
      if row.file != nil { #expect(other.standardError.contains("server.yaml:1")) }
      #expect(!other.standardOutput.contains("listening"))
    }
    #expect(try await service.send("GET", "/health", overTCP: true).status == 200)
  }
}
