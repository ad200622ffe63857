import AgentCore
import Synchronization
import Testing

@testable import AgentSystem

@Suite("agent-system run")
struct RunCommandTests {
  /// A server with one task, which ends with that status.
  private func server(_ status: String, error: String = "null", events: String = RecordedEvents.whole) throws
    -> ScriptedServer
  {
    try ScriptedServer { request, _ in
      switch (request.method, request.target) {
      case ("POST", "/api/tasks"): ScriptedReply(201, RecordedEvents.task("pending"))
      case ("GET", "/api/tasks/task-7/events"): .events(events)
      case ("GET", "/api/tasks/task-7"): ScriptedReply(RecordedEvents.task(status, error: error))
      default: .problem(404, "not_found", "nothing here")
      }
    }
  }

  @Test("a completed task exits 0 and ends with its output and files, without control characters")
  func completed() async throws {
    let server = try server("completed")
    defer { server.stop() }
    let fixture = try SessionFixture(server)
    #expect(await fixture.run(try RunCommand.parse(["fix the title"])) == .done)
    #expect(
      fixture.output.text == """
        task-7  coder
        started, attempt 1
        [1] model sandbox  812 tokens in, 45 out  asks for 1 tool  1.5 s
        [2] file.read README.md  8 B  12 ms
        [3] model sandbox  900 tokens in, 4 out  1 s

        Done.
        Really.

          docs/README.md  2 KiB

        task-7 completed  1712 tokens in, 49 out  3 s

        """)
    #expect(fixture.output.errors.isEmpty)
  }

  @Test("a failed and a cancelled task exit 1", arguments: ["failed", "cancelled"])
  func notCompleted(status: String) async throws {
    let server = try server(status, error: #"{"code":"step_limit","detail":"50 steps"}"#)
    defer { server.stop() }
    let fixture = try SessionFixture(server)
    #expect(await fixture.run(try RunCommand.parse(["x"])) == .failed)
    #expect(fixture.output.lines.last?.hasPrefix("task-7 \(status): step_limit: 50 steps") == true)
  }

  @Test("with --json each event is a line and the task is the last")
  func json() async throws {
    let server = try server(
      "completed",
      events: RecordedEvents.stream(upTo: 44) + RecordedEvents.delta(1, "Hi") + RecordedEvents.stream(after: 44)
        + RecordedEvents.end)
    defer { server.stop() }
    let fixture = try SessionFixture(server, isJSON: true)
    #expect(await fixture.run(try RunCommand.parse(["x", "--json"])) == .done)
    let lines = try fixture.output.lines.map { try JSONValue(parsing: $0) }
    let names = lines.dropLast().map { $0["event"]?.stringValue ?? "" }
    var expected = RecordedEvents.numbered.map(\.name)
    expected.insert("delta", at: 3)
    #expect(names == expected + ["end"])
    #expect(lines.first?["id"] == 41)
    #expect(lines.first?["data"]?["input"] == "fix the title")
    #expect(lines.last?["id"] == "task-7")
    #expect(lines.last?["status"] == "completed")
  }

  @Test("a reply that the terminal has shown is not shown again")
  func shownOnce() async throws {
    let stream =
      RecordedEvents.stream(upTo: 50) + RecordedEvents.delta(3, #"Done.\n"#) + RecordedEvents.delta(3, "Really.")
      + RecordedEvents.stream(after: 50) + RecordedEvents.end
    let server = try server("completed", events: stream)
    defer { server.stop() }
    let fixture = try SessionFixture(server, isTerminal: true)
    #expect(await fixture.run(try RunCommand.parse(["x"])) == .done)
    #expect(fixture.output.text.components(of: "Really.") == 1)
  }

  @Test("everything asked for is in the request")
  func request() async throws {
    let server = try server("completed")
    defer { server.stop() }
    let files = [
      "/home/ann/project/src/a.txt": Array("text\n".utf8), "/etc/pic.png": [0x89, 0x50, 0xFF],
    ]
    let fixture = try SessionFixture(server, input: .input(files: files))
    let command = try RunCommand.parse([
      "do it", "--agent", "writer", "--file", "./src/a.txt", "--file", "/etc/pic.png", "--label", "team:web:x",
      "--priority", "9", "--timeout", "1500ms", "--detach", "--idempotency-key", "k1",
    ])
    #expect(await fixture.run(command) == .done)
    let request = try #require(server.requests.first)
    #expect(request.headers["idempotency-key"] == "k1")
    #expect(request.headers["content-type"] == "application/json")
    #expect(
      try JSONValue(parsing: request.body) == [
        "agent": "writer", "input": "do it", "labels": ["team": "web:x"], "priority": 9, "timeout_seconds": 2,
        "files": [["path": "src/a.txt", "text": "text\n"], ["path": "pic.png", "base64": "iVD/"]],
      ])
    #expect(fixture.output.text == "task-7\n")
    #expect(server.requests.count == 1)
  }

  @Test(
    "a folder is made absolute here",
    arguments: [
      ("sub", "/home/ann/project/sub"), (".", "/home/ann/project"), ("../x/./y", "/home/ann/x/y"),
      ("/srv//a/", "/srv/a"),
    ])
  func folder(given: String, expected: String) throws {
    var order = TaskOrder(agent: "coder", prompt: "x", files: [], labels: [])
    order.folder = given
    #expect(try order.body(.nothing)["folder"]?.stringValue == expected)
  }

  @Test("an order whose answer was lost is repeated under the same key, so that it stays one task")
  func lostAnswer() async throws {
    let server = try ScriptedServer { _, index in
      switch index {
      case 0: .none
      case 1: .problem(503, "storage_io_error", "unknown")
      default: ScriptedReply(201, RecordedEvents.task("pending"))
      }
    }
    defer { server.stop() }
    let fixture = try SessionFixture(server)
    #expect(await fixture.run(try RunCommand.parse(["x", "--detach"])) == .done)
    let keys = server.requests.compactMap { $0.headers["idempotency-key"] }
    #expect(keys.count == 3)
    #expect(Set(keys).count == 1)
  }

  @Test("a refused order is told and not repeated")
  func refused() async throws {
    let server = try ScriptedServer { _, _ in .problem(422, "agent_unknown", "there is no agent nobody") }
    defer { server.stop() }
    let fixture = try SessionFixture(server)
    #expect(await fixture.run(try RunCommand.parse(["x", "--agent", "nobody"])) == .failed)
    #expect(fixture.output.errors == "agent-system: there is no agent nobody (agent_unknown, request r-7)\n")
    #expect(server.requests.count == 1)
  }

  @Test(
    "without a prompt, or with -, standard input is the prompt",
    arguments: [([], "from a pipe\n", "from a pipe"), (["-"], "a\nb\n", "a\nb")] as [([String], String, String)])
  func standardInput(arguments: [String], given: String, expected: String) async throws {
    let server = try server("completed")
    defer { server.stop() }
    let fixture = try SessionFixture(server, input: .input(standardInput: given))
    #expect(await fixture.run(try RunCommand.parse(arguments + ["--detach"])) == .done)
    #expect(try JSONValue(parsing: server.requests.first?.body ?? "")["input"]?.stringValue == expected)
  }

  @Test("no prompt at a terminal, an empty one and a file that is not there are usage errors")
  func usage() async throws {
    let server = try server("completed")
    defer { server.stop() }
    let terminal = try SessionFixture(server, isTerminal: true)
    #expect(await terminal.run(try RunCommand.parse([])) == .usage)
    let pipe = try SessionFixture(server)
    #expect(await pipe.run(try RunCommand.parse([])) == .usage)
    #expect(await pipe.run(try RunCommand.parse([""])) == .usage)
    #expect(await pipe.run(try RunCommand.parse(["x", "--file", "gone"])) == .usage)
    #expect(server.requests.isEmpty)
  }

  @Test("output that cannot be written is a failure, though the task completed")
  func fullDisk() async throws {
    let server = try server("completed")
    defer { server.stop() }
    let fixture = try SessionFixture(server, output: CapturedOutput(capacity: 40))
    #expect(await fixture.run(try RunCommand.parse(["x"])) == .failed)
    #expect(fixture.output.errors.contains("the output cannot be written"))
  }
}

extension String {
  /// How often a text stands in this one.
  fileprivate func components(of part: String) -> Int {
    split(separator: part, omittingEmptySubsequences: false).count - 1
  }
}
