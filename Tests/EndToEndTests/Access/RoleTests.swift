import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

/// `permissions.yaml` on the running binary: what `local` and `agent` decide, at a start and by a reload.
@Suite(.timeLimit(.minutes(2))) struct RoleTests {
  @Test("a reload opens loopback and closes it again; what was made there is local's")
  func reload() async throws {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(), files: ServiceProcess.scripted([ServiceProcess.saysDone]))
    let order: JSONValue = ["agent": "coder", "input": "x"]
    try await service.refused(401, "unauthenticated", "POST", "/api/tasks", order, overTCP: true)
    try service.writeConfiguration("permissions.yaml", "roles:\n  local: [agent:status, task:create, task:read]\n")
    let changed = try await service.send("POST", "/api/config/reload").json["changed"]
    #expect(changed == ["permissions.yaml roles.local"], "\(changed ?? .null)")
    let lines = try await service.logged("local_role_open")
    #expect(lines.count == 1 && lines[0].contains(" WARNING ") && lines[0].contains("permissions.yaml:2"), "\(lines)")
    let created = try await service.send("POST", "/api/tasks", order, overTCP: true)
    #expect(created.status == 201 && created.json["owner"] == "local", "\(created.text)")
    try await service.refused(401, "unauthenticated", "POST", "/api/system/clear-cache", overTCP: true)
    try service.writeConfiguration("permissions.yaml", "roles:\n  local: [agent:staus]\n")
    let refused = try await service.refused(409, "reload_refused", "POST", "/api/config/reload")
    #expect(refused.text.contains("did you mean 'agent:status'?"), "\(refused.text)")
    #expect(try await service.send("GET", "/api/tasks", overTCP: true).status == 200)
    try service.writeConfiguration("permissions.yaml", "roles: {}\n")
    #expect(try await service.send("POST", "/api/config/reload").status == 200)
    try await service.refused(401, "unauthenticated", "GET", "/api/tasks", overTCP: true)
    #expect(try await service.send("GET", "/api/agents/status", overTCP: true).status == 200)
  }

  @Test("with task:create and task:read_own a caller sees, cancels and retries what they made, and nothing of others")
  func own() async throws {
    var files = ServiceProcess.scripted([ServiceProcess.worksForever])
    files["permissions.yaml"] = "roles: {local: [task:create, task:read_own]}\n"
    let service = try await ServiceProcess.serve(in: TemporaryFolder(), files: files)
    let order: JSONValue = ["agent": "coder", "input": "x", "files": [["path": "a.txt", "text": "hello"]]]
    let others = try await service.create(order)
    let created = try await service.send("POST", "/api/tasks", order, overTCP: true)
    let own = try #require(created.json["id"]?.stringValue, "\(created.text)")
    for path in ["", "/steps", "/files", "/files/a.txt", "/files.tar"] {
      #expect(try await service.send("GET", "/api/tasks/\(own)\(path)", overTCP: true).status == 200, "\(path)")
      try await service.refused(404, "not_found", "GET", "/api/tasks/\(others)\(path)", overTCP: true)
    }
    func listed(_ query: String) async throws -> [JSONValue?] {
      let page = try await service.send("GET", "/api/tasks" + query, overTCP: true)
      return page.json["data"]?.arrayValue?.map { $0["id"] } ?? []
    }
    for query in ["", "?owner=local", "?agent=coder"] { #expect(try await listed(query) == [.string(own)], "\(query)") }
    #expect(try await listed("?owner=uid:0") == [])
    try await service.refused(404, "not_found", "GET", "/api/tasks/\(others)/events", overTCP: true)
    try await service.refused(401, "unauthenticated", "GET", "/api/events", overTCP: true)
    for (method, path) in [("DELETE", ""), ("POST", "/retry")] {
      try await service.refused(404, "not_found", method, "/api/tasks/\(others)\(path)", overTCP: true)
    }
    let cancelled = try await service.send("DELETE", "/api/tasks/\(own)", overTCP: true)
    #expect([200, 202].contains(cancelled.status), "\(cancelled.text)")
    #expect(try await service.ended(own)["status"] == "cancelled")
    #expect(try await service.send("POST", "/api/tasks/\(own)/retry", overTCP: true).status == 200)
    try await service.refused(401, "unauthenticated", "DELETE", "/api/tasks/\(own)?purge=true", overTCP: true)
    #expect(try await service.task(others)["status"] != "cancelled")
  }

  @Test("an open stream ends when its reader's role no longer has the right")
  func stream() async throws {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(), files: ["permissions.yaml": "roles: {local: [task:read]}\n"])
    let client = try RawClient(tcp: try await service.address())
    client.write("GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    #expect(await client.holds(bytes: 100))
    try service.writeConfiguration("permissions.yaml", "# as installed\n")
    #expect(try await service.send("POST", "/api/config/reload").status == 200)
    // An event that the reader is not to see.
    _ = try await service.create(["agent": "coder", "input": "x"])
    let rest = String(decoding: await client.rest(), as: UTF8.self)
    #expect(rest.contains(" 200 ") && !rest.contains("task.submitted"), "\(rest)")
  }

  @Test(
    "a wide local is refused beside an address that is not loopback, in a file or a flag", arguments: [true, false])
  func tooWide(byFlag: Bool) async throws {
    var files = ["permissions.yaml": "roles:\n  local: ['*']\n"]
    if !byFlag { files["server.yaml"] = "listen: 0.0.0.0:0\n" }
    let (run, hasData) = try await ServiceProcess.refusedStart(
      files: files, arguments: byFlag ? ["--listen", "0.0.0.0:0"] : [])
    #expect(run.status == 78 && !hasData, "\(run)")
    #expect(run.errors.contains("permissions.yaml:2:3: local_role_too_wide: "), "\(run)")
    #expect(run.errors.contains("plaintext_refused"), "\(run)")
  }

  /// The step's error when an agent with all tools calls that one; its task goes on to its end.
  private static func refusal(_ tool: String, _ arguments: JSONValue, role: String) async throws -> JSONValue {
    let files = ServiceProcess.scripted(
      [ServiceProcess.calling("go", [(tool, arguments)]), ServiceProcess.saysDone],
      agents: [
        "worker": [
          "instructions": "Do what the script says.",
          "tools": ["file.read", "file.write", "file.edit", "http.request"],
          "allow_hosts": ["127.0.0.1:9"],
        ]
      ])
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(), files: files.merging(["permissions.yaml": "roles: {agent: [\(role)]}\n"]) { $1 })
    let lines = try await service.logged("tool_forbidden")
    #expect(lines.count == 1 && lines[0].contains(" WARNING ") && lines[0].contains(tool), "\(lines)")
    let id = try await service.create(
      ["agent": "worker", "input": "go", "files": [["path": "a.txt", "text": "old"]]])
    let task = try await service.ended(id)
    #expect(task["status"] == "completed", "\(task.text)")
    #expect(try await service.send("GET", "/api/tasks/\(id)/files/a.txt").text == "old")
    return try await service.steps(id).first { $0["name"]?.stringValue == tool }?["error"] ?? .null
  }

  @Test(
    "what the role agent lacks no agent may do, whatever its own list of tools says",
    arguments: [
      ("file.write", ["path": "a.txt", "text": "new"] as JSONValue, "task:execute, file:read", "file:write"),
      ("file.edit", ["path": "a.txt", "old": "old", "new": "new"], "task:execute, file:write", "file:read"),
      ("file.read", ["path": "a.txt"], "task:execute, file:write", "file:read"),
      (
        "http.request", ["method": "GET", "url": "http://127.0.0.1:9/"], "task:execute, file:read, file:write",
        "http:request"
      ),
    ] as [(String, JSONValue, String, String)])
  func agents(tool: String, arguments: JSONValue, role: String, missing: String) async throws {
    let error = try await Self.refusal(tool, arguments, role: role)
    #expect(error["code"] == "tool_forbidden", "\(error)")
    #expect(error["detail"]?.stringValue?.contains(missing) == true, "\(error)")
  }

  @Test("no model is offered a tool that the role agent does not allow; a reload gives it to the next call")
  func offered() async throws {
    let folder = try TemporaryFolder()
    let double = try await ProviderDouble(
      [ProviderSite.saysDone], settings: ["keys": ["right": .string(ProviderSite.key)]], in: folder)
    var files = ProviderSite.files(
      ["main": WireFormat.openai.entry(double.address)], agent: ["tools": ["file.read", "file.write"]])
    files["permissions.yaml"] = "roles: {agent: [task:execute, file:read]}\n"
    let service = try await ServiceProcess.serve(in: folder, files: files)
    func offered() async throws -> String {
      _ = try await service.ended(try await service.create(["agent": "worker", "input": "x"]))
      return try #require(try double.calls().last?.body["tools"]).text
    }
    let before = try await offered()
    #expect(before.contains("file_read") && !before.contains("file_write"), "\(before)")
    let page = try await service.verb(["agent", "show", "worker"])
    #expect(page.output.contains("file.write: the role agent lacks file:write"), "\(page)")
    try service.writeConfiguration("permissions.yaml", "# the defaults\n")
    #expect(try await service.send("POST", "/api/config/reload").status == 200)
    #expect(try await offered().contains("file_write"))
  }

  @Test("config check tells what the printed role user reads, config show which roles wait for accounts")
  func told() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    let check = try await service.verb(["config", "check"])
    #expect(check.status == 0 && check.output.contains("note: "), "\(check)")
    #expect(check.output.contains("role_reads_all") && check.output.contains("task:read_own"), "\(check)")
    #expect(try !service.logText.contains("role_reads_all"))
    let rows = try await service.shownConfiguration()
    #expect(rows["roles.user"]?["note"]?.stringValue?.contains("accounts") == true, "\(rows)")
    #expect(rows["roles.local"]?["value"] == ["agent:status"] && rows["roles.local"]?["note"] == nil)
    let page = try await service.verb(["config", "show", "roles."])
    #expect(page.output.contains("waits for accounts"), "\(page)")
    let sandbox = try await ServiceProcess.sandbox(in: TemporaryFolder())
    let shown = try await sandbox.send("GET", "/api/config", overTCP: true).json["data"]?.arrayValue ?? []
    #expect(shown.first { $0["key"] == "roles.local" }?["value"] == ["*"])
  }
}
