import AgentCore
import AgentTestKit
import Foundation
import Testing

/// Pictures that a task's input names, as they go over the wire.
@Suite struct ProviderImageTests {
  /// Begins as a PNG does; nobody looks further.
  private static let png = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + (0..<3000).map { UInt8($0 % 251) })
  private static let jpeg = Data([0xFF, 0xD8, 0xFF, 0xE0] + (0..<500).map { UInt8($0 % 7) })
  private static let sent = [
    "data:image/png;base64," + png.base64EncodedString(), "data:image/jpeg;base64," + jpeg.base64EncodedString(),
  ]
  private static let input: JSONValue = ["prompt": "go", "images": ["a.png", "photos/b.jpg"]]
  /// Writes over the first of them, then looks on.
  private static let rules = [
    ProviderSite.calling("go", [ProviderSite.call("file.write", ["path": "a.png", "text": "no picture any more"])]),
    ProviderSite.saysDone,
  ]

  @Test(
    "each goes out whole beside the prompt, and stays what it was when the agent writes over its file",
    arguments: WireFormat.allCases)
  func workspace(format: WireFormat) async throws {
    let site = try await ProviderSite(format, Self.rules)
    let files: JSONValue = [
      ["path": "a.png", "base64": .string(Self.png.base64EncodedString())],
      ["path": "photos/b.jpg", "base64": .string(Self.jpeg.base64EncodedString())],
    ]
    let task = try await site.service.ended(
      try await site.service.create(["agent": "worker", "input": Self.input, "files": files]))
    try check(site, task)
    let id = task["id"]?.stringValue ?? ""
    #expect(try await site.service.send("GET", "/api/tasks/\(id)/files/a.png").text == "no picture any more")
    // The journal has their names and digests, not their bytes.
    let step = try await site.steps(task).first ?? .null
    #expect(
      step["input"]?["images"]?.arrayValue?.map { $0["path"] } == ["a.png", "photos/b.jpg"], "\(step.text)")
    #expect(!step.text.contains(Self.png.base64EncodedString().prefix(60)))
  }

  @Test("those of a task that was given a folder come from there", arguments: WireFormat.allCases)
  func folder(format: WireFormat) async throws {
    let root = try TemporaryFolder("pictures")
    let place = root.appending("work")
    try FileManager.default.createDirectory(atPath: place + "/photos", withIntermediateDirectories: true)
    try Self.png.write(to: URL(fileURLWithPath: place + "/a.png"))
    try Self.jpeg.write(to: URL(fileURLWithPath: place + "/photos/b.jpg"))
    let site = try await ProviderSite(
      format, Self.rules, files: ["server.yaml": "workspace_roots: [\(JSONValue.string(root.path).text)]\n"])
    let task = try await site.service.ended(
      try await site.service.create(["agent": "worker", "input": Self.input, "folder": .string(place)]))
    try check(site, task)
    #expect(try String(contentsOfFile: place + "/a.png", encoding: .utf8) == "no picture any more")
  }

  private func check(_ site: ProviderSite, _ task: JSONValue) throws {
    #expect(task["status"] == "completed", "\(task.text), \(site.double.standardError)")
    let calls = try site.double.calls()
    #expect(calls.map(\.turn) == [1, 2] && calls.allSatisfy { $0.refused == nil })
    for call in calls {
      #expect(site.format.pictures(in: call.body) == Self.sent, "turn \(call.turn)")
      #expect(call.line["prompt"] == "go")
    }
  }
}
