import AgentCore
import AgentRuntime
import AgentTestKit
import Testing

/// Sealed values in places that a model fills beside its words, and in what was said before they were sealed.
@Suite(.timeLimit(.minutes(4))) struct SealedEchoTests {
  private static let word = "GrowSec-aaaa1111"
  private static let usage = ModelUsage(inputTokens: 1, outputTokens: 1)

  private static func saying(_ text: String, model: String = "m") -> ModelReply {
    ModelReply(text: text, calls: [], finish: .stop, usage: usage, model: model)
  }

  private static func calling(_ calls: [ToolCall], text: String = "", model: String = "m") -> ModelReply {
    let sent = calls.map { call -> JSONValue in
      ["id": .string(call.id), "function": ["name": .string(call.name), "arguments": .string(call.arguments.text)]]
    }
    return ModelReply(
      text: text, calls: calls, finish: .toolCalls, usage: usage, model: model,
      origin: ReplyOrigin(provider: "sandbox", model: "m", message: ["tool_calls": .array(sent)]))
  }

  private static func text(_ call: ModelRequest) -> String { JSONValue.array(call.messages.map(\.json)).text }

  @Test("the id and the name of a call and the model's own name show no sealed value, and each call keeps its result")
  func names() async throws {
    let calls = [
      ToolCall(id: "call-\(Self.word)", name: "probe", arguments: ["n": 1]),
      ToolCall(id: "call_s1_1", name: "probe", arguments: ["n": 2]),
      ToolCall(id: "b", name: "no.\(Self.word)", arguments: ["n": 3]),
    ]
    let model = ProbeProvider([
      .reply(Self.calling(calls, model: "m-\(Self.word)")), .reply(Self.saying("done", model: Self.word)),
    ])
    let probe = ProbeTool("probe", effect: .pure, [.answer("first"), .answer("second")])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["probe"])], script: .turns([]), tools: [probe],
      provider: model)
    let (task, steps) = try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.input = ["prompt": "go", "token": .string(Self.word)] }
      return (try await rig.ended(id), try await rig.tasks.steps(of: id))
    }
    #expect(task.status == .completed && probe.count == 2, "\(task)")
    let shown = steps.map { $0.name + $0.input.text + ($0.output?.text ?? "") + ($0.error?.detail ?? "") }.joined()
    #expect(!shown.contains(Self.word), "\(shown)")
    let ids = steps[0].output?["tool_calls"]?.arrayValue?.compactMap { $0["id"]?.stringValue }
    #expect(ids == ["call_s1_1_", "call_s1_1", "b"], "\(shown)")
    #expect(steps[1...3].compactMap { $0.input["call_id"]?.stringValue } == ids)
    let sent = try #require(model.calls.last)
    #expect(!Self.text(sent).contains(Self.word))
    let results = sent.messages.map(\.json).filter { $0["role"] == "tool" }.map { $0["call_id"]?.stringValue }
    #expect(results == ids, "\(Self.text(sent))")
  }

  @Test("a list that grows under a running task takes what was said of its values before out of the next request")
  func growing() async throws {
    let policy = SensitivePolicy()
    let grow = ProbeTool("grow", effect: .pure, [.answer("echo \(Self.word)"), .answer("more")])
    let model = ProbeProvider([
      .reply(Self.calling([ToolCall(id: "a", name: "grow", arguments: ["q": .string(Self.word)])], text: Self.word)),
      .reply(Self.calling([ToolCall(id: "b", name: "grow", arguments: ["q": 2])])), .reply(Self.saying("end")),
    ])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["grow"])], script: .turns([]), tools: [grow],
      provider: model, sensitive: policy)
    let growth = Box<Bool>()
    grow.onPerform {
      if growth.value == nil { growth.set(true) } else { policy.fields = SensitiveFields(["token", "word"]) }
    }
    let task = try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.input = ["prompt": "go", "word": .string(Self.word)] }
      return try await rig.ended(id)
    }
    #expect(task.status == .completed, "\(task)")
    let sent = model.calls.map(Self.text)
    try #require(sent.count == 3)
    #expect(sent[1].contains("echo \(Self.word)"))
    #expect(!sent[2].contains(Self.word) && sent[2].contains("echo [sealed]"), "\(sent[2])")
  }

  @Test("a task that goes on under a longer list sends nothing of what was said before, whether the pass ran or not")
  func resumed() async throws {
    let (folder, ring, clock) = (try TemporaryFolder(), try TestKeys.ring(), ManualClock())
    let probe = ProbeTool("probe", effect: .pure, [.answer("echo \(Self.word)")])
    let hanging = ProbeProvider([
      .reply(Self.calling([ToolCall(id: "a", name: "probe", arguments: ["q": .string(Self.word)])], text: Self.word)),
      .hang(wasSent: true),
    ])
    let first = try await EngineRig(
      in: folder, agents: [EngineTests.agent(tools: ["probe"])], script: .turns([]), tools: [probe], clock: clock,
      provider: hanging, ring: ring)
    try await first.runAndAbandon { rig in
      _ = try await rig.submit("coder") { $0.input = ["prompt": "go", "word": .string(Self.word)] }
      await hanging.begun()
      await hanging.begun()
    }
    let model = ProbeProvider([.reply(Self.saying("end"))])
    let second = try await EngineRig(
      in: folder, agents: [EngineTests.agent(tools: ["probe"])], script: .turns([]), tools: [probe], clock: clock,
      provider: model, ring: ring, sensitive: SensitivePolicy(SensitiveFields(["token", "word"])))
    let task = try await second.run { rig in try await rig.ended(TaskID(number: 1)) }
    #expect(task.status == .completed, "\(task)")
    let sent = model.calls.map(Self.text).joined()
    #expect(!sent.contains(Self.word) && sent.contains("echo [sealed]"), "\(sent)")
  }

  @Test("a file whose path says a sealed value is listed without it") func files() async throws {
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: [])], script: .turns([.text("x")]))
    let filter = try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.input = ["prompt": "go", "token": .string(Self.word)] }
      _ = try await rig.ended(id)
      return try await rig.tasks.filter(of: id)
    }
    #expect(filter.filtered(["path": .string("a/\(Self.word).txt")]) == ["path": "a/[sealed].txt"])
  }
}
