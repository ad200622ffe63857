import AgentConfig
import AgentCore
import AgentRuntime
import AgentTestKit
import Foundation
import Testing

/// Pictures that go with a task's prompt.
@Suite("Images", .timeLimit(.minutes(1))) struct ImageTests {
  private static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 1, 2, 3]

  private static func rig(_ provider: ProbeProvider) async throws -> EngineRig {
    try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["file.write"])], script: .turns([]), provider: provider)
  }

  private static func draft(_ draft: inout TaskDraft, _ bytes: [UInt8] = png) {
    draft.input = ["prompt": "what is it?", "images": ["a.png"]]
    draft.files = [WorkspaceUpload(path: "a.png", bytes: bytes)]
  }

  @Test("a picture goes with the prompt, stands in the step as path and digest, and reserves its tokens")
  func shown() async throws {
    let provider = ProbeProvider([.text("a dot")])
    try await Self.rig(provider).run { rig in
      let id = try await rig.submit("coder") { Self.draft(&$0) }
      #expect(try await rig.ended(id).status == .completed)
      let digest = FixedDigester().digest(Self.png)
      let image = ChatImage(mediaType: "image/png", digest: digest, bytes: Self.png)
      let request = try #require(provider.calls.first)
      #expect(request.messages[1] == .user("what is it?", images: [image]))
      #expect(request.reservedTokens > 5000 + 4096)
      let step = try #require(try await rig.tasks.steps(of: id).first)
      #expect(step.input["images"] == [["path": "a.png", "media_type": "image/png", "digest": .string(digest)]])
      let kept = rig.folder.appending("workspaces/\(id).images/\(digest)")
      #expect(FileManager.default.contents(atPath: kept).map { Array($0) } == Self.png)
      try await rig.tasks.purge(id, by: .local)
      #expect(!FileManager.default.fileExists(atPath: rig.folder.appending("workspaces/\(id).images")))
    }
  }

  /// A root whose folder `work` holds a picture.
  private static func root() throws -> TemporaryFolder {
    let root = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: root.appending("work"), withIntermediateDirectories: false)
    try Data(png).write(to: URL(fileURLWithPath: root.appending("work/a.png")))
    return root
  }

  @Test("a picture in a task's folder is shown too, and its copy is kept beside the workspaces, not in the folder")
  func inFolder() async throws {
    let (root, provider) = (try Self.root(), ProbeProvider([.text("a dot")]))
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent()], script: .turns([]), provider: provider,
      allowedRoots: [root.path])
    try await rig.run { rig in
      let id = try await rig.submit("coder") { draft in
        (draft.input, draft.folder) = (["prompt": "what?", "images": ["a.png"]], root.appending("work"))
      }
      #expect(try await rig.ended(id).status == .completed)
      let digest = FixedDigester().digest(Self.png)
      let image = ChatImage(mediaType: "image/png", digest: digest, bytes: Self.png)
      #expect(provider.calls.first?.messages[1] == .user("what?", images: [image]))
      #expect(try FileManager.default.contentsOfDirectory(atPath: root.appending("work")) == ["a.png"])
      let kept = rig.folder.appending("workspaces/\(id).images/\(digest)")
      #expect(FileManager.default.contents(atPath: kept).map { Array($0) } == Self.png)
    }
  }

  @Test(
    "what is no picture in a task's folder fails the task when it starts",
    arguments: [
      ("b.png", "file_not_found"), ("text.png", "image_invalid"), ("pipe.png", "not_regular_file"),
      ("out.png", "path_outside_workspace"),
    ])
  func wrongInFolder(name: String, code: String) async throws {
    let (root, provider) = (try Self.root(), ProbeProvider([.text("no")]))
    try Data("text".utf8).write(to: URL(fileURLWithPath: root.appending("work/text.png")))
    #expect(mkfifo(root.appending("work/pipe.png"), 0o600) == 0)
    try FileManager.default.createSymbolicLink(
      atPath: root.appending("work/out.png"), withDestinationPath: root.appending("out.png"))
    try Data(Self.png).write(to: URL(fileURLWithPath: root.appending("out.png")))
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent()], script: .turns([]), provider: provider,
      allowedRoots: [root.path])
    try await rig.run { rig in
      let id = try await rig.submit("coder") { draft in
        (draft.input, draft.folder) = (["prompt": "what?", "images": [.string(name)]], root.appending("work"))
      }
      let task = try await rig.ended(id)
      #expect(task.error?.code == code && task.attempt == 1 && provider.calls.isEmpty)
    }
  }

  @Test("a kept copy that is another picture by now is not shown")
  func changedCopy() async throws {
    let provider = ProbeProvider([.hang(wasSent: false), .text("no")])
    try await Self.rig(provider).run { rig in
      let id = try await rig.submit("coder") { Self.draft(&$0) }
      await provider.begun()
      let kept = rig.folder.appending("workspaces/\(id).images/\(FixedDigester().digest(Self.png))")
      try FileManager.default.removeItem(atPath: kept)
      try Data(Self.png + [4]).write(to: URL(fileURLWithPath: kept))
      async let isDone: Void = rig.engine.restart("coder")
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      await isDone
      let error = try await rig.tasks.task(id).error
      #expect(error?.code == "image_invalid" && error?.detail.contains("has changed") == true)
      #expect(provider.calls.count == 1)
    }
  }

  @Test("what was shown first is shown ever after, though the file changes")
  func kept() async throws {
    let write = ToolCall(id: "w", name: "file.write", arguments: ["path": "a.png", "text": "no picture"])
    let usage = ModelUsage(inputTokens: 10, outputTokens: 10)
    let provider = ProbeProvider([
      .reply(ModelReply(text: "", calls: [write], finish: .toolCalls, usage: usage, model: "m")),
      .hang(wasSent: true), .text("done"),
    ])
    try await Self.rig(provider).run { rig in
      let id = try await rig.submit("coder") { Self.draft(&$0) }
      while provider.calls.count < 2 { await provider.begun() }
      async let isDone: Void = rig.engine.restart("coder")
      try await rig.advance(until: { try await rig.tasks.task(id).status == .completed })
      await isDone
      #expect(Set(provider.calls.map { $0.messages[1] }).count == 1)
    }
  }

  @Test(
    "a list of pictures that could not be shown is refused at creation",
    arguments: [
      (["images": ["a.png", "b.png"]], png, 0, "/input/images/1"), (["images": "a.png"], png, 0, "/input/images"),
      (["images": [1]], png, 0, "/input/images"), (["images": ["a.png"]], Array("text".utf8), 0, "/input/images/0"),
      (["images": ["a.png"]], png, 5 << 20, "/input/images/0"),
      (["images": .array(Array(repeating: "a.png", count: 21))], png, 0, "/input/images"),
    ] as [(JSONValue, [UInt8], Int, String)])
  func refused(images: JSONValue, beginning: [UInt8], zeros: Int, pointer: String) async throws {
    let bytes = beginning + [UInt8](repeating: 0, count: zeros)
    try await Self.rig(ProbeProvider([.text("no")])).run { rig in
      let refused = await #expect(throws: ServiceError.self) {
        try await rig.submit("coder") { draft in
          Self.draft(&draft, bytes)
          draft.input = ["prompt": "go", "images": images["images"] ?? .null]
        }
      }
      #expect(refused?.fields.map(\.pointer) == [pointer])
    }
  }

  @Test("pictures without a task's workspace beside them are orphans too")
  func orphans() async throws {
    let rig = try await Self.rig(ProbeProvider([.text("no")]))
    let digest = FixedDigester().digest(Self.png)
    try await rig.workspaces.keepImage(Self.png, digest: digest, of: TaskID(number: 77))
    try await rig.workspaces.keepImage(Self.png, digest: digest, of: TaskID(number: 77))
    #expect(try await rig.workspaces.image(digest, of: TaskID(number: 77)) == Self.png)
    #expect(try await rig.workspaces.existing() == [TaskID(number: 77)])
    try await OrphanWorkspaces.remove(from: rig.workspaces, store: rig.store)
    #expect(try await rig.workspaces.existing().isEmpty)
    await rig.file.close()
  }

  @Test(
    "formats are told by their first bytes",
    arguments: [
      (png, "image/png"), ([0xFF, 0xD8, 0xFF, 0xE0], "image/jpeg"), (Array("GIF89a".utf8), "image/gif"),
      (Array("GIF88a".utf8), nil), (Array("RIFF1234WEBP".utf8), "image/webp"), (Array("RIFF1234WAVE".utf8), nil),
      (Array("RIFF".utf8), nil), ([], nil),
    ] as [([UInt8], String?)])
  func formats(bytes: [UInt8], type: String?) { #expect(ImageFormat(of: bytes)?.rawValue == type) }
}
