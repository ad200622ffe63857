import AgentCore
import AgentTestKit
import Foundation
import HTTPTransport
import Testing

/// The main job, on the real binary.
@Suite struct FirstTaskTests {
  @Test("a task reads and writes real files and its result comes back over HTTP")
  func mainJob() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    let id = try await service.create([
      "agent": "writer", "input": "Summarise notes.md and write the summary to SUMMARY.md",
      "files": [["path": "notes.md", "text": .string(Self.notes)]],
    ])
    let task = try await service.ended(id)
    #expect(task["status"] == "completed", "\(task.text)")
    #expect(task["output"]?["files"]?.arrayValue?.first?["path"] == "SUMMARY.md")
    let file = try await service.send("GET", "/api/tasks/\(id)/files/SUMMARY.md")
    #expect(file.status == 200)
    #expect(file.text.contains("journal"))
    let steps = try await service.send("GET", "/api/tasks/\(id)/steps").json["data"]?.arrayValue ?? []
    #expect(steps.map { $0["step"]?.integerValue } == (1...Int64(steps.count)).map { $0 })
    #expect(steps.allSatisfy { $0["status"] == "finished" })
    #expect(steps.contains { $0["name"] == "file.write" && $0["effect"] == "idempotent" })
  }

  @Test("a task goes on from its last finished step after kill -9")
  func killed() async throws {
    let folder = try TemporaryFolder()
    let script = """
      rules:
        - when: {turn: 1}
          reply: {tool_calls: [{name: file.write, arguments: {path: one.txt, text: "one"}}]}
        - when: {turn: 2}
          times: 1
          reply: {delay: 600s, text: "never in the first life"}
        - reply: {text: "done"}
      """
    let files = [
      "providers.yaml": "providers:\n  sandbox: {type: sandbox, script: script.yaml}\n",
      "script.yaml": script,
    ]
    let first = try await ServiceProcess.serve(in: folder, files: files)
    let id = try await first.create(["agent": "coder", "input": "go"])
    try await first.reached(id, step: 3, status: "started")
    await first.killed()
    let second = try await ServiceProcess.serve(in: folder)
    let waiting = try await second.send("GET", "/api/tasks/\(id)").json
    #expect(["pending", "running"].contains(waiting["status"]?.stringValue))
    #expect(waiting["attempt"] == 1)
    // The script's one long answer is counted per process, so the second life meets it again: cancel instead of wait.
    #expect(try await second.send("DELETE", "/api/tasks/\(id)").status < 300)
    let ended = try await second.ended(id)
    #expect(ended["status"] == "cancelled")
    let steps = try await second.send("GET", "/api/tasks/\(id)/steps").json["data"]?.arrayValue ?? []
    #expect(steps.filter { $0["name"] == "file.write" }.count == 1)
  }

  static let notes = """
    # Notes

    The journal records every step before the next one begins. A task that is killed goes on from the journal.
    Each step of the journal has a number, and no number is used twice. The weather was mild that week.
    A summary of the journal is short. The journal is the product.
    """
}

extension ServiceProcess {
  /// Follows the task's events until that step has that status.
  func reached(_ id: String, step: Int64, status: String) async throws {
    var request = HTTPExchange.Request(url: "http://localhost/api/tasks/\(id)/events")
    request.unixSocketPath = socket
    let response = try await transport.stream(request)
    var parser = EventStreamParser()
    for try await bytes in response.body {
      for event in try parser.consume(bytes) where event.name == "step.\(status)" {
        if try JSONValue(parsing: event.data)["step"]?.integerValue == step { return }
      }
    }
    throw NotReady(description: "\(id) ended before step \(step) was \(status)")
  }
}
