import AgentCore
import AgentRuntime
import AgentTestKit
import Synchronization
import Testing
import Vault

/// Sealed values in flight: what models and tools get, first time and on resume alike.
@Suite(.timeLimit(.minutes(4))) struct SealingTests {
  private static let input: JSONValue = [
    "prompt": "log in with correct-horse-battery", "api_key": "correct-horse-battery",
    "login": ["user": "me", "password": "päss\"word\\1"], "token": 1_234_567_890,
  ]
  private static let made = "made-by-the-model"

  /// What the tool of that name gets; it hangs in its first calls.
  private final class Recorder: AgentTool {
    let descriptor = ToolDescriptor(name: "http.request", description: "", parameters: ["type": "object"])
    let effects: [EffectClass] = [.idempotent]
    private let state: Mutex<(hangs: Int, given: [JSONValue])>
    private let entered = Wakeup()

    init(hangs: Int = 0) { state = Mutex((hangs, [])) }

    var given: [JSONValue] { state.withLock { $0.given } }
    func begun() async { await entered.wait() }

    func plan(_ arguments: JSONValue, in context: ToolContext) async throws(ToolError) -> ToolPlan {
      ToolPlan(effect: .idempotent)
    }

    func perform(
      _ arguments: JSONValue, plan: ToolPlan, in context: ToolContext
    ) async throws(ToolError) -> ToolOutcome {
      let hangs = state.withLock { state in
        state.given.append(arguments)
        state.hangs -= 1
        return state.hangs >= 0
      }
      entered.wake()
      if hangs {
        await Wakeup().wait()
        throw ToolError("cancelled", "cut")
      }
      return ToolOutcome(
        text: "echo of correct-horse-battery, \(SealingTests.made) and given-by-the-server",
        hidden: ["given-by-the-server"])
    }
  }

  private static let calls: [ToolCall] = [
    ToolCall(
      id: "a", name: "http.request",
      arguments: ["headers": ["Authorization": "Bearer {{input.api_key}}"], "body": ["n": "{{input.login.password}}"]]),
    ToolCall(
      id: "b", name: "http.request",
      arguments: ["body": .string(#"{"n":1e2,"password":"\#(made)","pin":"{{input.token}}"}"#)]),
    ToolCall(id: "c", name: "file.write", arguments: ["path": "a", "text": .string("{{input.api_key}} \(made)")]),
    ToolCall(id: "d", name: "file.read", arguments: ["path": "a"]),
    ToolCall(id: "e", name: "http.request", arguments: ["url": "{{input.nothing}}"]),
    ToolCall(id: "f", name: "http.request", arguments: ["url": "x [sealed]"]),
  ]

  private static func provider(hangs: Bool = false) -> ProbeProvider {
    let usage = ModelUsage(inputTokens: 1, outputTokens: 1)
    let sent = calls.map { call -> JSONValue in
      ["id": .string(call.id), "function": ["arguments": .string(call.arguments.text)]]
    }
    let origin = ReplyOrigin(provider: "sandbox", model: "m", message: ["tool_calls": .array(sent)])
    let first = ModelReply(
      text: "", calls: calls, finish: .toolCalls, usage: usage, model: "m", origin: origin)
    let last = ModelReply(
      text: "it was correct-horse-battery and given-by-the-server", calls: [], finish: .stop, usage: usage, model: "m")
    return ProbeProvider([.reply(first)] + (hangs ? [.hang(wasSent: true)] : []) + [.reply(last)])
  }

  private static func agent() -> AgentDefinition {
    EngineTests.agent(tools: ["http.request", "file.write", "file.read"])
  }

  /// Runs the task, dying before its n-th call of the tool or of the model has come back; what was sent and done.
  private func run(dyingIn call: Int?) async throws -> (sent: [[ChatMessage]], given: [JSONValue], task: AgentTask) {
    let (folder, ring, clock) = (try TemporaryFolder(), try TestKeys.ring(), ManualClock())
    var sent: [[ChatMessage]] = []
    var given: [JSONValue] = []
    if let call {
      // Only the second try of a call is an undisturbed one.
      let (tool, model) = (Recorder(hangs: call == 0 ? 1 : 0), Self.provider(hangs: call == 2))
      let second = call == 1 ? Hanging(tool, at: 2) : Hanging(tool, at: nil)
      let rig = try await EngineRig(
        in: folder, agents: [Self.agent()], script: .turns([]), tools: [second], clock: clock, provider: model,
        ring: ring)
      try await rig.runAndAbandon { rig in
        _ = try await rig.submit("coder") { $0.input = Self.input }
        switch call {
        case 0: await tool.begun()
        case 1: await second.hung()
        default:
          await model.begun()
          await model.begun()
        }
      }
      sent = model.calls.map(\.messages)
      if call == 2 { sent.removeLast() }
      given = tool.given
      if call == 0 { given.removeLast() }
    }
    let (tool, isFirst) = (Recorder(), call == nil)
    let model = isFirst ? Self.provider() : ProbeProvider([.reply(Self.last)])
    let rig = try await EngineRig(
      in: folder, agents: [Self.agent()], script: .turns([]), tools: [tool], clock: clock, provider: model, ring: ring)
    let task = try await rig.run { rig in
      let id = isFirst ? try await rig.submit("coder") { $0.input = Self.input } : TaskID(number: 1)
      return try await rig.ended(id)
    }
    return (sent + model.calls.map(\.messages), given + tool.given, task)
  }

  private static let last = ModelReply(
    text: "it was correct-horse-battery and given-by-the-server", calls: [], finish: .stop,
    usage: ModelUsage(inputTokens: 1, outputTokens: 1), model: "m")

  @Test("a tool gets what references stand for, and no model, no row and no output shows it")
  func undisturbed() async throws {
    let (sent, given, task) = try await run(dyingIn: nil)
    #expect(task.status == .completed, "\(String(describing: task.error))")
    #expect(task.output?.text == "it was [sealed] and [sealed]")
    #expect(task.input["api_key"] == "[sealed]")
    #expect(
      given == [
        ["headers": ["Authorization": "Bearer correct-horse-battery"], "body": ["n": "päss\"word\\1"]],
        ["body": .string(#"{"n":1e2,"password":"\#(Self.made)","pin":"1234567890"}"#)],
      ])
    let text = sent.map { JSONValue.array($0.map(\.json)).text }.joined()
    for secret in ["correct-horse", "päss", "1234567890", Self.made, "given-by"] {
      #expect(!text.contains(secret), "\(secret)")
    }
    #expect(text.contains("{{input.login.password}}") && text.contains("log in with [sealed]"))
    #expect(text.contains("Bearer {{input.api_key}}") && text.contains(#"\"n\":1e2"#), "\(text)")
    let errors = sent.last?.compactMap { message in
      if case .toolResult(_, _, let text, true) = message { text } else { nil }
    }
    #expect(errors?.count == 2 && errors?.allSatisfy { $0.hasPrefix("tool_arguments_invalid") } == true)
  }

  @Test("a run that dies sends a model and a tool what an undisturbed one does", arguments: 0...2)
  func resumed(dyingIn call: Int) async throws {
    let whole = try await run(dyingIn: nil)
    let cut = try await run(dyingIn: call)
    #expect(cut.sent == whole.sent)
    #expect(cut.given == whole.given)
    #expect(cut.task.output == whole.task.output && cut.task.status == .completed)
  }

  @Test("a task whose sealed values do not open fails at once, and is not tried again") func invalid() async throws {
    var hooks = StoreHooks()
    hooks.beforeClearValues = { () throws(StoreError) in
      throw StoreError(.sealedValueInvalid, "row 1 of table journal, column body")
    }
    let model = Self.provider()
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [Self.agent()], script: .turns([]), provider: model, hooks: hooks)
    try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.input = Self.input }
      let task = try await rig.ended(id)
      #expect(task.error?.code == "sealed_value_invalid" && task.attempt == 1)
      // Others have nothing to open.
      #expect(try await rig.ended(try await rig.submit("coder", "plain")).status == .completed)
    }
    #expect(model.calls.count == 2)
  }

  @Test("storage that is busy is asked again for sealed values") func busy() async throws {
    let refusals = Mutex(3)
    var hooks = StoreHooks()
    hooks.beforeClearValues = { () throws(StoreError) in
      let isBusy = refusals.withLock { left in
        left -= 1
        return left >= 0
      }
      if isBusy { throw StoreError(.storageBusy, "not now") }
    }
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [Self.agent()], script: .turns([]), provider: ProbeProvider([.reply(Self.last)]),
      hooks: hooks)
    try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.input = Self.input }
      try await rig.advance(until: { try await rig.tasks.task(id).status == .completed })
      #expect(try await rig.tasks.task(id).output?.text == "it was [sealed] and given-by-the-server")
    }
  }

  @Test("a value that comes in two deltas is held back") func deltas() async throws {
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [Self.agent()], script: .turns([]), provider: Pieces())
    let changes = rig.events.changes(of: nil, withDeltas: true)
    defer { changes.cancel() }
    try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.input = Self.input }
      #expect(try await rig.ended(id).output?.text == "say [sealed] now correct-")
    }
    #expect(changes.takeDeltas()?.map(\.text).joined() == "say [sealed] now correct-")
  }

  @Test("a value in a text of JSON is opened by its reference and kept out of words") func inText() async throws {
    let call = ToolCall(id: "a", name: "http.request", arguments: ["body": "k={{input.arguments.token}}"])
    let usage = ModelUsage(inputTokens: 1, outputTokens: 1)
    let first = ModelReply(text: "", calls: [call], finish: .toolCalls, usage: usage, model: "m")
    let tool = Recorder()
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [Self.agent()], script: .turns([]), tools: [tool],
      provider: ProbeProvider([.reply(first), .reply(Self.last)]))
    try await rig.run { rig in
      let id = try await rig.submit("coder") {
        $0.input = ["prompt": "go", "arguments": #"{"token":"correct-horse-battery","n":1}"#]
      }
      let task = try await rig.ended(id)
      #expect(task.input["arguments"] == #"{"n":1,"token":"[sealed]"}"#)
      #expect(task.output?.text == "it was [sealed] and [sealed]", "\(task)")
    }
    #expect(tool.given == [["body": "k=correct-horse-battery"]])
  }

  private static func many(_ count: Int) -> JSONValue { .array((0..<count).map { .string("secret number \($0)") }) }

  @Test("2,000 sealed values are kept out of a task's words, and a task with one more is refused") func count()
    async throws
  {
    let said = ModelReply(
      text: "secret number 1999 and secret number 0", calls: [], finish: .stop,
      usage: ModelUsage(inputTokens: 1, outputTokens: 1), model: "m")
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [Self.agent()], script: .turns([]), provider: ProbeProvider([.reply(said)]))
    try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.input = ["prompt": "go", "password": Self.many(2000)] }
      #expect(try await rig.ended(id).output?.text == "[sealed] and [sealed]")
      let error = await #expect(throws: ServiceError.self) {
        _ = try await rig.submit("coder") {
          $0.input = ["prompt": "go", "password": Self.many(2000)]
          $0.labels = ["token": "the last straw"]
        }
      }
      #expect(
        error?.code == "invalid_field" && error?.fields.map(\.pointer) == ["/input"], "\(String(describing: error))")
      #expect(error?.detail.contains("more than 2000 sealed values") == true)
    }
  }

  @Test("a task whose model writes more sealed values than can be looked for fails before they are sent")
  func tooMany() async throws {
    let call = ToolCall(id: "a", name: "http.request", arguments: ["body": ["token": Self.many(2001)]])
    let first = ModelReply(
      text: "secret number 2000", calls: [call], finish: .toolCalls, usage: ModelUsage(inputTokens: 1, outputTokens: 1),
      model: "m")
    let tool = Recorder()
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [Self.agent()], script: .turns([]), tools: [tool],
      provider: ProbeProvider([.reply(first)]))
    try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.input = "go" }
      let task = try await rig.ended(id)
      #expect(task.error?.code == "too_many_sealed_values" && task.attempt == 1, "\(task)")
      #expect(task.error?.detail.contains("more than 2000") == true)
      let steps = try await rig.tasks.steps(of: id)
      #expect(steps.count == 1 && !"\(steps)".contains("secret number"))
    }
    #expect(tool.given.isEmpty)
  }

  private static let reservedInputs: [(JSONValue, String)] = [
    (["prompt": "p", "a": [["$sealed": "x"]]], "/input/a/0/$sealed"),
    (["prompt": "p", "a": ["api-key": "[sealed]"]], "/input/a/api-key"),
    (["prompt": "p", "token": ["x": ["$sealed": 1]]], "/input/token/x/$sealed"),
    (["prompt": "p", "arguments": #"{"a":[{"$sealed":"x"}]}"#], "/input/arguments/a/0/$sealed"),
    (["prompt": "p", "arguments": #"{"token":"[sealed]"}"#], "/input/arguments/token"),
  ]

  @Test("what callers may not write is refused with its place", arguments: reservedInputs) func reserved(
    input: JSONValue, pointer: String
  ) async throws {
    let rig = try await EngineRig(in: TemporaryFolder(), agents: [Self.agent()], script: .turns([.text("x")]))
    let error = await #expect(throws: ServiceError.self) {
      _ = try await rig.submit("coder") { $0.input = input }
    }
    #expect(error?.code == "reserved_member" && error?.fields.map(\.pointer) == [pointer])
    let inMetadata = await #expect(throws: ServiceError.self) {
      _ = try await rig.submit("coder") { $0.metadata = input }
    }
    #expect(inMetadata?.fields.map(\.pointer) == [pointer.replacing("/input", with: "/metadata")])
    let inSchema = await #expect(throws: ServiceError.self) {
      _ = try await rig.submit("coder") { $0.outputSchema = ["enum": [input]] }
    }
    #expect(inSchema?.code == "reserved_member")
    #expect(inSchema?.fields.map(\.pointer) == [pointer.replacing("/input", with: "/output_schema/enum/0")])
    let inOutput = await #expect(throws: ServiceError.self) {
      _ = try await rig.tasks.resolve(TaskID(number: 1), step: 1, as: .finished(output: input), by: .local)
    }
    #expect(inOutput?.fields.map(\.pointer) == [pointer.replacing("/input", with: "/output")])
    await rig.file.close()
  }

  @Test(
    "in labels too, in which everything else would vanish behind the value",
    arguments: [("$sealed", "x"), ("api-key", "[sealed]")])
  func reservedLabel(name: String, value: String) async throws {
    let rig = try await EngineRig(in: TemporaryFolder(), agents: [Self.agent()], script: .turns([.text("x")]))
    let error = await #expect(throws: ServiceError.self) {
      _ = try await rig.submit("coder") { $0.labels = [name: value, "team": "a"] }
    }
    #expect(error?.code == "reserved_member" && error?.fields.map(\.pointer) == ["/labels/\(name)"])
    await rig.file.close()
  }

  @Test("an answer that would look sealed fits no schema") func answer() throws {
    let schema = try JSONSchema(["type": "object"])
    #expect(FinalAnswer(#"{"a":[{"$sealed":"x"}]}"#, by: schema) == .misfit(["a member `$sealed` is not allowed"]))
    #expect(FinalAnswer(#"{"token":"x"}"#, by: schema) == .fits(["token": "x"]))
  }
}

/// The tool, whose n-th call hangs.
private final class Hanging: AgentTool {
  private let tool: any AgentTool
  private let hangsAt: Int?
  private let count = Mutex(0)
  private let entered = Wakeup()

  init(_ tool: any AgentTool, at number: Int?) { (self.tool, hangsAt) = (tool, number) }

  var descriptor: ToolDescriptor { tool.descriptor }
  func hung() async { await entered.wait() }

  func plan(_ arguments: JSONValue, in context: ToolContext) async throws(ToolError) -> ToolPlan {
    try await tool.plan(arguments, in: context)
  }

  func perform(
    _ arguments: JSONValue, plan: ToolPlan, in context: ToolContext
  ) async throws(ToolError) -> ToolOutcome {
    let number = count.withLock { count in
      count += 1
      return count
    }
    guard number == hangsAt else { return try await tool.perform(arguments, plan: plan, in: context) }
    entered.wake()
    await Wakeup().wait()
    throw ToolError("cancelled", "cut")
  }
}

/// Says a sealed value in pieces.
private struct Pieces: ModelProvider {
  let id: ProviderID = "sandbox"

  func complete(
    _ request: ModelRequest, onDelta: @escaping @Sendable (String) -> Void
  ) async throws(ProviderError) -> ModelReply {
    let pieces = ["say corr", "ect-horse-", "battery now ", "correct-"]
    for piece in pieces { onDelta(piece) }
    return ModelReply(
      text: pieces.joined(), calls: [], finish: .stop, usage: ModelUsage(inputTokens: 1, outputTokens: 1), model: "m")
  }
}
