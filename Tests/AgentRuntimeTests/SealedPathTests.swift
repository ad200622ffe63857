import AgentCore
import AgentPersistence
import AgentRuntime
import AgentTestKit
import Foundation
import Synchronization
import Testing
import Vault

/// File steps whose paths have a sealed value in them.
@Suite(.timeLimit(.minutes(4))) struct SealedPathTests {
  private static let secret = "correct-horse-battery"
  private static let path = "\(secret)/notes.txt"
  private static let usage = ModelUsage(inputTokens: 1, outputTokens: 1)

  struct Case: Sendable, CustomTestStringConvertible {
    var tool: String
    var isNew: Bool
    /// The write itself was cut, and not only the word of it.
    var isUndone: Bool
    var testDescription: String { "\(tool), \(isNew ? "new" : "existing") file, \(isUndone ? "not " : "")done" }

    fileprivate var call: ToolCall {
      var arguments: [String: JSONValue] = ["path": .string(SealedPathTests.path)]
      if tool == "file.write" {
        arguments["text"] = "new"
      } else {
        (arguments["old"], arguments["new"]) = ("old", "new")
      }
      return ToolCall(id: "a", name: tool, arguments: .object(arguments))
    }
  }

  private static let cases = [
    Case(tool: "file.write", isNew: true, isUndone: false), Case(tool: "file.write", isNew: true, isUndone: true),
    Case(tool: "file.write", isNew: false, isUndone: false), Case(tool: "file.write", isNew: false, isUndone: true),
    Case(tool: "file.edit", isNew: false, isUndone: false), Case(tool: "file.edit", isNew: false, isUndone: true),
  ]

  private static func rig(
    _ folder: TemporaryFolder, _ clock: ManualClock, _ ring: KeyRing, _ replies: [ModelReply],
    _ hooks: StoreHooks = StoreHooks()
  ) async throws -> EngineRig {
    try await EngineRig(
      in: folder, agents: [EngineTests.agent(tools: ["file.write", "file.edit"])], script: .turns([]), clock: clock,
      provider: ProbeProvider(replies.map { .reply($0) }), hooks: hooks, ring: ring)
  }

  @Test("a file step that a kill cut goes on at the file itself", arguments: cases) func resumed(_ cut: Case)
    async throws
  {
    let (folder, ring, clock) = (try TemporaryFolder(), try TestKeys.ring(), ManualClock())
    let done = Wakeup()
    var hooks = StoreHooks()
    hooks.beforeAdvance = { (changes) throws(StoreError) in
      let isEnd = changes.contains { if case .stepEnded(let end) = $0 { end.number == 2 } else { false } }
      guard isEnd else { return }
      done.wake()
      throw StoreError(.storageBusy, "not in this life")
    }
    let first = ModelReply(text: "", calls: [cut.call], finish: .toolCalls, usage: Self.usage, model: "m")
    let file = folder.appending("workspaces/task-1/\(Self.path)")
    try await Self.rig(folder, clock, ring, [first], hooks).runAndAbandon { rig in
      let id = try await rig.submit("coder") { draft in
        draft.input = ["prompt": "go", "api_key": .string(Self.secret)]
        if !cut.isNew { draft.files = [WorkspaceUpload(path: Self.path, bytes: Array("old".utf8))] }
      }
      await done.wait()
      let row = try await rig.event(.stepStarted, of: id, step: 2)
      #expect(row.head["evidence"]?["path"] == "[sealed]/notes.txt", "\(row.head.text)")
    }
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "new")
    if cut.isUndone {
      if cut.isNew {
        try FileManager.default.removeItem(atPath: file)
      } else {
        try Data("old".utf8).write(to: URL(fileURLWithPath: file))
      }
    }
    let last = ModelReply(text: "done", calls: [], finish: .stop, usage: Self.usage, model: "m")
    let (task, steps) = try await Self.rig(folder, clock, ring, [last]).run { rig in
      let id = TaskID(number: 1)
      let task = try await rig.task(id, when: [.completed, .failed, .waiting])
      return (task, try await rig.tasks.steps(of: id))
    }
    #expect(task.status == .completed, "\(task)")
    let step = try #require(steps.first { $0.number == 2 })
    #expect(step.status == .finished && step.error == nil, "\(step)")
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "new")
    #expect(!"\(steps)".contains(Self.secret))
  }
}
