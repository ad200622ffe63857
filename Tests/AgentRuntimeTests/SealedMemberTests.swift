import AgentCore
import AgentPersistence
import AgentRuntime
import AgentTestKit
import Foundation
import Synchronization
import Testing

/// Where the sealed values of a task stand: in members that share a path, in texts of JSON, in replies beside the calls.
@Suite(.timeLimit(.minutes(4))) struct SealedMemberTests {
  private static let usage = ModelUsage(inputTokens: 1, outputTokens: 1)

  private static func saying(_ text: String) -> ModelReply {
    ModelReply(text: text, calls: [], finish: .stop, usage: usage, model: "m")
  }

  private static func calling(_ calls: [JSONValue], origin: ReplyOrigin? = nil) -> ModelReply {
    let calls = calls.enumerated().map { ToolCall(id: "c\($0.offset)", name: "http.request", arguments: $0.element) }
    return ModelReply(text: "", calls: calls, finish: .toolCalls, usage: usage, model: "m", origin: origin)
  }

  /// Notes the arguments of its calls.
  private final class Caller: AgentTool {
    let descriptor = ToolDescriptor(name: "http.request", description: "", parameters: ["type": "object"])
    let effects: [EffectClass] = [.idempotent]
    private let calls = Mutex<[JSONValue]>([])
    var given: [JSONValue] { calls.withLock { $0 } }

    func plan(_ arguments: JSONValue, in context: ToolContext) async throws(ToolError) -> ToolPlan {
      ToolPlan(effect: .idempotent)
    }

    func perform(
      _ arguments: JSONValue, plan: ToolPlan, in context: ToolContext
    ) async throws(ToolError) -> ToolOutcome {
      calls.withLock { $0.append(arguments) }
      return ToolOutcome(text: "fine")
    }
  }

  private static func agent() -> AgentDefinition { EngineTests.agent(tools: ["http.request"]) }

  @Test("two members with one path are both kept out of words, and no reference reaches either") func shared()
    async throws
  {
    let caller = Caller()
    let model = ProbeProvider([
      .reply(Self.calling([["body": "{{input.a.b.token}}"], ["body": "{{input..api_key}} {{input.api_key}}"]])),
      .reply(Self.saying("it was number-one-value, number-two-value, number-three-value and number-four-value")),
    ])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [Self.agent()], script: .turns([]), tools: [caller], provider: model)
    let (task, steps) = try await rig.run { rig in
      let id = try await rig.submit("coder") {
        $0.input = [
          "prompt": "go", "a": ["b": ["token": "number-one-value"]], "a.b": ["token": "number-two-value"],
          "": ["api_key": "number-three-value"], "api_key": "number-four-value",
        ]
      }
      return (try await rig.ended(id), try await rig.tasks.steps(of: id))
    }
    #expect(task.output?.text == "it was [sealed], [sealed], [sealed] and [sealed]", "\(task)")
    #expect(caller.given == [["body": "number-three-value number-four-value"]])
    let error = steps.compactMap(\.error).first
    #expect(error?.code == "tool_arguments_invalid" && error?.detail.contains("more than one member") == true)
    #expect(error?.detail.contains("{{input..api_key}}, {{input.api_key}}") == true, "\(String(describing: error))")
    let system = model.calls.first?.messages.first.map { $0.json.text } ?? ""
    #expect(system.contains("{{input..api_key}}") && !system.contains("{{input.a.b.token}}"), "\(system)")
  }

  @Test("a task claimed before the pass has come to it opens what a text of JSON has for a longer list") func inText()
    async throws
  {
    let (folder, ring, clock) = (try TemporaryFolder(), try TestKeys.ring(), ManualClock())
    let first = try await EngineRig(
      in: folder, agents: [Self.agent()], script: .turns([]), clock: clock, ring: ring,
      sensitive: SensitivePolicy(SensitiveFields(["no_member_has_this_name"])))
    _ = try await first.submit("coder") {
      $0.input = ["prompt": "go", "arguments": #"{"token":"correct-horse-battery","n":1}"#]
    }
    await first.file.close()
    let caller = Caller()
    let model = ProbeProvider([
      .reply(Self.calling([["body": "{{input.arguments.token}}"]])),
      .reply(Self.saying("it was correct-horse-battery")),
    ])
    let second = try await EngineRig(
      in: folder, agents: [Self.agent()], script: .turns([]), tools: [caller], clock: clock, provider: model, ring: ring
    )
    let task = try await second.run { rig in try await rig.ended(TaskID(number: 1)) }
    #expect(task.output?.text == "it was [sealed]", "\(task)")
    #expect(caller.given == [["body": "correct-horse-battery"]])
  }

  // MARK: replies

  private static let origin = ReplyOrigin(
    provider: "sandbox", model: "m",
    message: [
      "content": [
        ["type": "thinking", "thinking": "hm", "signature": "c2lnbmVk"],
        ["type": "server_tool_use", "id": "s", "input": ["token": "a-token-of-the-provider"]],
        ["type": "tool_use", "id": "c0", "input": ["password": "made-by-the-model"]],
      ]
    ])

  /// What models were sent; the first life ends in the second call of its model.
  private static func sent(dying: Bool) async throws -> (sent: [[ChatMessage]], steps: [Step], disk: TemporaryFolder) {
    let (folder, ring, clock) = (try TemporaryFolder(), try TestKeys.ring(), ManualClock())
    let calling = calling([["password": "made-by-the-model"]], origin: origin)
    var sent: [[ChatMessage]] = []
    if dying {
      let model = ProbeProvider([.reply(calling), .hang(wasSent: true)])
      let rig = try await EngineRig(
        in: folder, agents: [agent()], script: .turns([]), tools: [Caller()], clock: clock, provider: model, ring: ring)
      try await rig.runAndAbandon { rig in
        _ = try await rig.submit("coder")
        await model.begun()
        await model.begun()
      }
      sent = model.calls.map(\.messages).dropLast()
    }
    let model = ProbeProvider((dying ? [] : [.reply(calling)]) + [.reply(saying("done"))])
    let rig = try await EngineRig(
      in: folder, agents: [agent()], script: .turns([]), tools: [Caller()], clock: clock, provider: model, ring: ring)
    let steps = try await rig.run { rig in
      let id = dying ? TaskID(number: 1) : try await rig.submit("coder")
      #expect(try await rig.ended(id).status == .completed)
      return try await rig.tasks.steps(of: id)
    }
    return (sent + model.calls.map(\.messages), steps, folder)
  }

  @Test(
    "a reply with a sensitive member beside its calls goes back as it came, after a crash too, and is sealed on the disk",
    arguments: [false, true])
  func replies(dying: Bool) async throws {
    let (sent, steps, folder) = try await Self.sent(dying: dying)
    try #require(sent.count == 2)
    guard case .assistant(_, _, let origin?) = sent[1].first(where: { if case .assistant = $0 { true } else { false } })
    else {
      Issue.record("no reply went back as it came: \(sent[1])")
      return
    }
    var message = Self.origin.message
    guard case .object(var members) = message, var blocks = message["content"]?.arrayValue else { return }
    // A call's arguments are shown to a model as they are anywhere else.
    blocks[2] = ["type": "tool_use", "id": "c0", "input": ["password": "[sealed]"]]
    members["content"] = .array(blocks)
    message = .object(members)
    #expect(origin.message == message)
    #expect(steps.first?.output?["origin"] == nil && steps.first?.output?["sealed"]?["origin"] == "[sealed]")
    #expect(!"\(steps)".contains("a-token-of"))
    for name in ["agent.db", "agent.db-wal"] {
      let bytes = FileManager.default.contents(atPath: folder.appending(name)) ?? Data()
      #expect(bytes.range(of: Data("a-token-of".utf8)) == nil && bytes.range(of: Data("made-by-the".utf8)) == nil)
    }
  }

  // MARK: what callers send

  @Test(
    "storage that is busy refuses a person's word for a step; sealed values that do not open do not",
    arguments: [StoreError.Code.storageBusy, .sealedValueInvalid])
  func words(code: StoreError.Code) async throws {
    var hooks = StoreHooks()
    hooks.beforeClearValues = { () throws(StoreError) in throw StoreError(code, "not now") }
    let rig = try await EngineRig(in: TemporaryFolder(), agents: [Self.agent()], script: .turns([]))
    let tasks = TaskService(
      store: ForgetfulStore(rig.store, losing: nil, hooks: hooks), workspaces: rig.workspaces, agents: rig.directory,
      events: rig.events, engine: rig.engine, clock: rig.clock, digester: FixedDigester())
    let error = await #expect(throws: ServiceError.self) {
      _ = try await tasks.resolve(TaskID(number: 1), step: 1, as: .finished(output: "words"), by: .local)
    }
    #expect((error?.code == "storage_busy") == (code == .storageBusy), "\(String(describing: error))")
    await rig.file.close()
  }

  @Test("too many sealed values are told of the member that has the most", arguments: ["input", "metadata"])
  func most(member: String) async throws {
    let rig = try await EngineRig(in: TemporaryFolder(), agents: [Self.agent()], script: .turns([]))
    func many(_ count: Int, _ word: String) -> JSONValue {
      .array((0..<count).map { .string("\(word) secret \($0)") })
    }
    let error = await #expect(throws: ServiceError.self) {
      _ = try await rig.submit("coder") { draft in
        draft.input = ["prompt": "go", "token": many(member == "input" ? 1500 : 900, "input")]
        draft.metadata = ["token": many(member == "metadata" ? 1500 : 900, "metadata")]
      }
    }
    #expect(
      error?.code == "invalid_field" && error?.fields.map(\.pointer) == ["/\(member)"], "\(String(describing: error))")
    await rig.file.close()
  }
}
