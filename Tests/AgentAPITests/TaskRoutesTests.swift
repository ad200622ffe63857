import AgentCore
import AgentRuntime
import HTTPTypes
import Testing

@testable import AgentAPI

@Suite struct TaskRoutesTests {
  @Test("a task is created from all of its members")
  func create() async throws {
    let harness = APIHarness()
    let body = """
      {"agent":"coder","input":{"prompt":"x"},"files":[{"path":"a","text":"t"},{"path":"b","base64":"AAE="}],
      "priority":9,"labels":{"team":"blue"},"timeout_seconds":60,"max_attempts":2,
      "limits":{"steps":5,"model_calls":4,"tokens":100,"wall_time":"90s"},"metadata":{"k":1},"folder":null}
      """
    let trace = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
    let answer = try await harness.send(
      .post, "/api/tasks", body, headers: ["Idempotency-Key": "k1", "traceparent": trace])
    #expect(answer.status == 201, "\(answer.json.text)")
    #expect(answer.headers[.location] == "/api/tasks/task-7")
    let (task, key) = harness.store.state.withLock { ($0.submitted.first, $0.keys.first ?? nil) }
    #expect(key?.key == "k1")
    #expect(task?.priority == 9)
    #expect(task?.labels == ["team": "blue"])
    #expect(task?.limits == TaskLimits(steps: 5, modelCalls: 4, tokens: 100, wallTime: .seconds(90)))
    #expect(task?.metadata == ["k": 1])
    #expect(task?.traceparent == trace)
  }

  @Test(
    "a body that breaks a rule names each place",
    arguments: [
      (#"{}"#, ["/agent", "/input"]), (#"[]"#, [""]), (#"{"agent":1,"input":"x"}"#, ["/agent"]),
      (#"{"agent":"coder","input":"x","colour":1,"a/b~c":2}"#, ["/a~1b~0c", "/colour"]),
      (#"{"agent":"coder","input":"x","priority":"9","labels":{"a":1}}"#, ["/priority", "/labels/a"]),
      (#"{"agent":"coder","input":"x","priority":1.5}"#, ["/priority"]),
      (#"{"agent":"coder","input":"x","max_attempts":9223372036854775808}"#, ["/max_attempts"]),
      (
        #"{"agent":"coder","input":"x","files":[{"path":"a"},{"text":"b"},{"path":"c","base64":"?"}]}"#,
        ["/files/0/text", "/files/1/path", "/files/2/base64"]
      ),
      (
        #"{"agent":"coder","input":"x","limits":{"steps":0,"mony":1,"wall_time":"x"}}"#,
        ["/limits/steps", "/limits/wall_time", "/limits/mony"]
      ),
      (#"{"agent":"coder","input":"x","priority":10}"#, ["/priority"]),
    ])
  func refused(body: String, pointers: [String]) async throws {
    let harness = APIHarness()
    let answer = try await harness.send(.post, "/api/tasks", body)
    #expect(answer.status == 422)
    #expect(answer.code == "invalid_field")
    #expect(answer.pointers == pointers)
    #expect(harness.store.state.withLock { $0.submitted }.isEmpty)
  }

  @Test("files that are too large in all name the first that is over, by the member that holds it")
  func filesTooLarge() throws {
    // Half of what is allowed, twice, and one byte more: as values, since reading so much JSON takes seconds.
    let half = String(repeating: "x", count: TaskDraft.Bounds.filesBytes / 2)
    let files: JSONValue = [["path": "a", "text": .string(half)], ["path": "b", "text": .string(half + "y")]]
    let head = HTTPRequest(method: .post, scheme: "http", authority: "localhost", path: "/api/tasks")
    let error = #expect(throws: APIError.self) {
      // Not its value: a failure would write out all of it.
      _ = try TaskDraftReader.draft(["agent": "coder", "input": "x", "files": files], head: head)
    }
    #expect(error?.code == "invalid_field" && error?.fields.map(\.pointer) == ["/files/1/text"])
  }

  @Test(
    "what is no JSON is 400 with its offset",
    arguments: [("", "invalid_json"), ("{\"a\":1,\"a\":2}", "duplicate_member"), ("{} x", "invalid_json")])
  func noJSON(body: String, code: String) async throws {
    let answer = try await APIHarness().send(.post, "/api/tasks", body)
    #expect(answer.status == 400)
    #expect(answer.code == code)
    #expect(answer.json["offset"]?.integerValue != nil)
  }

  @Test(
    "another type, or a compressed body, is 415",
    arguments: [
      ["Content-Type": "text/plain"], ["Content-Type": "application/x-www-form-urlencoded"],
      ["Content-Encoding": "gzip"], ["Content-Type": ""],
    ])
  func otherType(headers: [String: String]) async throws {
    let answer = try await APIHarness().send(.post, "/api/tasks", "{}", headers: headers)
    #expect(answer.status == 415)
  }

  @Test("a body over the limit is 413, declared or not", arguments: [true, false])
  func tooLarge(isDeclared: Bool) async throws {
    let harness = APIHarness()
    let body = isDeclared ? "{}" : String(repeating: " ", count: 2 * 1024 * 1024 + 1)
    let answer = try await harness.send(
      .post, "/api/tasks/7/steps/1:resolve", body, headers: ["Content-Length": isDeclared ? "2097153" : "2"])
    #expect(answer.status == 413)
    #expect(answer.code == "body_too_large")
  }

  @Test("an unknown agent is told apart", arguments: ["/api/tasks", "/api/tasks:batch"])
  func unknownAgent(path: String) async throws {
    let draft = #"{"agent":"nobody","input":"x"}"#
    let answer = try await APIHarness().send(.post, path, path == "/api/tasks" ? draft : #"{"tasks":[\#(draft)]}"#)
    #expect(answer.status == 422)
    #expect(answer.code == "agent_unknown")
    #expect(answer.pointers == [path == "/api/tasks" ? "/agent" : "/tasks/0/agent"])
  }

  @Test("a batch of 1,001 is too large, a bad one in it is named")
  func batch() async throws {
    let harness = APIHarness()
    let one = #"{"agent":"coder","input":"x"}"#
    let many = Array(repeating: one, count: 1001).joined(separator: ",")
    #expect(try await harness.send(.post, "/api/tasks:batch", #"{"tasks":[\#(many)]}"#).code == "batch_too_large")
    let bad = try await harness.send(.post, "/api/tasks:batch", #"{"tasks":[\#(one),{"agent":"coder"}]}"#)
    #expect(bad.pointers == ["/tasks/1/input"])
    #expect(harness.store.state.withLock { $0.submitted }.isEmpty)
    let good = try await harness.send(.post, "/api/tasks:batch", #"{"tasks":[\#(one),\#(one)]}"#)
    #expect(good.status == 201)
    #expect(good.json["data"]?.arrayValue?.count == 1)
    #expect(harness.store.calls.contains("submit 2 by local"))
  }

  @Test(
    "an idempotency key is 1 to 255 visible characters",
    arguments: ["", "a b", "ä", String(repeating: "k", count: 256)])
  func badKey(key: String) async throws {
    let answer = try await APIHarness().send(
      .post, "/api/tasks", #"{"agent":"coder","input":"x"}"#, headers: ["Idempotency-Key": key])
    #expect(answer.code == "invalid_parameter")
  }

  @Test("the list hands all filters on")
  func filters() async throws {
    let harness = APIHarness()
    let answer = try await harness.send(
      .get,
      "/api/tasks?status=pending&status=running&agent=coder&owner=uid:5&label=team:blue:x"
        + "&created_after=2026-01-01T00:00:00Z&created_before=2026-01-02T00:00:00%2B01:00"
        + "&limit=500&cursor=abc&order=asc")
    #expect(answer.status == 200)
    #expect(answer.json["next_cursor"] == "next")
    let expected = TaskQuery(
      statuses: [.pending, .running], agent: "coder", owner: .uid(5),
      label: TaskQuery.Label(name: "team", value: "blue:x"),
      createdAfter: Timestamp(rfc3339: "2026-01-01T00:00:00Z"),
      createdBefore: Timestamp(rfc3339: "2026-01-01T23:00:00Z"), limit: 500, cursor: "abc", isAscending: true)
    #expect(harness.store.state.withLock { $0.queries } == [expected])
  }

  @Test("in a list, long members are given by their size; alone they are whole")
  func longMembers() async throws {
    let harness = APIHarness()
    let long = JSONValue.string(String(repeating: "x", count: 5000))
    harness.store.state.withLock { $0.task.input = long }
    let listed = try await harness.send(.get, "/api/tasks").json["data"]?.arrayValue?.first
    #expect(listed?["input"] == ["omitted_bytes": 5002])
    #expect(try await harness.send(.get, "/api/tasks/task-7").json["input"] == long)
  }

  @Test("a task has exactly the contract's members")
  func members() async throws {
    let answer = try await APIHarness().send(.get, "/api/tasks/7")
    let names = """
      agent attempt cancel_requested_at created_at error finished_at folder id input labels limits max_attempts \
      metadata output owner priority run_after started_at status timeout_seconds usage waiting
      """
    #expect(answer.json.objectValue?.keys.sorted().joined(separator: " ") == names)
    #expect(answer.json["usage"]?["cost_usd"] == .null)
  }

  @Test("money is a decimal number", arguments: [(Int64(120_000), "1.2e-04"), (1_500_000_000, "1.5"), (1, "1e-09")])
  func money(amount: Int64, text: String) {
    #expect(Double(TaskBody.dollars(NanoUSD(amount)).text) == Double(text))
  }

  @Test(
    "cancelling answers 200 when it is over, 202 while it winds down",
    arguments: [(TaskStatus.cancelled, 200), (.running, 202)])
  func cancel(status: TaskStatus, code: Int) async throws {
    let harness = APIHarness()
    harness.store.state.withLock { $0.task.status = status }
    #expect(try await harness.send(.delete, "/api/tasks/task-7").status == code)
  }

  @Test("purging, retrying, settling and resuming reach the store")
  func verbs() async throws {
    let harness = APIHarness()
    for (method, target, body) in [
      (HTTPRequest.Method.delete, "/api/tasks/7?purge=true", nil), (.post, "/api/tasks/7/retry", nil),
      (.post, "/api/tasks/7/retry?from=start", nil), (.post, "/api/tasks/7/retry?from=step-3", ""),
      (.post, "/api/tasks/7/steps/2:resolve", #"{"action":"finished","output":{"x":1}}"#),
      (.post, "/api/tasks/7:resume", "{}"),
    ] as [(HTTPRequest.Method, String, String?)] {
      #expect(try await harness.send(method, target, body).status == 200, "\(target)")
    }
    #expect(
      harness.store.calls.filter { !$0.hasPrefix("task ") } == [
        "purge task-7", "retry task-7 lastStep", "retry task-7 beginning", "retry task-7 step(3)", "resolve task-7 2",
        "resume task-7",
      ])
  }

  @Test(
    "settling a step takes one of three actions",
    arguments: [
      (#"{}"#, ["/action"]), (#"{"action":"later"}"#, ["/action"]), (#"{"action":"retry","output":1}"#, ["/output"]),
      (#"{"action":"fail","why":1}"#, ["/why"]),
    ])
  func badResolution(body: String, pointers: [String]) async throws {
    let answer = try await APIHarness().send(.post, "/api/tasks/7/steps/2:resolve", body)
    #expect(answer.status == 422)
    #expect(answer.pointers == pointers)
  }

  @Test(
    "the store's refusals keep their codes",
    arguments: [(StoreError.Code.taskFinished, 409), (.diskFull, 507), (.queueFull, 429)])
  func refusals(code: StoreError.Code, status: Int) async throws {
    let harness = APIHarness()
    harness.store.state.withLock { $0.refusal = StoreError(code, "no") }
    let answer = try await harness.send(.delete, "/api/tasks/7")
    #expect(answer.status == status)
    #expect(answer.code == code.rawValue)
    #expect((answer.headers[.retryAfter] != nil) == (status != 409))
  }

  @Test("files are listed, read by path and packed")
  func files() async throws {
    let harness = APIHarness()
    #expect(try await harness.send(.get, "/api/tasks/7/files").json["data"] == [["path": "a/b.txt", "size": 5]])
    let file = try await harness.send(.get, "/api/tasks/7/files/a/b.txt")
    #expect(file.bytes == Array("hello".utf8))
    #expect(file.headers[.contentType] == "application/octet-stream")
    #expect(try await harness.send(.get, "/api/tasks/7/files/nope").code == "file_not_found")
    let archive = try await harness.send(.get, "/api/tasks/7/files.tar")
    #expect(archive.bytes.count == 20 * 512)
    #expect(archive.bytes.last == 19)
  }

  @Test("a wait ends when its time is up")
  func wait() async throws {
    let harness = APIHarness()
    async let answer = harness.send(.get, "/api/tasks/7?wait=30s")
    while harness.clock.sleeperCount == 0, !Task.isCancelled { await Task.yield() }
    harness.clock.advance(by: .seconds(30))
    #expect(try await answer.json["status"] == "pending")
  }

  @Test("a task that is stored is answered 201, even when the read that waits for its end fails")
  func waitAfterFailedRead() async throws {
    let harness = APIHarness()
    harness.store.state.withLock { $0.readRefusal = StoreError(.storageBusy, "no reader is free") }
    let answer = try await harness.send(.post, "/api/tasks?wait=1s", #"{"agent":"coder","input":"x"}"#)
    #expect(answer.status == 201 && answer.json["id"] == "task-7", "\(answer.json.text)")
    #expect(try await harness.send(.get, "/api/tasks/7?wait=1s").status == 503)
  }

  @Test("a list of files that is not whole says so")
  func cutFiles() async throws {
    let harness = APIHarness()
    let path = "/api/tasks/7/files"
    #expect(try await harness.send(.get, path).json["truncated"] == nil)
    harness.workspaces.isCut.withLock { $0 = true }
    let cut = try await harness.send(.get, path).json
    #expect(cut["truncated"] == true && cut["next_cursor"] == .null && cut["data"]?.arrayValue?.count == 1)
  }
}
