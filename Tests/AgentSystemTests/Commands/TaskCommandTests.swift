import AgentCore
import AgentTestKit
import Testing

@testable import AgentSystem

@Suite("agent-system task, agent and cleanup")
struct TaskCommandTests {
  private static let row =
    #"{"id":"task-1","status":"running","agent":"coder","owner":"ann","input":"读文件\nnow","created_at":"2026-11-24T23:30:50.000Z"}"#

  @Test("a list is a table, with filters in its query")
  func list() async throws {
    let server = try ScriptedServer { _, _ in ScriptedReply(#"{"data":[\#(Self.row)],"next_cursor":null}"#) }
    defer { server.stop() }
    let fixture = try SessionFixture(server)
    let command = try TaskListCommand.parse([
      "--status", "running", "--status", "waiting", "--agent", "coder", "--label", "a:b", "--limit", "5",
    ])
    #expect(await fixture.run(command) == .done)
    #expect(
      server.requests.map(\.target) == ["/api/tasks?status=running&status=waiting&agent=coder&label=a%3Ab&limit=5"])
    #expect(
      fixture.output.text == """
        TASK    STATUS   AGENT  OWNER  CREATED              INPUT
        task-1  running  coder  ann    2026-11-24 23:30:50  读文件\\nnow

        """)
  }

  @Test("--all reads every page, short and empty ones too, and shows the header once")
  func allPages() async throws {
    let server = try ScriptedServer { request, index in
      let rows = index == 1 ? "" : Self.row
      return ScriptedReply(#"{"data":[\#(rows)],"next_cursor":\#(index < 2 ? #""c\#(index)""# : "null")}"#)
    }
    defer { server.stop() }
    let fixture = try SessionFixture(server)
    #expect(await fixture.run(try TaskListCommand.parse(["--all"])) == .done)
    #expect(
      server.requests.map(\.target) == [
        "/api/tasks?limit=500", "/api/tasks?limit=500&cursor=c0", "/api/tasks?limit=500&cursor=c1",
      ])
    #expect(fixture.output.lines.count == 3)
  }

  @Test("a list that was cut says so, and one that does not go on is an error")
  func cutList() async throws {
    let server = try ScriptedServer { _, _ in ScriptedReply(#"{"data":[\#(Self.row)],"next_cursor":"same"}"#) }
    defer { server.stop() }
    let cut = try SessionFixture(server)
    #expect(await cut.run(try TaskListCommand.parse(["--limit", "1"])) == .done)
    #expect(cut.output.errors == "there are more: --all lists them\n")
    let endless = try SessionFixture(server)
    #expect(await endless.run(try TaskListCommand.parse(["--all"])) == .failed)
  }

  @Test("--json prints the server's answer as one line that hides nothing and harms no terminal")
  func json() async throws {
    let body = #"{"data":[{"id":"task-1","input":"a\u202eb"}],"next_cursor":null}"#
    let server = try ScriptedServer { _, _ in ScriptedReply(body) }
    defer { server.stop() }
    let fixture = try SessionFixture(server, isJSON: true)
    #expect(await fixture.run(try TaskListCommand.parse(["--json"])) == .done)
    #expect(fixture.output.text == body + "\n")
  }

  @Test(
    "each verb asks its route",
    arguments: [
      (["task", "show", "7"], "GET", "/api/tasks/task-7", ""),
      (["task", "cancel", "task-7"], "DELETE", "/api/tasks/task-7", ""),
      (["task", "purge", "7"], "DELETE", "/api/tasks/task-7?purge=true", ""),
      (["task", "retry", "7"], "POST", "/api/tasks/task-7/retry", ""),
      (["task", "retry", "7", "--from", "step-3"], "POST", "/api/tasks/task-7/retry?from=step-3", ""),
      (["task", "resume", "7"], "POST", "/api/tasks/task-7:resume", ""),
      (
        ["task", "resolve", "7", "3", "--action", "finished", "--output", "ok"], "POST",
        "/api/tasks/task-7/steps/3:resolve", #"{"action":"finished","output":"ok"}"#
      ),
      (["agent", "show", "a b"], "GET", "/api/agents/a%20b", ""),
      (["agent", "restart", "coder"], "POST", "/api/agents/coder/restart", ""),
      (["agent", "disable", "coder"], "POST", "/api/agents/coder/disable", ""),
      (["agent", "enable", "coder"], "POST", "/api/agents/coder/enable", ""),
      (["cleanup", "--days", "30", "--dry-run"], "POST", "/api/maintenance/cleanup?days=30&dry_run=true", ""),
    ])
  func routes(arguments: [String], method: String, target: String, body: String) async throws {
    let server = try ScriptedServer { _, _ in ScriptedReply(#"{"id":"task-7","status":"pending"}"#) }
    defer { server.stop() }
    let fixture = try SessionFixture(server)
    let command = try #require(try ClientRoot.parseAsRoot(arguments) as? any ClientCommand)
    #expect(await fixture.run(command) == .done)
    let request = try #require(server.requests.first)
    #expect((request.method, request.target, request.body) == (method, target, body))
    #expect(!fixture.output.text.isEmpty)
  }

  @Test(
    "a cancel that winds down says so", arguments: [(200, "task-7 cancelled\n"), (202, "task-7 is being cancelled\n")])
  func cancel(status: Int, expected: String) async throws {
    let server = try ScriptedServer { _, _ in ScriptedReply(status, "{}") }
    defer { server.stop() }
    let fixture = try SessionFixture(server)
    #expect(await fixture.run(try TaskCancelCommand.parse(["7"])) == .done)
    #expect(fixture.output.text == expected)
  }

  @Test("steps are a table of what each did")
  func steps() async throws {
    let body = """
      {"data":[
      {"step":1,"kind":"model_call","name":"sandbox","effect":"pure","status":"finished","attempt":1,
       "started_at":"2026-11-24T23:30:50.000Z","finished_at":"2026-11-24T23:30:51.500Z",
       "usage":{"input_tokens":10,"output_tokens":5}},
      {"step":2,"kind":"tool_call","name":"file.edit","effect":"idempotent","status":"failed","attempt":2,
       "input":{"arguments":{"path":"a"}},"error":{"code":"edit_no_match","detail":"absent"}}],"next_cursor":null}
      """
    let server = try ScriptedServer { _, _ in ScriptedReply(body) }
    defer { server.stop() }
    let fixture = try SessionFixture(server)
    #expect(await fixture.run(try TaskStepsCommand.parse(["7"])) == .done)
    #expect(server.requests.map(\.target) == ["/api/tasks/task-7/steps"])
    #expect(
      fixture.output.text == """
        STEP  STATUS    NAME           EFFECT      TRY   TOOK  WHAT
           1  finished  model sandbox  pure          1  1.5 s  10 tokens in, 5 out
           2  failed    file.edit      idempotent    2         edit_no_match: absent

        """)
  }

  @Test("agents and files are tables too")
  func otherTables() async throws {
    let server = try ScriptedServer { request, _ in
      request.target == "/api/agents"
        ? ScriptedReply(
          #"{"data":[{"id":"coder","name":"coder","status":"running","active_tasks":2,"queued_tasks":10,"description":"writes code"},"#
            + #"{"name":"审查","status":"error","active_tasks":0,"queued_tasks":0,"description":"x","last_error":{"code":"c","detail":"no key"}}],"next_cursor":null}"#
        ) : ScriptedReply(#"{"data":[{"path":"a\nb","size":2048},{"path":"c","size":1}],"next_cursor":null}"#)
    }
    defer { server.stop() }
    let agents = try SessionFixture(server)
    #expect(await agents.run(try AgentListCommand.parse([])) == .done)
    #expect(
      agents.output.text == """
        AGENT  STATUS   ACTIVE  QUEUED  DESCRIPTION
        coder  running       2      10  writes code
        审查   error         0       0  no key

        """)
    let files = try SessionFixture(server)
    #expect(await files.run(try TaskFilesCommand.parse(["7"])) == .done)
    #expect(files.output.text == " SIZE  PATH\n2 KiB  a\\nb\n  1 B  c\n")
  }

  @Test("logs tell the story with what the model said; events list every number")
  func logsAndEvents() async throws {
    let server = try ScriptedServer { _, _ in .events(RecordedEvents.whole) }
    defer { server.stop() }
    let logs = try SessionFixture(server)
    #expect(await logs.run(try TaskLogsCommand.parse(["7"])) == .done)
    #expect(logs.output.lines.first == "2026-11-24 23:30:50.000  submitted: fix the title")
    #expect(logs.output.lines.contains(String(repeating: " ", count: 27) + "Really."))
    let events = try SessionFixture(server)
    #expect(await events.run(try TaskEventsCommand.parse(["7"])) == .done)
    #expect(events.output.lines.count == RecordedEvents.numbered.count)
    #expect(events.output.lines[2] == "    44  2026-11-24 23:30:50.200  step.started    [1] model sandbox")
  }

  @Test("a file's bytes pass unchanged into a pipe, and escaped onto a terminal")
  func fileContent() async throws {
    let server = try ScriptedServer { _, _ in ScriptedReply(200, type: "application/octet-stream", "a\u{1B}[31m\r\nb") }
    defer { server.stop() }
    let pipe = try SessionFixture(server)
    #expect(await pipe.run(try TaskFilesCommand.parse(["7", "docs/ä b.txt"])) == .done)
    #expect(pipe.output.text == "a\u{1B}[31m\r\nb")
    #expect(server.requests.first?.target == "/api/tasks/task-7/files/docs/%C3%A4%20b.txt")
    let terminal = try SessionFixture(server, isTerminal: true)
    #expect(await terminal.run(try TaskFilesCommand.parse(["7", "x"])) == .done)
    #expect(terminal.output.text == "a\\u{1B}[31m\nb\n")
  }

  @Test("half a file is an error, and an archive is not for a terminal")
  func cutFile() async throws {
    let server = try ScriptedServer { _, _ in ScriptedReply(raw: "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nhalf") }
    defer { server.stop() }
    let pipe = try SessionFixture(server)
    #expect(await pipe.run(try TaskFilesCommand.parse(["7", "--tar"])) == .unreachable)
    #expect(server.requests.first?.target == "/api/tasks/task-7/files.tar")
    let terminal = try SessionFixture(server, isTerminal: true)
    #expect(await terminal.run(try TaskFilesCommand.parse(["7", "--tar"])) == .usage)
  }

  @Test("with --json an error answer goes to standard error as JSON")
  func jsonError() async throws {
    let server = try ScriptedServer { _, _ in .problem(403, "forbidden", "task:read is missing") }
    defer { server.stop() }
    let fixture = try SessionFixture(server, isJSON: true)
    #expect(await fixture.run(try TaskShowCommand.parse(["7", "--json"])) == .notAllowed)
    #expect(fixture.output.text.isEmpty)
    #expect(try JSONValue(parsing: fixture.output.errors.dropLast().description)["code"] == "forbidden")
  }
}
