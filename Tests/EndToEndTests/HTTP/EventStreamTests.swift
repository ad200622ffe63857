import AgentCore
import AgentTestKit
import Foundation
import HTTPTransport
import Testing

/// Server-sent events over HTTP, as a reader sees them.
@Suite struct EventStreamTests {
  @Test("a task's stream opens with its position, tells every step, and ends with `end`")
  func wholeStream() async throws {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(),
      files: ServiceProcess.scripted([
        ServiceProcess.calling("go", [("file.write", ["path": "a.txt", "text": "a"])]), ServiceProcess.saysDone,
      ]))
    let id = try await service.create(["agent": "coder", "input": "go"])
    _ = try await service.ended(id)
    var events = try await service.events("/api/tasks/\(id)/events")
    let all = try await events.rest()
    #expect(events.head.value(of: "content-type") == "text/event-stream")
    #expect(events.text.hasPrefix("id: 0\n\n"))
    #expect(
      all.map(\.name) == [
        "task.submitted", "task.started", "step.started", "step.finished", "step.started", "step.finished",
        "step.started", "step.finished", "task.completed", "end",
      ])
    let numbers = all.dropLast().compactMap { Int($0.lastEventID) }
    #expect(numbers == numbers.sorted() && Set(numbers).count == 9)
    for event in all.dropLast() {
      let data = try JSONValue(parsing: event.data)
      #expect(data["task"]?.stringValue == id)
      #expect(data["at"]?.stringValue?.hasSuffix("Z") == true)
    }
    // From the middle: what follows, and nothing again.
    let middle = String(numbers[3])
    for reader in [
      try await service.events("/api/tasks/\(id)/events", headers: [("Last-Event-ID", middle)]),
      try await service.events("/api/tasks/\(id)/events?after=\(middle)"),
    ] {
      var reader = reader
      let rest = try await reader.rest()
      #expect(rest.map(\.lastEventID) == all.suffix(rest.count).map(\.lastEventID))
      #expect(rest.count == 6)
      #expect(reader.text.hasPrefix("id: \(middle)\n\n"))
    }
  }

  @Test("a delta has no id of its own and follows its try's `step.started`")
  func deltas() async throws {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(),
      files: ServiceProcess.scripted([["reply": ["delay": "300ms", "text": "one two three"]]]))
    _ = try await service.send("POST", "/api/agents/coder/disable")
    let id = try await service.create(["agent": "coder", "input": "x"])
    var events = try await service.events("/api/tasks/\(id)/events")
    #expect(try await events.next()?.name == "task.submitted")
    _ = try await service.send("POST", "/api/agents/coder/enable")
    let all = try await events.rest()
    let started = try #require(all.firstIndex { $0.name == "step.started" })
    let deltas = all.indices.filter { all[$0].name == "delta" }
    #expect(!deltas.isEmpty)
    #expect(deltas.allSatisfy { $0 > started && all[$0].lastEventID == all[$0 - 1].lastEventID })
    let words = try deltas.map { try JSONValue(parsing: all[$0].data)["text"]?.stringValue ?? "" }.joined()
    #expect(words == "one two three")
    #expect(
      events.text.components(separatedBy: "\n\n").allSatisfy { !$0.contains("event: delta") || !$0.contains("id:") })
    // Live only: told once, never again.
    var again = try await service.events("/api/tasks/\(id)/events")
    #expect(try await again.rest().contains { $0.name == "delta" } == false)
  }

  @Test("a reader that goes on with the last id after kill -9 and a restart loses nothing and repeats nothing")
  func resumption() async throws {
    let folder = try TemporaryFolder()
    let first = try await ServiceProcess.serve(in: folder, files: ServiceProcess.scripted([ServiceProcess.saysDone]))
    var reader = try await first.events("/api/events?after=0")
    var ids: [String] = []
    for _ in 0..<5 { ids.append(try await first.create(["agent": "coder", "input": "x"])) }
    var seen: [String] = []
    while seen.count < 12 { try await Self.note(&reader, &seen) }
    await first.killed()
    let second = try await ServiceProcess.serve(in: folder)
    for _ in 0..<3 { ids.append(try await second.create(["agent": "coder", "input": "x"])) }
    for id in ids { _ = try await second.ended(id) }
    let newest = try await Self.newest(second)
    var rest = try await second.events("/api/events", headers: [("Last-Event-ID", seen[seen.count - 1])])
    while seen.last != newest { try await Self.note(&rest, &seen) }
    var whole = try await second.events("/api/events?after=0")
    var all: [String] = []
    while all.last != newest { try await Self.note(&whole, &all) }
    #expect(seen == all)
    #expect(Set(seen).count == seen.count)
    // The journal itself, as a stranger reads it.
    await second.killed()
    let witness = try StoreWitness.ofTheDead(data: second.data, scratch: folder.appending("scratch"))
    #expect(witness.events.map { String($0.sequence) } == all)
  }

  /// The next event's number; a delta has none of its own.
  private static func note(_ reader: inout EventReader, _ numbers: inout [String]) async throws {
    let event = try #require(try await reader.next())
    if event.name != "delta" { numbers.append(event.lastEventID) }
  }

  private static func newest(_ service: ServiceProcess) async throws -> String {
    var events = try await service.events("/api/events")
    return try await events.position()
  }

  @Test("the stream of all tasks starts now; with after=0 it tells all that is kept")
  func allTasks() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    let old = try await service.create(["agent": "coder", "input": "Say hello"])
    _ = try await service.ended(old)
    var live = try await service.events("/api/events")
    let start = try await live.position()
    #expect(start == (try await Self.newest(service)))
    let new = try await service.create(["agent": "coder", "input": "Say hello"])
    let event = try #require(try await live.next())
    #expect(event.name == "task.submitted")
    #expect(try JSONValue(parsing: event.data)["task"]?.stringValue == new)
    var kept = try await service.events("/api/events?after=0")
    #expect(try JSONValue(parsing: #require(try await kept.next()).data)["task"]?.stringValue == old)
  }
}
