import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The contract's sizes over HTTP: what is just within is taken, one more is refused and named.
@Suite struct BoundsTests {
  /// The agent is disabled, so that nothing runs what is taken.
  private static func service() async throws -> ServiceProcess {
    let service = try await ServiceProcess.serve(in: TemporaryFolder())
    _ = try await service.send("POST", "/api/agents/writer/disable")
    return service
  }

  private static func body(_ members: [String: JSONValue]) -> JSONValue {
    .object(["agent": "writer", "input": "x"].merging(members) { $1 })
  }

  private static func text(_ bytes: Int) -> JSONValue { .string(String(repeating: "t", count: bytes)) }

  private static func expect(
    _ service: ServiceProcess, taken: [[String: JSONValue]], refused: [([String: JSONValue], pointer: String)],
    location: SourceLocation = #_sourceLocation
  ) async throws {
    for members in taken {
      let answer = try await service.send("POST", "/api/tasks", body(members))
      #expect(answer.status == 201, "\(answer.text.prefix(300))", sourceLocation: location)
    }
    for (members, pointer) in refused {
      let answer = try await service.refused(
        422, "invalid_field", "POST", "/api/tasks", body(members), location: location)
      let pointers = answer.json["errors"]?.arrayValue?.map { $0["pointer"]?.stringValue }
      #expect(pointers == [pointer], sourceLocation: location)
    }
  }

  @Test("numbers: timeout_seconds and max_attempts")
  func numbers() async throws {
    let service = try await Self.service()
    try await Self.expect(
      service,
      taken: [["timeout_seconds": 1], ["timeout_seconds": 604_800], ["max_attempts": 1], ["max_attempts": 20]],
      refused: [
        (["timeout_seconds": 0], "/timeout_seconds"), (["timeout_seconds": 604_801], "/timeout_seconds"),
        (["max_attempts": 0], "/max_attempts"), (["max_attempts": 21], "/max_attempts"),
      ])
  }

  @Test("sizes: input, metadata, labels and files")
  func sizes() async throws {
    let service = try await Self.service()
    func labels(_ count: Int, name: Int = 2, value: Int = 1) -> [String: JSONValue] {
      let names = (0..<count).map { String(repeating: "l", count: name - 2) + String(10 + $0) }
      let value = JSONValue.string(String(repeating: "é", count: value))
      return ["labels": .object(Dictionary(uniqueKeysWithValues: names.map { ($0, value) }))]
    }
    func files(_ bytes: Int) -> [String: JSONValue] {
      let half = String(repeating: "f", count: bytes / 2)
      let rest = String(repeating: "f", count: bytes - bytes / 2)
      return [
        "files": [["path": "a.txt", "text": .string(half)], ["path": "b.txt", "text": .string(rest)]]
      ]
    }
    let longName = String(repeating: "l", count: 63) + "10"
    // The metadata's JSON is `{"m":"…"}`: eight bytes around the text.
    try await Self.expect(
      service,
      taken: [
        ["input": Self.text(1024 * 1024)], ["metadata": ["m": Self.text(64 * 1024 - 8)]], labels(16),
        labels(1, name: 64, value: 64), files(8 * 1024 * 1024),
      ],
      refused: [
        (["input": Self.text(1024 * 1024 + 1)], "/input"),
        (["metadata": ["m": Self.text(64 * 1024 - 7)]], "/metadata"), (labels(17), "/labels"),
        (labels(1, name: 65), "/labels/\(longName.prefix(64))"), (labels(1, value: 65), "/labels/10"),
        (files(8 * 1024 * 1024 + 1), "/files/1/text"),
      ])
    #expect(try await service.listed().count == 5)
  }

  @Test("a batch: a thousand tasks, and not one more")
  func batch() async throws {
    let service = try await Self.service()
    func tasks(_ count: Int) -> JSONValue { ["tasks": .array(Array(repeating: Self.body([:]), count: count))] }
    try await service.refused(413, "batch_too_large", "POST", "/api/tasks:batch", tasks(1001))
    #expect(try await service.listed() == [])
    let taken = try await service.send("POST", "/api/tasks:batch", tasks(1000))
    #expect(taken.status == 201 && taken.json["data"]?.arrayValue?.count == 1000)
    try await service.refused(422, "invalid_field", "POST", "/api/tasks:batch", tasks(0))
  }

  @Test("a task is given a folder below an allowed root, and no other: outside, the data, a link that leads out")
  func folders() async throws {
    let folder = try TemporaryFolder()
    let outside = try TemporaryFolder()
    let root = folder.appending("root")
    for path in [root + "/good", outside.appending("other")] {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    try FileManager.default.createSymbolicLink(
      atPath: root + "/link", withDestinationPath: outside.appending("other"))
    try Data("x".utf8).write(to: URL(fileURLWithPath: root + "/file.txt"))
    let service = try await ServiceProcess.serve(
      in: folder,
      files: ServiceProcess.scripted([
        ServiceProcess.calling("write", [("file.write", ["path": "a.txt", "text": "written"])]),
        ServiceProcess.saysDone,
      ]).merging(["server.yaml": "workspace_roots: ['\(root)', '\(folder.path)']\n"]) { $1 })
    for path in [
      outside.appending("other"), root + "/link", root + "/none", root + "/file.txt", root + "/../../..", "good", "/",
      service.data, service.data + "/workspaces", folder.path,
    ] {
      let answer = try await service.refused(
        422, "folder_not_allowed", "POST", "/api/tasks", ["agent": "coder", "input": "x", "folder": .string(path)])
      #expect(answer.json["errors"]?.arrayValue?.map { $0["pointer"] } == ["/folder"], "\(path)")
    }
    let files: JSONValue = [["path": "a.txt", "text": "x"]]
    let both = try await service.refused(
      422, "invalid_field", "POST", "/api/tasks",
      ["agent": "coder", "input": "x", "folder": .string(root + "/good"), "files": files])
    #expect(both.json["errors"]?.arrayValue?.map { $0["pointer"] } == ["/files"])
    #expect(try await service.listed() == [])
    let id = try await service.create(["agent": "coder", "input": "write", "folder": .string(root + "/good")])
    #expect(try await service.ended(id)["status"] == "completed")
    #expect(FileManager.default.contents(atPath: root + "/good/a.txt") == Data("written".utf8))
  }
}
