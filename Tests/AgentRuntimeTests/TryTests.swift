import AgentConfig
import AgentCore
import AgentPersistence
import AgentRuntime
import AgentTestKit
import Testing

/// Tries of a model call: durable rows, each settled by what followed it.
@Suite("Tries", .timeLimit(.minutes(4))) struct TryTests {
  private static func rig(
    _ behaviours: [ProbeProvider.Behaviour], limits: TaskLimits = TaskLimits(), retries: RetryPolicy = RetryPolicy(),
    tools: [any AgentTool] = []
  ) async throws -> (rig: EngineRig, provider: ProbeProvider) {
    let provider = ProbeProvider(behaviours)
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: tools.map(\.descriptor.name), limits: limits)],
      script: .turns([]), tools: tools, retries: retries, provider: provider)
    return (rig, provider)
  }

  /// What the rows of a task say was settled, in order: the total, and whether it is our estimate.
  private static func settled(_ rig: EngineRig, _ id: TaskID) async throws -> [String] {
    try await rig.store.journal(of: id).flatMap { entry in
      ["settled", "usage"].compactMap { entry.head[$0].flatMap(ModelUsage.init(json:)) }
        .map { "\(entry.type.rawValue) \($0.totalTokens)\($0.isEstimated ? " estimated" : "")" }
    }
  }

  private static func reserved(_ rig: EngineRig, _ id: TaskID) async throws -> Int64 {
    let start = try await rig.event(.stepStarted, of: id)
    return start.head["reserved"]?.integerValue ?? 0
  }

  @Test(
    "each try is a row in the commit that settles the one before: nothing sent and an error status at 0, a cut after sending at the reservation",
    arguments: [
      (ProviderError(.unreachable, "refused"), false),
      (ProviderError(.providerError, "busy", status: 503, wasSent: true), false),
      (ProviderError(.streamTruncated, "cut", wasSent: true), true),
    ])
  func settlement(error: ProviderError, isBooked: Bool) async throws {
    let (rig, _) = try await Self.rig([.fail(error), .text("ok")])
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      try await rig.advance(until: { try await rig.tasks.task(id).status == .completed })
      let reserved = try await Self.reserved(rig, id)
      #expect(
        try await Self.settled(rig, id) == [
          isBooked ? "step.started \(reserved) estimated" : "step.started 0", "step.finished 30",
        ])
      let task = try await rig.tasks.task(id)
      #expect(task.usage.inputTokens + task.usage.outputTokens == 30 + (isBooked ? reserved : 0))
      #expect(task.usage.modelCalls == 2)
    }
  }

  @Test("a try that fails with a told usage is booked as told, whether another one follows or not")
  func toldUsage() async throws {
    let told = ModelUsage(inputTokens: 7, outputTokens: 3)
    let (rig, _) = try await Self.rig([
      .fail(ProviderError(.providerEmpty, "nothing", wasSent: true, usage: told)),
      .fail(ProviderError(.providerMalformed, "what?", wasSent: true, usage: told)),
    ])
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await Self.settled(rig, id) == ["step.started 10", "step.failed 10"])
      let task = try await rig.tasks.task(id)
      #expect(task.usage.inputTokens == 14 && task.usage.outputTokens == 6)
      #expect(try await rig.tasks.steps(of: id).last?.usage == told)
    }
  }

  @Test("what a provider asks for is waited for in place up to 5 s, as a waiting task up to an hour, and not beyond")
  func retryAfter() async throws {
    func limited(_ pause: Duration) -> ProbeProvider.Behaviour {
      .fail(ProviderError(.rateLimited, "slow down", status: 429, retryAfter: pause, wasSent: true))
    }
    let (rig, provider) = try await Self.rig([
      limited(.seconds(4)), .text("ok"), limited(.seconds(30)), .text("ok"), limited(.seconds(7200)),
    ])
    try await rig.run { rig in
      let inPlace = try await rig.submit("coder")
      let start = rig.clock.uptime()
      try await rig.advance(until: { try await rig.tasks.task(inPlace).status == .completed })
      #expect(rig.clock.uptime() - start >= .seconds(4))
      #expect(try await !rig.store.journal(of: inPlace).contains { $0.type == .taskWaiting })

      let waiting = try await rig.submit("coder")
      #expect(try await rig.task(waiting, when: [.waiting]).waiting?.reason == .providerLimit)
      try await rig.advance(until: { try await rig.tasks.task(waiting).status == .completed })
      #expect(try await Self.settled(rig, waiting) == ["task.waiting 0", "step.finished 30"])
      #expect(try await rig.tasks.steps(of: waiting).map(\.attempt) == [2])

      let failed = try await rig.ended(try await rig.submit("coder"))
      #expect(failed.status == .failed && failed.error?.code == "rate_limited" && failed.attempt == 1)
      #expect(provider.calls.count == 5)
    }
  }

  @Test("waiting for a provider does not begin the step's tries anew")
  func boundedWaits() async throws {
    let limited = ProviderError(.rateLimited, "slow down", status: 429, retryAfter: .seconds(30))
    let (rig, provider) = try await Self.rig([.fail(limited)])
    try await rig.run { rig in
      let id = try await rig.submit("coder") { $0.maxAttempts = 2 }
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).error?.code == "rate_limited")
      // (1 + retries) × max_attempts
      #expect(provider.calls.count == 8)
      let retrying = try await rig.event(.taskRetrying, of: id)
      let until = retrying.head["run_after"]?.stringValue.flatMap(Timestamp.init(rfc3339:))
      let asked = try #require(
        try await rig.store.journal(of: id).last { $0.type == .stepStarted && $0.sequence < retrying.sequence })
      #expect(try #require(until) >= asked.at.adding(.seconds(30)))
    }
  }

  @Test("a limit on steps counts steps and not their tries")
  func stepLimit() async throws {
    let busy = ProviderError(.providerError, "busy", status: 503)
    let (rig, _) = try await Self.rig([.fail(busy), .text("ok")], limits: TaskLimits(steps: 1))
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).status == .completed)
    }
  }

  @Test("a try that was cut counts against the task's tokens before the next one is begun")
  func tokensOfTries() async throws {
    let cut = ProviderError(.streamTruncated, "cut", wasSent: true)
    let (rig, provider) = try await Self.rig([.fail(cut), .text("ok")], limits: TaskLimits(tokens: 8000))
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      let reserved = try await Self.reserved(rig, id)
      #expect(reserved > 4000 && reserved < 8000)
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).error?.code == "token_limit")
      #expect(provider.calls.count == 1)
      #expect(try await Self.settled(rig, id) == ["step.failed \(reserved) estimated"])
      #expect(try await rig.tasks.steps(of: id).map(\.status) == [.failed])
    }
  }

  @Test(
    "a call that an agent's restart cuts is settled at once, by whether it was sent", arguments: [true, false])
  func requeue(wasSent: Bool) async throws {
    let (rig, provider) = try await Self.rig([.hang(wasSent: wasSent), .text("ok")])
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      await provider.begun()
      async let isDone: Void = rig.engine.restart("coder")
      try await rig.advance(until: { try await rig.tasks.task(id).status == .completed })
      await isDone
      let reserved = try await Self.reserved(rig, id)
      #expect(
        try await Self.settled(rig, id) == [
          wasSent ? "task.requeued \(reserved) estimated" : "task.requeued 0", "step.finished 30",
        ])
    }
  }

  @Test("what is reserved stands in the commit before the call, and nothing is reserved once all is idle")
  func idle() async throws {
    let (rig, provider) = try await Self.rig([.hang(wasSent: true)])
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      await provider.begun()
      let reserved = try await Self.reserved(rig, id)
      let request = try #require(provider.calls.first)
      #expect(reserved == Budget.reservation(for: request) && request.maxOutputTokens > 0)
      _ = try await rig.tasks.cancel(id, by: .local)
      let task = try await rig.ended(id)
      #expect(task.usage.inputTokens + task.usage.outputTokens == reserved)
    }
  }

  @Test("an acknowledged cancel that finds the worker before its call lets no call begin")
  func cancelBeforeCall() async throws {
    let (rig, provider) = try await Self.rig(
      [.call("probe"), .text("no")], tools: [ProbeTool("probe", effect: .once, [.hang])])
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      // Stored past the engine, so that the worker learns of it from its next commit alone.
      await provider.begun()
      _ = try? await rig.store.cancel(id, by: .local)
      #expect(try await rig.ended(id).status == .cancelled)
      #expect(try await rig.tasks.steps(of: id).allSatisfy { $0.status != .inDoubt })
    }
  }

  @Test("a provider that configuration does not have fails the task at once, the step that stood open with it")
  func providerUnknown() async throws {
    var agent = EngineTests.agent()
    agent.provider = "gone"
    let rig = try await EngineRig(in: TemporaryFolder(), agents: [agent], script: .turns([.text("no")]))
    try await rig.run { rig in
      let task = try await rig.ended(try await rig.submit("coder"))
      #expect(task.status == .failed && task.attempt == 1 && task.error?.code == "provider_unknown")
      #expect(try await rig.tasks.steps(of: task.id).isEmpty)
    }
  }

  @Test("a reply cut at the output limit fails, tool calls or not: the last may be half a call")
  func truncated() async throws {
    let probe = ProbeTool("probe", effect: .once, [.answer("did")])
    let cut = SandboxScript.Reply(
      outcome: .answer(text: "", calls: [.init(name: "probe", arguments: [:])], finish: .length, usage: nil))
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["probe"])], script: .turns([cut]), tools: [probe])
    try await rig.run { rig in
      let task = try await rig.ended(try await rig.submit("coder"))
      #expect(task.error?.code == "truncated" && task.attempt == 1 && probe.count == 0)
    }
  }
}
