import AgentConfig
import AgentCore
import AgentRuntime
import AgentTestKit
import Testing

/// A step whose tries go to more than one provider, or to one that a reload changed in between.
@Suite("Tries at another provider", .timeLimit(.minutes(2))) struct ProviderSwitchTests {
  /// How the try before the switch ends.
  enum Way: CaseIterable {
    case failing, waiting, requeued

    fileprivate var behaviour: ProbeProvider.Behaviour {
      switch self {
      case .failing: .fail(ProviderError(.providerError, "busy", status: 503, wasSent: true))
      case .waiting: .fail(ProviderError(.rateLimited, "slow down", status: 429, retryAfter: .seconds(30)))
      case .requeued: .hang(wasSent: true)
      }
    }
  }

  private static func call(_ turn: Int, tokens: Int64) -> ProbeProvider.Behaviour {
    .reply(
      ModelReply(
        text: "", calls: [ToolCall(id: "c\(turn)", name: "test.echo", arguments: [:])], finish: .toolCalls,
        usage: ModelUsage(inputTokens: tokens - 10, outputTokens: 10), model: "m"))
  }

  /// 4,000 bytes come with each call of the tool.
  private static func rig(_ provider: ProbeProvider, _ other: ProbeProvider) async throws -> EngineRig {
    let tool = ProbeTool("test.echo", effect: .pure, [.answer(String(repeating: "x", count: 4000))])
    return try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["test.echo"])], script: .turns([]), tools: [tool],
      provider: provider, others: ["other": other])
  }

  /// Runs a task whose call with that number, its first provider's last, goes wrong that way; then comes the change, and
  /// the task goes on to its end.
  private static func run(
    _ rig: EngineRig, _ provider: ProbeProvider, until call: Int, _ way: Way, _ change: () async throws -> Void
  ) async throws -> TaskID {
    let id = try await rig.submit("coder")
    while provider.calls.count < call { await provider.begun() }
    if way == .waiting { _ = try await rig.task(id, when: [.waiting]) }
    try await change()
    async let isCut: Void = way == .requeued ? rig.engine.restart("coder") : ()
    try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
    await isCut
    return id
  }

  @Test("a step names the provider, the model and the usage of the try that was answered", arguments: Way.allCases)
  func named(way: Way) async throws {
    let usage = ModelUsage(inputTokens: 500, outputTokens: 60)
    let provider = ProbeProvider([way.behaviour], traits: ProviderTraits(model: "first"))
    let other = ProbeProvider(
      [.reply(ModelReply(text: "done", calls: [], finish: .stop, usage: usage, model: "second-1"))],
      traits: ProviderTraits(model: "second"))
    try await Self.rig(provider, other).run { rig in
      let id = try await Self.run(rig, provider, until: 1, way) {
        _ = try await rig.providers.setDefault("other", by: .local)
      }
      #expect(try await rig.tasks.task(id).status == .completed)
      let step = try #require(try await rig.tasks.steps(of: id).first)
      #expect(step.name == "other" && step.attempt == 2 && step.status == .finished)
      #expect(step.input["model"] == "second" && step.output?["model"] == "second-1" && step.usage == usage)
      #expect(step.inputHash == FixedDigester().digest(step.input))
      let names = try await rig.store.journal(of: id).filter { $0.step == 1 }.map { $0.head["name"] }
      #expect(names == ["sandbox", "other", "other"])
    }
  }

  @Test("a model that a reload changed between two tries stands in the step; the same again is not written twice")
  func reloaded() async throws {
    let busy = ProviderError(.providerError, "busy", status: 503)
    let provider = ProbeProvider([.fail(busy), .fail(busy), .text("done")], traits: ProviderTraits(model: "old"))
    try await Self.rig(provider, ProbeProvider([.text("no")])).run { rig in
      let id = try await Self.run(rig, provider, until: 1, .failing) {
        provider.configure(ProviderTraits(model: "new"))
      }
      let step = try #require(try await rig.tasks.steps(of: id).first)
      #expect(step.name == "sandbox" && step.input["model"] == "new" && step.attempt == 3)
      let starts = try await rig.store.journal(of: id).filter { $0.type == .stepStarted }
      #expect(starts.map { $0.body?["input"]?["model"] } == ["old", "new", nil])
      #expect(starts.last?.head["input_hash"]?.stringValue == FixedDigester().digest(step.input))
    }
  }

  @Test("a provider that a reload takes away between two tries fails the step and its task, unretried")
  func takenAway() async throws {
    let (provider, other) = (ProbeProvider([.text("no")]), ProbeProvider([Way.failing.behaviour]))
    var agent = EngineTests.agent()
    agent.provider = "other"
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [agent], script: .turns([]), provider: provider, others: ["other": other])
    try await rig.run { rig in
      let id = try await Self.run(rig, other, until: 1, .failing) {
        var settings = ProviderSettings()
        settings.providers = [ProviderSettings.Provider(id: "sandbox")]
        (settings.defaultID, settings.namedDefault) = ("sandbox", "sandbox")
        await rig.providers.replace(settings)
      }
      let task = try await rig.tasks.task(id)
      #expect(task.error?.code == "provider_unknown" && task.attempt == 1)
      #expect(try await rig.tasks.steps(of: id).map(\.error?.code) == ["provider_unknown"])
      #expect(provider.calls.isEmpty && other.calls.count == 1)
    }
  }

  private static let big: [ProbeProvider.Behaviour] = [call(1, tokens: 500), call(2, tokens: 1900)]

  @Test("the smaller context of the provider of the next try holds for that try", arguments: Way.allCases)
  func smaller(way: Way) async throws {
    let provider = ProbeProvider(Self.big + [way.behaviour])
    let other = ProbeProvider([.text("done")], traits: ProviderTraits(contextTokens: 3000))
    try await Self.rig(provider, other).run { rig in
      let id = try await Self.run(rig, provider, until: 3, way) {
        _ = try await rig.providers.setDefault("other", by: .local)
      }
      #expect(try await rig.tasks.task(id).status == .completed)
      let step = try #require(try await rig.tasks.steps(of: id).last)
      #expect(step.name == "other" && step.attempt == 2 && step.input["elided_outputs"] == [2])
      let (whole, sent) = (try #require(provider.calls.last), try #require(other.calls.first))
      let texts = sent.messages.compactMap { message -> String? in
        if case .toolResult(_, _, let text, _) = message { String(text.prefix(20)) } else { nil }
      }
      #expect(texts == ["[4000 bytes of outpu", String(repeating: "x", count: 20)])
      #expect(
        step.input["messages_digest"]?.stringValue == FixedDigester().digest(.array(sent.messages.map(\.json))))
      #expect(sent.reservedTokens < whole.reservedTokens)
      let last = try await rig.store.journal(of: id).last { $0.type == .stepStarted }
      #expect(last?.head["reserved"]?.integerValue == sent.reservedTokens)
    }
  }

  @Test("a limit that a reload lowers between two tries holds for the second one")
  func lowered() async throws {
    let provider = ProbeProvider(Self.big + [Way.failing.behaviour, .text("done")])
    try await Self.rig(provider, ProbeProvider([.text("no")])).run { rig in
      let id = try await Self.run(rig, provider, until: 3, .failing) {
        provider.configure(ProviderTraits(contextTokens: 3000))
      }
      #expect(try await rig.tasks.steps(of: id).last?.input["elided_outputs"] == [2])
      #expect(provider.calls.count == 4)
    }
  }

  @Test(
    "what the next provider's context cannot hold is not sent: the step fails, and what its last try used is booked")
  func tooSmall() async throws {
    let cut = ProviderError(.streamTruncated, "cut", wasSent: true)
    let provider = ProbeProvider(Self.big + [.fail(cut)])
    let other = ProbeProvider([.text("no")], traits: ProviderTraits(contextTokens: 1000))
    try await Self.rig(provider, other).run { rig in
      let id = try await Self.run(rig, provider, until: 3, .failing) {
        _ = try await rig.providers.setDefault("other", by: .local)
      }
      let task = try await rig.tasks.task(id)
      #expect(task.error?.code == "context_too_long" && task.attempt == 1 && other.calls.isEmpty)
      let step = try #require(try await rig.tasks.steps(of: id).last)
      #expect(step.status == .failed && step.name == "sandbox" && step.usage?.isEstimated == true)
      #expect(step.usage?.totalTokens == provider.calls.last?.reservedTokens)
    }
  }
}
