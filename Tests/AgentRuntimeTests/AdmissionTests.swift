import AgentConfig
import AgentCore
import AgentRuntime
import AgentTestKit
import Testing

/// What a worker makes of a provider's leave.
@Suite("Admission", .timeLimit(.minutes(1))) struct AdmissionTests {
  private static let full = ProviderError(.rateLimited, "the provider is full")

  private static func rig(_ provider: ProbeProvider, limits: TaskLimits = TaskLimits()) async throws -> EngineRig {
    try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(limits: limits)], script: .turns([]), provider: provider)
  }

  @Test("each try asks for leave with what it reserves, and gives its place back")
  func places() async throws {
    let busy = ProviderError(.providerError, "busy", status: 503)
    let provider = ProbeProvider([.fail(busy), .text("ok")])
    try await Self.rig(provider).run { rig in
      let id = try await rig.submit("coder")
      try await rig.advance(until: { try await rig.tasks.task(id).status == .completed })
      let reserved = try await rig.event(.stepStarted, of: id).head["reserved"]?.integerValue
      #expect(provider.askedFor.map(Optional.init) == [reserved, reserved])
      #expect(provider.placesTaken == 0)
    }
  }

  @Test("without leave the task waits without a worker, and that is no try")
  func later() async throws {
    let provider = ProbeProvider(
      [.text("ok")], traits: ProviderTraits(retries: 0),
      admissions: [.later(.seconds(20), Self.full), .later(.seconds(20), Self.full), .place])
    try await Self.rig(provider).run { rig in
      let id = try await rig.submit("coder")
      let waiting = try await rig.task(id, when: [.waiting])
      #expect(waiting.waiting?.reason == .providerLimit && waiting.waiting?.step == nil)
      #expect(waiting.usage.modelCalls == 0)
      try await rig.advance(until: { try await rig.tasks.task(id).status == .completed })
      #expect(try await rig.tasks.steps(of: id).map(\.attempt) == [1])
      #expect(try await rig.store.journal(of: id).count { $0.type == .taskWaiting } == 2)
      #expect(provider.placesTaken == 0)
    }
  }

  @Test("the wait stops wall_time and not timeout_seconds")
  func clocks() async throws {
    let provider = ProbeProvider([.text("ok")], admissions: [.later(.seconds(60), Self.full), .place])
    try await Self.rig(provider, limits: TaskLimits(wallTime: .seconds(30))).run { rig in
      let id = try await rig.submit("coder")
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).status == .completed)
    }
  }

  @Test("the wait for leave within the worker stops wall_time too")
  func rest() async throws {
    let signal = Wakeup()
    let provider = ProbeProvider([.call("no.such"), .hang(wasSent: true)], admissions: [.held(signal), .place])
    try await Self.rig(provider, limits: TaskLimits(wallTime: .seconds(3))).run { rig in
      let id = try await rig.submit("coder")
      await provider.asked()
      // Each second is seen by the dispatcher before the next: it looks at its clocks when it wakes.
      for _ in 0..<4 {
        rig.clock.advance(by: .seconds(1))
        for _ in 0..<20 { _ = try await rig.store.task(id) }
      }
      #expect(try await rig.tasks.task(id).status == .running)
      signal.wake()
      _ = try await rig.event(.stepFinished, of: id, step: 1)
      // What is left of it was not used up: three seconds from here.
      let start = rig.clock.uptime()
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).error?.code == "wall_time_limit")
      #expect(rig.clock.uptime() - start >= .seconds(2))
    }
  }

  @Test(
    "what the provider makes everybody wait, past the task's time or past an hour, fails it at once",
    arguments: [(10, 60), (86_400, 3601)] as [(Int, Int)])
  func pastDeadline(timeout: Int, pause: Int) async throws {
    var closed = Self.full
    closed.retryAfter = .seconds(pause)
    // The guess at its turn has no part in that.
    let provider = ProbeProvider([.text("no")], admissions: [.later(.seconds(1), closed)])
    try await Self.rig(provider).run { rig in
      let task = try await rig.ended(try await rig.submit("coder") { $0.timeoutSeconds = timeout })
      #expect(task.error?.code == "rate_limited" && task.attempt == 1 && provider.calls.isEmpty)
    }
  }

  @Test(
    "a guess at its turn, however late, fails no task: it waits for as long as it has, at most an hour at a stretch",
    arguments: [(20, 60, 20), (86_400, 4200, 3600), (86_400, 90, 90)] as [(Int, Int, Int64)])
  func guessed(timeout: Int, pause: Int, most: Int64) async throws {
    var open = Self.full
    open.retryAfter = .seconds(5)
    let provider = ProbeProvider([.text("ok")], admissions: [.later(.seconds(pause), open), .place])
    try await Self.rig(provider).run { rig in
      let start = rig.clock.now()
      let id = try await rig.submit("coder") { $0.timeoutSeconds = timeout }
      let waiting = try await rig.task(id, when: [.waiting])
      let until = try #require(waiting.waiting?.until)
      #expect(until <= start.adding(.seconds(most)) && until >= start.adding(.seconds(min(most, 19))))
      rig.engine.hasten([id])
      #expect(try await rig.ended(id).status == .completed)
    }
  }

  @Test("a turn that never comes is a timeout")
  func neverItsTurn() async throws {
    let provider = ProbeProvider([.text("no")], admissions: [.later(.seconds(3000), Self.full)])
    try await Self.rig(provider).run { rig in
      let id = try await rig.submit("coder") { $0.timeoutSeconds = 20 }
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).error?.code == "timeout" && provider.calls.isEmpty)
    }
  }

  @Test("what a provider asks for beyond the task's time fails it at once")
  func retryAfterDeadline() async throws {
    let limited = ProviderError(.rateLimited, "slow down", status: 429, retryAfter: .seconds(30))
    let provider = ProbeProvider([.fail(limited)])
    try await Self.rig(provider).run { rig in
      let task = try await rig.ended(try await rig.submit("coder") { $0.timeoutSeconds = 20 })
      #expect(task.error?.code == "rate_limited" && provider.calls.count == 1)
    }
  }

  @Test("a call takes as long as its provider says at most, and as many tries")
  func traits() async throws {
    let provider = ProbeProvider(
      [.hang(wasSent: true)], traits: ProviderTraits(retries: 1, longestCall: .seconds(7)))
    try await Self.rig(provider).run { rig in
      let id = try await rig.submit("coder") { $0.maxAttempts = 1 }
      await provider.begun()
      let start = rig.clock.uptime()
      try await rig.advance(until: { try await rig.tasks.task(id).status.isTerminal })
      #expect(try await rig.tasks.task(id).error?.code == "timeout" && provider.calls.count == 2)
      #expect(rig.clock.uptime() - start >= .seconds(14))
    }
  }

  @Test("a cancel ends the wait for leave")
  func cancelled() async throws {
    let provider = ProbeProvider([.text("no")], admissions: [.hang])
    try await Self.rig(provider).run { rig in
      let id = try await rig.submit("coder")
      await provider.asked()
      _ = try await rig.tasks.cancel(id, by: .local)
      #expect(try await rig.ended(id).status == .cancelled)
      #expect(provider.calls.isEmpty && provider.placesTaken == 0)
    }
  }

  @Test("a place that comes free ends the waits it is for, also one that is not stored yet")
  func hastened() async throws {
    let provider = ProbeProvider([.text("ok")], admissions: [.later(.seconds(600), Self.full), .place])
    try await Self.rig(provider).run { rig in
      let id = try await rig.submit("coder")
      await provider.asked()
      rig.engine.hasten([id, TaskID(number: 99)])
      #expect(try await rig.ended(id).status == .completed)
      #expect(rig.clock.uptime() < .seconds(600))
    }
  }

  @Test("a reply is journaled whole and goes back as it came")
  func origin() async throws {
    let message: JSONValue = ["content": [["type": "thinking", "signature": "s"]]]
    let origin = ReplyOrigin(
      provider: "sandbox", model: "m", message: message, envelope: ["id": "msg_1", "stop_reason": "tool_use"])
    let usage = ModelUsage(
      inputTokens: 20, outputTokens: 10, cachedTokens: 5, cacheWriteTokens: 3, reasoningTokens: 2)
    let call = ToolCall(id: "a", name: "no.such", arguments: [:])
    let provider = ProbeProvider([
      .reply(ModelReply(text: "", calls: [call], finish: .toolCalls, usage: usage, model: "m-1", origin: origin)),
      .text("done"),
    ])
    try await Self.rig(provider).run { rig in
      let id = try await rig.submit("coder")
      #expect(try await rig.ended(id).status == .completed)
      let step = try #require(try await rig.tasks.steps(of: id).first)
      #expect(step.usage == usage)
      #expect(provider.calls.last?.messages.contains(.assistant(text: "", calls: [call], origin: origin)) == true)
    }
  }
}
