import AgentCore
import HTTPTransport
import Testing

@testable import AgentSystem

@Suite("A task's events as sentences")
struct TaskStoryTests {
  private func events(_ stream: String) throws -> [TaskEvent] {
    var parser = EventStreamParser()
    return try parser.consume(Array(stream.utf8)).map { TaskEvent($0) }
  }

  private func event(_ name: String, _ data: String) throws -> TaskEvent {
    TaskEvent(name: name, id: 1, json: try JSONValue(parsing: data))
  }

  @Test("a recorded stream reads as a story")
  func recorded() throws {
    var story = TaskStory()
    let lines = try events(RecordedEvents.whole).compactMap { story.line(for: $0)?.text }
    #expect(
      lines == [
        "submitted: fix the title", "started, attempt 1",
        "[1] model sandbox  812 tokens in, 45 out  asks for 1 tool  1.5 s",
        "[2] file.read README.md  8 B  12 ms", "[3] model sandbox  900 tokens in, 4 out  1 s", "completed",
      ])
  }

  @Test(
    "each other event has its sentence",
    arguments: [
      ("task.waiting", #"{"reason":"step_in_doubt","step":3,"until":null}"#, "waits: step_in_doubt, step 3"),
      (
        "task.waiting", #"{"reason":"timer","until":"2026-11-24T23:30:50.000Z"}"#,
        "waits: timer until 2026-11-24T23:30:50.000Z"
      ),
      ("task.resumed", "{}", "goes on"),
      (
        "task.retrying",
        #"{"attempt":2,"error":{"code":"timeout","detail":"no answer"},"run_after":"2026-11-24T23:31:00.000Z"}"#,
        "tries again, attempt 2, not before 2026-11-24T23:31:00.000Z: timeout: no answer"
      ),
      ("task.retrying", #"{"attempt":3,"from":4}"#, "tries again, attempt 3, from step 4"),
      ("task.requeued", #"{"reason":"crash"}"#, "put back into the queue: crash"),
      ("task.cancelling", "{}", "is being cancelled"),
      ("task.failed", #"{"error":{"code":"step_limit","detail":"50 steps"}}"#, "failed: step_limit: 50 steps"),
      ("task.cancelled", "{}", "cancelled"),
      ("gap", "{}", "some events are no longer kept"),
      ("end", #"{"reason":"task-7 was deleted"}"#, "task-7 was deleted"),
      (
        "step.failed",
        #"{"step":2,"kind":"tool_call","name":"file.edit","error":{"code":"edit_no_match","detail":"no\nmatch"}}"#,
        "[2] file.edit  failed: edit_no_match: no\\nmatch"
      ),
      (
        "step.in_doubt",
        #"{"step":2,"kind":"tool_call","name":"http.request","error":{"code":"connection_lost","detail":""}}"#,
        "[2] http.request  in doubt: connection_lost"
      ),
      (
        "step.resolved", #"{"step":2,"kind":"tool_call","name":"http.request","action":"retry"}"#,
        "[2] http.request  resolved as retry"
      ),
      (
        "step.finished", #"{"step":9,"kind":"tool_call","name":"file.read","output":{"omitted_bytes":5000}}"#,
        "[9] file.read  4.8 KiB"
      ),
      ("task.later\u{1B}", "{}", "task.later\\u{1B}"),
    ])
  func sentences(name: String, data: String, expected: String) throws {
    var story = TaskStory()
    #expect(story.line(for: try event(name, data))?.text == expected)
  }

  @Test(
    "arguments are told in a few words",
    arguments: [
      (#"{"path":"a.txt"}"#, "a.txt"), (#"{"path":"a.txt","from_line":3}"#, "a.txt from_line=3"),
      (#"{"method":"GET","url":"http://h/"}"#, "method=GET url=http://h/"), ("{}", ""), ("null", ""),
      (#"{"omitted_bytes":9}"#, "…"), (#"{"path":"a\nb"}"#, "a\\nb"),
    ])
  func arguments(json: String, expected: String) throws {
    #expect(TaskStory.shortArguments(try JSONValue(parsing: json)) == expected)
  }

  @Test("the second try of a step says so")
  func tries() throws {
    var story = TaskStory()
    _ = story.line(for: try event("step.started", #"{"step":1,"kind":"model_call","name":"openai","attempt":2}"#))
    #expect(story.openTitle(of: 1) == "[1] model openai (try 2)")
  }

  @Test("a terminal's live line gives way to the model's words and to the finished step")
  func live() throws {
    var screen = LiveScreen(paint: Paint(isTerminal: true, environment: ["NO_COLOR": "1"]), columns: 40)
    let stream =
      RecordedEvents.stream(upTo: 44) + RecordedEvents.delta(1, "I lo") + RecordedEvents.delta(1, #"ok.\r"#)
      + RecordedEvents.delta(1, #"\n\u001b"#) + RecordedEvents.stream(after: 44, upTo: 49)
    let shown = try events(stream).map { screen.text(for: $0) }
    #expect(
      shown == [
        "submitted: fix the title\n", "started, attempt 1\n", "[1] model sandbox …", "\r\u{1B}[KI lo", "ok.",
        "\n\\u{1B}", "\n[1] model sandbox  812 tokens in, 45 ou…\n", "[2] file.read README.md …",
        "\r\u{1B}[K[2] file.read README.md  8 B  12 ms\n",
      ])
    #expect(screen.lastReply == "I look.\r\n\u{1B}")
  }
}
