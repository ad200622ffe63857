import AgentCore
import AgentRuntime
import Testing

@testable import AgentAPI

@Suite struct EventBodyTests {
  private func entry(head: JSONValue, body: JSONValue? = nil, step: Int? = nil) -> JournalEntry {
    JournalEntry(
      sequence: 12, task: TaskID(number: 3), taskSequence: 1, step: step, type: .stepFinished,
      at: Timestamp(milliseconds: 0), actor: .system, head: head, body: body)
  }

  private func data(_ item: FeedItem) throws -> JSONValue {
    let line = EventBody.blocks(item, task: nil).split(separator: "\n").first { $0.hasPrefix("data: ") }
    return try JSONValue(parsing: String(try #require(line).dropFirst(6)))
  }

  @Test("an event is id, name and one JSON line")
  func event() {
    let usage = ModelUsage(inputTokens: 1, outputTokens: 2, cost: NanoUSD(1_500_000_000))
    let entry = entry(head: ["kind": "model_call", "usage": usage.json], body: ["output": "a\nb"], step: 4)
    #expect(
      EventBody.blocks(.entry(entry), task: nil) == """
        id: 12
        event: step.finished
        data: {"at":"1970-01-01T00:00:00.000Z","kind":"model_call","output":"a\\nb","step":4,"task":"task-3",\
        "usage":{"cost_usd":1.5,"estimated":false,"input_tokens":1,"output_tokens":2}}


        """)
  }

  @Test("the other blocks")
  func others() {
    let task = TaskID(number: 3)
    let delta = ModelDelta(task: task, step: 1, attempt: 2, text: "hi")
    #expect(EventBody.blocks(.position(5), task: nil) == "id: 5\n\n")
    #expect(EventBody.blocks(.gap, task: nil) == "event: gap\ndata: {}\n\n")
    #expect(
      EventBody.blocks(.delta(delta), task: nil)
        == "event: delta\ndata: {\"attempt\":2,\"step\":1,\"task\":\"task-3\",\"text\":\"hi\"}\n\n")
    #expect(
      EventBody.blocks(.end(reason: "gone"), task: task)
        == "event: end\ndata: {\"reason\":\"gone\",\"task\":\"task-3\"}\n\n")
  }

  @Test("data stays within 4 KiB, whatever is long", arguments: ["output", "input", "metadata"])
  func bounded(name: String) throws {
    let long = JSONValue.string(String(repeating: "x", count: 4096))
    let entry =
      name == "metadata"
      ? entry(head: ["metadata": long, "kind": "wait"]) : entry(head: ["kind": "wait"], body: [name: long])
    let data = try data(.entry(entry))
    #expect(data.encoded().count <= 4096)
    #expect(data[name] == ["omitted_bytes": 4098])
    #expect(data["kind"] == "wait")
  }

  @Test("the longest member gives way, and a short output stays")
  func longestFirst() throws {
    let metadata = JSONValue.string(String(repeating: "m", count: 5 * 1024))
    let data = try data(.entry(entry(head: ["metadata": metadata], body: ["input": "x", "output": "y"])))
    #expect(data["input"] == "x" && data["output"] == "y")
    #expect(data["metadata"] == ["omitted_bytes": 5122])
  }

  @Test("a long delta is sent as several that make up the same text")
  func longDelta() throws {
    let text = String(repeating: "\u{1}é", count: 3000)
    let delta = ModelDelta(task: TaskID(number: 1), step: 1, attempt: 1, text: text)
    let lines = EventBody.blocks(.delta(delta), task: nil).split(separator: "\n").filter { $0.hasPrefix("data: ") }
    #expect(lines.allSatisfy { $0.utf8.count <= 4096 + 6 })
    let parts = try lines.map { try JSONValue(parsing: String($0.dropFirst(6)))["text"]?.stringValue ?? "" }
    #expect(parts.joined() == text)
  }

  @Test("there are only so many streams at once")
  func places() {
    let places = StreamPlaces()
    var taken = (0..<StreamPlaces.maximum).compactMap { _ in places.take() }
    #expect(taken.count == StreamPlaces.maximum)
    #expect(places.take() == nil)
    taken.removeLast()
    #expect(places.take() != nil)
  }

  @Test("a stream's starting point is a number", arguments: ["abc", "-1", "1.5", "99999999999999999999"])
  func badStart(text: String) async throws {
    let harness = APIHarness()
    #expect(try await harness.send(.get, "/api/events?after=\(text)").code == "bad_event_id")
    let answer = try await harness.send(.get, "/api/tasks/7/events", headers: ["Last-Event-ID": text])
    #expect(answer.status == 400)
    #expect(answer.code == "bad_event_id")
  }
}
