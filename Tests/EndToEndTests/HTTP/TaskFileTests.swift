import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The files of a task: given with it, and read back.
@Suite struct TaskFileTests {
  @Test("a file that cannot be given is named by its place, alone and in a batch")
  func refusedFiles() async throws {
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    func file(_ path: String) -> JSONValue { ["path": .string(path), "text": "x"] }
    for (files, code, pointer) in [
      ([file("../out")], "path_outside_workspace", "/files/0/path"),
      ([file("ok"), file("/etc/x")], "path_outside_workspace", "/files/1/path"),
      ([file("ok"), file("a\nb")], "name_invalid", "/files/1/path"),
      ([file("a"), file("b"), file("a")], "path_duplicate", "/files/2/path"),
      ([file("a"), ["path": "b"]], "invalid_field", "/files/1/text"),
      ([["path": "b", "base64": "?"]], "invalid_field", "/files/0/base64"),
    ] as [([JSONValue], String, String)] {
      let task: JSONValue = ["agent": "coder", "input": "x", "files": .array(files)]
      let alone = try await service.refused(422, code, "POST", "/api/tasks", task)
      #expect(alone.json["errors"]?.arrayValue?.map { $0["pointer"]?.stringValue } == [pointer], "\(alone.text)")
      let batch: JSONValue = ["tasks": [["agent": "coder", "input": "x"], task]]
      let among = try await service.refused(422, code, "POST", "/api/tasks:batch", batch)
      #expect(among.json["errors"]?.arrayValue?.map { $0["pointer"]?.stringValue } == ["/tasks/1" + pointer])
    }
    #expect(try await service.listed() == [])
  }

  @Test("a link is neither listed nor packed nor served, whether it stays inside or not")
  func links() async throws {
    let service = try await ServiceProcess.serve(
      in: TemporaryFolder(), files: ServiceProcess.scripted([ServiceProcess.saysDone]))
    let id = try await service.create([
      "agent": "coder", "input": "x", "files": [["path": "real/a.txt", "text": "inside"]],
    ])
    _ = try await service.ended(id)
    let workspace = service.data + "/workspaces/\(id)"
    for (name, target) in [("link.txt", "real/a.txt"), ("folder", "real"), ("out", "/etc/hostname")] {
      try FileManager.default.createSymbolicLink(atPath: "\(workspace)/\(name)", withDestinationPath: target)
    }
    let list = try await service.send("GET", "/api/tasks/\(id)/files").json["data"]?.arrayValue ?? []
    #expect(list.compactMap { $0["path"]?.stringValue } == ["real/a.txt"])
    #expect(try await service.send("GET", "/api/tasks/\(id)/files/real/a.txt").text == "inside")
    for path in ["link.txt", "folder/a.txt", "out"] {
      try await service.refused(422, "path_outside_workspace", "GET", "/api/tasks/\(id)/files/\(path)")
    }
    let tar = try await service.send("GET", "/api/tasks/\(id)/files.tar")
    #expect(!tar.text.contains("link.txt"))
  }
}
