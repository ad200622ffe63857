import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Tasks over HTTP, as a user sees them.
@Suite struct TaskResourceTests {
  private static func service(_ rules: [JSONValue] = [ServiceProcess.saysDone]) async throws -> ServiceProcess {
    try await ServiceProcess.serve(in: TemporaryFolder(), files: ServiceProcess.scripted(rules))
  }

  @Test("a created task has a Location, every member of the contract and its defaults")
  func created() async throws {
    let service = try await Self.service()
    let answer = try await service.send(
      "POST", "/api/tasks",
      [
        "agent": "coder", "input": ["prompt": "Say hello", "more": [1, 2]], "priority": 7,
        "labels": ["team": "a", "kind": "b:c"], "metadata": ["ticket": 17], "timeout_seconds": 60, "max_attempts": 1,
      ])
    #expect(answer.status == 201)
    #expect(answer.head.value(of: "location") == "/api/tasks/task-1")
    let task = answer.json
    #expect(
      Set(task.objectValue?.keys.map { $0 } ?? []) == [
        "id", "agent", "status", "input", "output", "error", "waiting", "priority", "labels", "metadata", "folder",
        "limits", "owner", "attempt", "max_attempts", "timeout_seconds", "created_at", "started_at", "finished_at",
        "run_after", "cancel_requested_at", "usage",
      ])
    #expect(task["owner"]?.stringValue == "uid:\(geteuid())")
    #expect(task["priority"] == 7 && task["attempt"] == 1 && task["max_attempts"] == 1)
    #expect(task["labels"] == ["team": "a", "kind": "b:c"])
    let plain = try await service.send("POST", "/api/tasks", ["agent": "coder", "input": "x"]).json
    #expect(plain["priority"] == 5 && plain["max_attempts"] == 3 && plain["timeout_seconds"] == 3600)
    let ended = try await service.ended("1")
    #expect(ended["id"] == "task-1" && ended["status"] == "completed" && ended["output"]?["text"] == "done")
    #expect(ended["usage"]?["llm_calls"] == 1 && ended["usage"]?["cost_usd"] == .null)
  }

  @Test("where no member is taken, an unknown one is told so", arguments: ["/api/config/check", "/api/config/reload"])
  func memberless(path: String) async throws {
    let answer = try await Self.service().send("POST", path, ["x": 1])
    #expect(answer.status == 422, "\(answer.text)")
    #expect(answer.text.contains("unknown member; this takes no members"), "\(answer.text)")
  }

  @Test("unknown members and parameters, and values out of range, are 422 and name the place")
  func refused() async throws {
    let service = try await Self.service()
    let bodies: [(JSONValue, String)] = [
      (["agent": "coder", "input": "x", "extra": 1], "/extra"), (["agent": "coder"], "/input"),
      (["input": "x"], "/agent"), (["agent": "coder", "input": 7], "/input"),
      (["agent": "coder", "input": "x", "priority": 10], "/priority"),
      (["agent": "coder", "input": "x", "priority": -1], "/priority"),
      (["agent": "coder", "input": "x", "max_attempts": 0], "/max_attempts"),
      (["agent": "coder", "input": "x", "max_attempts": 21], "/max_attempts"),
      (["agent": "coder", "input": "x", "timeout_seconds": 604_801], "/timeout_seconds"),
      (["agent": "coder", "input": "x", "labels": ["a": 1]], "/labels/a"),
      (["agent": "coder", "input": ["text": "no prompt"]], "/input"),
      (["agent": "coder", "input": "x", "limits": ["steps": 0]], "/limits/steps"),
    ]
    for (body, pointer) in bodies {
      let answer = try await service.refused(422, "invalid_field", "POST", "/api/tasks", body)
      let pointers = (answer.json["errors"]?.arrayValue ?? []).compactMap { $0["pointer"]?.stringValue }
      #expect(pointers == [pointer], "\(answer.text)")
    }
    for path in [
      "/api/tasks?limit=0", "/api/tasks?limit=501", "/api/tasks?limit=x", "/api/tasks?status=done",
      "/api/tasks?order=up",
      "/api/tasks?cursor=nonsense", "/api/tasks?foo=1", "/api/tasks?limit=1&limit=2",
      "/api/tasks?created_after=yesterday",
      "/api/tasks?label=x", "/api/tasks/task-1?wiat=1s", "/api/tasks/task-1?wait=soon", "/api/agents?x=1",
    ] {
      try await service.refused(422, "invalid_parameter", "GET", path)
    }
    #expect(try await service.listed() == [])
  }

  @Test("a list is filtered, ordered and walked by cursors, each task once")
  func lists() async throws {
    let service = try await Self.service()
    _ = try await service.send("POST", "/api/agents/writer/disable")
    var ids: [String] = []
    for index in 0..<9 {
      ids.append(
        try await service.create([
          "agent": .string(index < 5 ? "coder" : "writer"), "input": "x",
          "labels": ["round": .string("\(index % 2)")],
        ]))
    }
    for id in ids.prefix(5) { _ = try await service.ended(id) }
    #expect(try await service.listed() == ids.reversed())
    #expect(try await service.listed("?order=asc") == ids)
    #expect(try await service.listed("?status=pending") == ids.suffix(4).reversed())
    #expect(try await service.listed("?status=pending&status=completed&order=asc") == ids)
    #expect(try await service.listed("?agent=coder&order=asc") == Array(ids.prefix(5)))
    #expect(try await service.listed("?label=round:1&order=asc") == [ids[1], ids[3], ids[5], ids[7]])
    #expect(try await service.listed("?owner=uid:\(geteuid())").count == 9)
    #expect(try await service.listed("?owner=uid:4242") == [])
    #expect(try await service.listed("?status=failed") == [])
    let third = try #require(try await service.task(ids[2])["created_at"]?.stringValue)
    #expect(try await service.listed("?created_before=\(third)&order=asc").contains(ids[8]) == false)
    #expect(try await service.listed("?created_after=2999-01-01T00:00:00Z") == [])
    for query in ["", "&agent=coder", "&status=pending&agent=writer", "&label=round:0"] {
      var (walked, cursor) = ([String](), String?.none)
      repeat {
        let answer = try await service.send(
          "GET", "/api/tasks?limit=2\(query)" + (cursor.map { "&cursor=\($0)" } ?? ""))
        #expect(answer.status == 200, "\(answer.text)")
        walked += (answer.json["data"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
        cursor = answer.json["next_cursor"]?.stringValue
      } while cursor != nil && walked.count <= ids.count
      let whole = try await service.listed("?limit=500\(query)")
      #expect(walked == whole, "\(query)")
    }
  }

  @Test("long values are left out of lists with their size, and whole at the task")
  func omittedBytes() async throws {
    let service = try await Self.service(
      [
        ServiceProcess.calling(
          "", [("file.write", ["path": "a.txt", "text": .string(String(repeating: "t", count: 5000))])]),
        ServiceProcess.saysDone,
      ].map { rule in
        guard case .object(var members) = rule, members["when"] != nil else { return rule }
        members["when"] = ["turn": 1]
        return .object(members)
      })
    let long = String(repeating: "word ", count: 2000)
    let id = try await service.create(["agent": "coder", "input": .string(long), "metadata": ["m": .string(long)]])
    _ = try await service.ended(id)
    let listed = try await service.send("GET", "/api/tasks").json["data"]?.arrayValue?.first
    #expect(listed?["input"]?["omitted_bytes"]?.integerValue == Int64(long.utf8.count + 2))
    #expect((listed?["metadata"]?["omitted_bytes"]?.integerValue ?? 0) > 4096)
    #expect(try await service.task(id)["input"]?.stringValue == long)
    let step = try #require(try await service.steps(id).first { $0["name"] == "file.write" })
    #expect((step["input"]?["omitted_bytes"]?.integerValue ?? 0) > 4096)
    let number = try #require(step["step"]?.integerValue)
    let whole = try await service.send("GET", "/api/tasks/\(id)/steps/\(number)").json
    #expect(whole["input"]?["arguments"]?["text"]?.stringValue?.count == 5000)
    try await service.refused(404, "not_found", "GET", "/api/tasks/\(id)/steps/99")
    var events = try await service.events("/api/tasks/\(id)/events")
    for event in try await events.rest() { #expect(event.data.utf8.count <= 4096) }
  }

  @Test("a retry keeps finished steps; from=start begins afresh; from=step-N keeps what came before")
  func retries() async throws {
    let write: JSONValue = ["name": "file.write", "arguments": ["path": "a.txt", "text": "a"]]
    let service = try await Self.service([
      ["when": ["turn": 1], "reply": ["tool_calls": [write]]],
      ["when": ["turn": 2], "times": 1, "reply": ["error": ["code": "provider_rejected"]]],
      ServiceProcess.saysDone,
    ])
    let id = try await service.create(["agent": "coder", "input": "x"])
    let failed = try await service.ended(id)
    #expect(failed["status"] == "failed" && failed["error"]?["code"] == "provider_rejected", "\(failed.text)")
    let before = try await service.steps(id)
    let again = try await service.send("POST", "/api/tasks/\(id)/retry")
    #expect(again.status == 200 && again.json["attempt"] == 2, "\(again.text)")
    #expect(try await service.ended(id)["status"] == "completed")
    var steps = try await service.steps(id)
    #expect(steps.filter { $0["name"] == "file.write" && $0["status"] == "finished" }.count == 1)
    #expect(Array(steps.prefix(2)).map { $0["step"] } == Array(before.prefix(2)).map { $0["step"] })
    try await service.refused(409, "task_not_retryable", "POST", "/api/tasks/\(id)/retry?from=start")
    for bad in ["begin", "step-0", "step-", "step-x", ""] {
      try await service.refused(422, "invalid_parameter", "POST", "/api/tasks/\(id)/retry?from=\(bad)")
    }

    let second = try await Self.cancelledTask(service)
    #expect(try await service.send("POST", "/api/tasks/\(second)/retry?from=start").status == 200)
    #expect(try await service.ended(second)["status"] == "completed")
    steps = try await service.steps(second)
    #expect(Set(steps.compactMap { $0["step"]?.integerValue }).count == steps.count, "no number is used twice")
  }

  /// A task that was cancelled before it began.
  private static func cancelledTask(_ service: ServiceProcess) async throws -> String {
    _ = try await service.send("POST", "/api/agents/writer/disable")
    let id = try await service.create(["agent": "writer", "input": "x"])
    #expect(try await service.send("DELETE", "/api/tasks/\(id)").status == 200)
    _ = try await service.send("POST", "/api/agents/writer/enable")
    return id
  }

  @Test("retry from=start writes again what was written; from=step-N repeats that step alone")
  func retryFrom() async throws {
    let service = try await Self.service([
      [
        "when": ["turn": 1],
        "reply": ["tool_calls": [["name": "file.write", "arguments": ["path": "a.txt", "text": "a"]]]],
      ],
      [
        "when": ["turn": 2],
        "reply": ["tool_calls": [["name": "file.write", "arguments": ["path": "b.txt", "text": "b"]]]],
      ],
      ["when": ["turn": 3], "times": 3, "reply": ["error": ["code": "provider_rejected"]]],
      ServiceProcess.saysDone,
    ])
    let id = try await service.create(["agent": "coder", "input": "x"])
    #expect(try await service.ended(id)["status"] == "failed")
    let steps = try await service.steps(id)
    let second = try #require(steps.filter { $0["name"] == "file.write" }.last?["step"]?.integerValue)
    #expect(try await service.send("POST", "/api/tasks/\(id)/retry?from=step-\(second)").status == 200)
    #expect(try await service.ended(id)["status"] == "failed")
    func count(_ path: JSONValue) async throws -> Int {
      try await service.steps(id).filter {
        $0["input"]?["arguments"]?["path"] == path && $0["status"] == "finished"
      }.count
    }
    #expect(try await count("a.txt") == 1)
    #expect(try await count("b.txt") == 2)
    #expect(try await service.send("POST", "/api/tasks/\(id)/retry?from=start").status == 200)
    #expect(try await service.ended(id)["status"] == "failed")
    #expect(try await count("a.txt") == 2)
    #expect(try await count("b.txt") == 3)
    let numbers = try await service.steps(id).compactMap { $0["step"]?.integerValue }
    #expect(Set(numbers).count == numbers.count)
    try await service.refused(422, "invalid_parameter", "POST", "/api/tasks/\(id)/retry?from=step-999")
  }

  @Test("purge deletes a finished task with its steps and files; a pending one is cancelled with 200")
  func purge() async throws {
    let service = try await Self.service()
    let id = try await service.create([
      "agent": "coder", "input": "x", "files": [["path": "a.txt", "text": "a"]],
    ])
    _ = try await service.ended(id)
    #expect(try await service.send("GET", "/api/tasks/\(id)/files/a.txt").text == "a")
    #expect(FileManager.default.fileExists(atPath: service.data + "/workspaces/\(id)"))
    #expect(try await service.send("DELETE", "/api/tasks/\(id)?purge=true").status == 200)
    try await service.refused(404, "not_found", "GET", "/api/tasks/\(id)")
    try await service.refused(404, "not_found", "GET", "/api/tasks/\(id)/files/a.txt")
    #expect(!FileManager.default.fileExists(atPath: service.data + "/workspaces/\(id)"))
    let next = try await service.create(["agent": "coder", "input": "x"])
    #expect(next != id)
  }

  @Test("?wait= answers when the task ends, or when the time is up")
  func waits() async throws {
    let service = try await Self.service([
      ["when": ["prompt": "forever"], "reply": ["delay": "600s", "text": "never"]], ServiceProcess.saysDone,
    ])
    let done = try await service.send("POST", "/api/tasks?wait=30s", ["agent": "coder", "input": "short"])
    #expect(done.status == 201 && done.json["status"] == "completed", "\(done.text)")
    let started = ContinuousClock.now
    let busy = try await service.send("POST", "/api/tasks?wait=200ms", ["agent": "coder", "input": "forever"])
    #expect(busy.status == 201 && busy.json["status"] == "running" || busy.json["status"] == "pending", "\(busy.text)")
    #expect(ContinuousClock.now - started >= .milliseconds(200))
    let id = try #require(busy.json["id"]?.stringValue)
    async let waiting = service.send("GET", "/api/tasks/\(id)?wait=60s")
    try await service.running(id)
    #expect(try await service.send("DELETE", "/api/tasks/\(id)").status == 202)
    #expect(try await waiting.json["status"] == "cancelled")
  }

  @Test("a task's files are listed, read one by one, and taken as a tar archive that tar unpacks")
  func files() async throws {
    let folder = try TemporaryFolder()
    let service = try await Self.service([
      [
        "when": ["turn": 1],
        "reply": ["tool_calls": [["name": "file.write", "arguments": ["path": "out/ü.txt", "text": "written"]]]],
      ],
      ServiceProcess.saysDone,
    ])
    let deep = "deep/" + String(repeating: "n", count: 120) + "/file.bin"
    let id = try await service.create([
      "agent": "coder", "input": "x",
      "files": [["path": "in.txt", "text": "given"], ["path": .string(deep), "base64": "AAEC/w=="]],
    ])
    let task = try await service.ended(id)
    #expect(task["output"]?["files"]?.arrayValue?.contains { $0["path"] == "out/ü.txt" } == true, "\(task.text)")
    let list = try await service.send("GET", "/api/tasks/\(id)/files").json["data"]?.arrayValue ?? []
    #expect(Set(list.compactMap { $0["path"]?.stringValue }) == ["in.txt", deep, "out/ü.txt"])
    #expect(list.first { $0["path"] == "in.txt" }?["size"] == 5)
    #expect(try await service.send("GET", "/api/tasks/\(id)/files/\(deep)").body == [0, 1, 2, 255])
    #expect(try await service.send("GET", "/api/tasks/\(id)/files/out/%C3%BC.txt").text == "written")
    try await service.refused(404, "file_not_found", "GET", "/api/tasks/\(id)/files/none.txt")
    let tar = try await service.send("GET", "/api/tasks/\(id)/files.tar")
    #expect(tar.status == 200 && tar.head.value(of: "content-type") == "application/x-tar")
    let archive = folder.appending("files.tar")
    try Data(tar.body).write(to: URL(fileURLWithPath: archive))
    let target = folder.appending("unpacked")
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
    let run = try await ShellRun.run("/usr/bin/tar", ["-xf", archive, "-C", target])
    #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
    #expect(FileManager.default.contents(atPath: target + "/in.txt") == Data("given".utf8))
    #expect(FileManager.default.contents(atPath: target + "/" + deep) == Data([0, 1, 2, 255]))
    #expect(FileManager.default.contents(atPath: target + "/out/ü.txt") == Data("written".utf8))
  }

  @Test("one key sent fifty times at once makes one task, and again after a restart")
  func idempotency() async throws {
    let folder = try TemporaryFolder()
    let first = try await ServiceProcess.serve(in: folder, files: ServiceProcess.scripted([ServiceProcess.saysDone]))
    let body: JSONValue = ["agent": "coder", "input": "x"]
    let key = [("Idempotency-Key", "same")]
    let answers = try await withThrowingTaskGroup(of: ServiceProcess.Answer.self) { group in
      for _ in 0..<50 { group.addTask { try await first.send("POST", "/api/tasks", body, headers: key) } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers.allSatisfy { [201, 409].contains($0.status) }, "\(Set(answers.map(\.status)))")
    #expect(answers.filter { $0.status == 409 }.allSatisfy { $0.json["code"] == "idempotency_in_flight" })
    #expect(Set(answers.compactMap { $0.json["id"]?.stringValue }) == ["task-1"])
    #expect(try await first.listed() == ["task-1"])
    let replay = try await first.send("POST", "/api/tasks", body, headers: key)
    #expect(replay.head.value(of: "idempotency-replayed") == "true")
    await first.killed()
    let second = try await ServiceProcess.serve(in: folder)
    #expect(try await second.create(body, headers: key) == "task-1")
    _ = try await second.ended("task-1")
    #expect(try await second.send("DELETE", "/api/tasks/task-1?purge=true").status == 200)
    try await second.refused(410, "task_deleted", "POST", "/api/tasks", body, headers: key)
    for bad in ["", "with space", String(repeating: "k", count: 256)] {
      try await second.refused(
        422, "invalid_parameter", "POST", "/api/tasks", body, headers: [("Idempotency-Key", bad)])
    }
  }
}
