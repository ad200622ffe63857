import AgentCore
import AgentRuntime
import AgentTestKit
import Synchronization
import Testing

/// A list of sensitive fields that becomes longer while a task is there that was begun under a shorter one.
@Suite(.timeLimit(.minutes(4))) struct SealingListTests {
  private static let pin = "12345678-pin"
  private static let input: JSONValue = [
    "prompt": .string("use \(pin)"), "pin": .string(pin),
    "login": ["user": "someone-else", "password": "hunter2-hunter2"],
  ]
  private static let usage = ModelUsage(inputTokens: 1, outputTokens: 1)
  private static let body: JSONValue = ["body": .string(#"{"n":1e2,"pin":"\#(pin)"}"#)]
  private static let referring: JSONValue = [
    "headers": ["X-Pin": "{{input.pin}}"], "body": "{{input.login}}", "url": "{{input.login.password}}",
  ]
  private static let opened: JSONValue = [
    "headers": ["X-Pin": .string(pin)], "body": #"{"password":"hunter2-hunter2","user":"someone-else"}"#,
    "url": "hunter2-hunter2",
  ]

  /// Answers with a member `otp`, which the list has only once the call is under way; it may lose another then.
  private final class Caller: AgentTool {
    let descriptor = ToolDescriptor(name: "http.request", description: "", parameters: ["type": "object"])
    private let policy: SensitivePolicy
    private let loses: String?
    private let calls = Mutex<[JSONValue]>([])

    init(_ policy: SensitivePolicy, loses name: String? = nil) { (self.policy, loses) = (policy, name) }

    var given: [JSONValue] { calls.withLock { $0 } }

    func plan(_ arguments: JSONValue, in context: ToolContext) async throws(ToolError) -> ToolPlan {
      ToolPlan(effect: .idempotent)
    }

    func perform(
      _ arguments: JSONValue, plan: ToolPlan, in context: ToolContext
    ) async throws(ToolError) -> ToolOutcome {
      calls.withLock { $0.append(arguments) }
      policy.fields = SensitiveFields(policy.fields.names.filter { $0 != loses } + ["otp"])
      return ToolOutcome(text: #"{"body":"{\"otp\":\"99999999-otp\"}","headers":{},"status":200}"#)
    }
  }

  private static func calls(_ calls: (id: String, name: String, arguments: JSONValue)...) -> ModelReply {
    let calls = calls.map { ToolCall(id: $0.id, name: $0.name, arguments: $0.arguments) }
    return ModelReply(text: "", calls: calls, finish: .toolCalls, usage: usage, model: "m")
  }

  private static let last = ModelReply(
    text: "it was \(pin) and 99999999-otp", calls: [], finish: .stop, usage: usage, model: "m")

  private static func agent() -> AgentDefinition { EngineTests.agent(tools: ["grow", "http.request"]) }

  private static func text(_ call: ModelRequest) -> String { JSONValue.array(call.messages.map(\.json)).text }

  @Test(
    "a running task hides what a longer list names, and its tools get that in clear, by a reference or as it was given",
    arguments: [nil, "pin"])
  func running(losing name: String?) async throws {
    let policy = SensitivePolicy()
    let grow = ProbeTool("grow", effect: .pure, [.answer("done")])
    grow.onPerform { policy.fields = SensitiveFields(["api_key", "password", "token", "pin", "login"]) }
    let caller = Caller(policy, loses: name)
    let model = ProbeProvider([
      .reply(Self.calls(("a", "grow", ["pin": .string(Self.pin)]), ("b", "http.request", Self.body))),
      .reply(Self.calls(("c", "http.request", Self.referring))),
      .reply(Self.last),
    ])
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [Self.agent()], script: .turns([]), tools: [grow, caller], provider: model,
      sensitive: policy)
    let (task, steps) = try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.input = Self.input }
      return (try await rig.ended(id), try await rig.tasks.steps(of: id))
    }
    #expect(task.status == .completed && task.output?.text == "it was [sealed] and [sealed]", "\(task)")
    #expect(caller.given == [Self.body, Self.opened])
    let sent = model.calls.map(Self.text)
    try #require(sent.count == 3)
    // Nobody had named it yet.
    #expect(sent[0].contains("use \(Self.pin)"))
    for text in sent[1...] {
      #expect(!text.contains(Self.pin) && !text.contains("99999999") && !text.contains("hunter2"), "\(text)")
      #expect(text.contains("use [sealed]") && text.contains("{{input.pin}}"), "\(text)")
    }
    let shown = steps.map { $0.input.text + ($0.output?.text ?? "") }.joined()
    #expect(!shown.contains("99999999"), "\(shown)")
    // No pass has sealed what the list names no more.
    #expect(name != nil || !shown.contains(Self.pin), "\(shown)")
  }

  @Test("a task that goes on before the pass has come to its rows has references to what the longer list names")
  func resumed() async throws {
    let (folder, ring, clock) = (try TemporaryFolder(), try TestKeys.ring(), ManualClock())
    let hanging = ProbeProvider([
      .reply(Self.calls(("a", "grow", ["pin": .string(Self.pin)]))), .hang(wasSent: true),
    ])
    let grow = ProbeTool("grow", effect: .pure, [.answer("done")])
    let first = try await EngineRig(
      in: folder, agents: [Self.agent()], script: .turns([]), tools: [grow], clock: clock, provider: hanging,
      ring: ring)
    try await first.runAndAbandon { rig in
      _ = try await rig.submit("coder") { $0.input = Self.input }
      await hanging.begun()
      await hanging.begun()
    }
    let policy = SensitivePolicy(SensitiveFields(["api_key", "password", "token", "pin", "login"]))
    let caller = Caller(policy)
    let model = ProbeProvider([.reply(Self.calls(("c", "http.request", Self.referring))), .reply(Self.last)])
    let second = try await EngineRig(
      in: folder, agents: [Self.agent()], script: .turns([]), tools: [grow, caller], clock: clock, provider: model,
      ring: ring, sensitive: policy)
    let task = try await second.run { rig in try await rig.ended(TaskID(number: 1)) }
    #expect(task.output?.text == "it was [sealed] and [sealed]", "\(task)")
    #expect(caller.given == [Self.opened])
    let sent = model.calls.map(Self.text).joined()
    #expect(!sent.contains(Self.pin) && sent.contains("{{input.pin}}"), "\(sent)")
  }
}
