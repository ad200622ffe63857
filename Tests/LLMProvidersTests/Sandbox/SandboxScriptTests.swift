import AgentConfig
import AgentCore
import AgentTestKit
import Foundation
import LLMProviders
import Testing

@Suite("The sandbox provider with a script")
struct SandboxScriptTests {
  typealias Rule = SandboxScript.Rule

  private static func says(_ text: String, delay: Duration = .zero) -> SandboxScript.Reply {
    SandboxScript.Reply(delay: delay, outcome: .answer(text: text, calls: [], finish: nil, usage: nil))
  }

  private static func provider(_ rules: [Rule], log: String? = nil, clock: ManualClock = ManualClock())
    -> SandboxProvider
  {
    SandboxProvider(id: "sandbox", clock: clock, script: SandboxScript(rules: rules, log: log))
  }

  private static func request(
    _ prompt: String = "fix the title of README.md", agent: AgentID = "coder", turn: Int = 1, after tool: String? = nil
  ) -> ModelRequest {
    var messages: [ChatMessage] = [.system("instructions that speak of a secret word"), .user(prompt)]
    if let tool {
      messages += [
        .assistant(text: "", calls: [ToolCall(id: "call_1_0", name: tool, arguments: [:])]),
        .toolResult(callID: "call_1_0", name: tool, text: "done", isError: false),
      ]
    }
    return ModelRequest(
      model: nil, messages: messages, tools: [], maxOutputTokens: 100, task: TaskID(number: 7), agent: agent, turn: turn
    )
  }

  /// Returns once somebody sleeps; gives up, and fails the test, after far more turns than that takes.
  private static func waitForSleeper(on clock: ManualClock) async {
    for _ in 1...1_000_000 {
      if clock.sleeperCount > 0 { return }
      await Task.yield()
    }
    Issue.record("nobody sleeps")
  }

  @Test(
    "each member of when decides whether a rule fits",
    arguments: [
      (Rule(reply: says("hit")), true), (Rule(agent: "coder", reply: says("hit")), true),
      (Rule(agent: "writer", reply: says("hit")), false), (Rule(prompt: "the title", reply: says("hit")), true),
      (Rule(prompt: "", reply: says("hit")), true), (Rule(prompt: "The Title", reply: says("hit")), false),
      (Rule(prompt: "secret word", reply: says("hit")), false), (Rule(turn: 2, reply: says("hit")), true),
      (Rule(turn: 1, reply: says("hit")), false), (Rule(lastTool: "file.read", reply: says("hit")), true),
      (Rule(lastTool: "file.list", reply: says("hit")), false),
      (Rule(agent: "coder", prompt: "title", turn: 2, lastTool: "file.read", reply: says("hit")), true),
      (Rule(agent: "coder", prompt: "title", turn: 3, lastTool: "file.read", reply: says("hit")), false),
    ])
  func when(rule: Rule, fits: Bool) async throws {
    let reply = try await Self.provider([rule]).complete(Self.request(turn: 2, after: "file.read")) { _ in }
    #expect((reply.text == "hit") == fits)
  }

  @Test("a rule that names a last tool does not fit before any tool ran")
  func lastToolBefore() async throws {
    let provider = Self.provider([Rule(lastTool: "file.read", reply: Self.says("hit"))])
    #expect(try await provider.complete(Self.request()) { _ in }.text != "hit")
  }

  @Test("the first rule that fits answers; used up, the next one does; then the built-in behaviour")
  func times() async throws {
    let rules = [
      Rule(times: 2, reply: Self.says("one")), Rule(times: 1, reply: Self.says("two")),
      Rule(times: 0, reply: Self.says("never")),
    ]
    let provider = Self.provider(rules)
    var texts: [String] = []
    for _ in 1...4 { texts.append(try await provider.complete(Self.request("blorb")) { _ in }.text) }
    #expect(texts.prefix(3) == ["one", "one", "two"])
    #expect(texts[3].contains("could not tell"))
    #expect(
      try await Self.provider(rules).complete(Self.request()) { _ in }.text == "one", "uses are counted per provider")
  }

  @Test("uses are counted once each under many callers")
  func concurrentTimes() async throws {
    let provider = Self.provider([Rule(times: 10, reply: Self.says("scripted"))])
    let scripted = try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 1...40 {
        group.addTask { try await provider.complete(Self.request("blorb")) { _ in }.text == "scripted" }
      }
      return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(scripted == 10)
  }

  @Test("tool calls get ids by turn and place, and tool_calls as finish; usage is counted unless given")
  func calls() async throws {
    let calls = [
      SandboxScript.Call(name: "file.read", arguments: ["path": "README.md"]),
      SandboxScript.Call(name: "file.list", arguments: ["path": "."]),
    ]
    let usage = ModelUsage(inputTokens: 10, outputTokens: 5)
    let provider = Self.provider([
      Rule(turn: 3, reply: SandboxScript.Reply(outcome: .answer(text: "so", calls: calls, finish: nil, usage: nil))),
      Rule(
        turn: 4, reply: SandboxScript.Reply(outcome: .answer(text: "cut", calls: [], finish: .length, usage: usage))),
    ])
    let first = try await provider.complete(Self.request(turn: 3)) { _ in }
    #expect(first.calls.map(\.id) == ["call_3_0", "call_3_1"])
    #expect(first.calls.map(\.name) == ["file.read", "file.list"])
    #expect(first.finish == .toolCalls && first.model == "sandbox-extractive")
    let counted = #"sofile.read{"path":"README.md"}file.list{"path":"."}"#.utf8.count
    #expect(first.usage.outputTokens == Int64((counted + 3) / 4))
    let second = try await provider.complete(Self.request(turn: 4)) { _ in }
    #expect(second.finish == .length && second.usage == usage && second.calls.isEmpty)
  }

  @Test("a scripted error is thrown as it stands")
  func failure() async throws {
    let error = ProviderError(.rateLimited, "slow down", status: 429, retryAfter: .seconds(2))
    let provider = Self.provider([
      Rule(times: 1, reply: SandboxScript.Reply(outcome: .failure(error))), Rule(reply: Self.says("well")),
    ])
    await #expect(throws: error) { try await provider.complete(Self.request()) { _ in } }
    #expect(try await provider.complete(Self.request()) { _ in }.text == "well")
  }

  @Test("a delay passes on the clock that was handed in, and no earlier")
  func delay() async throws {
    let clock = ManualClock()
    let provider = Self.provider([Rule(reply: Self.says("late", delay: .seconds(5)))], clock: clock)
    async let reply = provider.complete(Self.request()) { _ in }
    await Self.waitForSleeper(on: clock)
    clock.advance(by: .milliseconds(4999))
    #expect(clock.sleeperCount == 1)
    clock.advance(by: .milliseconds(1))
    #expect(try await reply.text == "late")
  }

  @Test("a caller cancelled during a delay gets cancelled at once")
  func cancelledDelay() async throws {
    let clock = ManualClock()
    let provider = Self.provider([Rule(reply: Self.says("never", delay: .seconds(3600)))], clock: clock)
    let code = await withTaskGroup(of: ProviderError.Code?.self) { group in
      group.addTask {
        do throws(ProviderError) {
          _ = try await provider.complete(Self.request()) { _ in }
          return nil
        } catch { return error.code }
      }
      await Self.waitForSleeper(on: clock)
      group.cancelAll()
      return await group.next() ?? nil
    }
    #expect(code == .cancelled)
    #expect(clock.sleeperCount == 0)
  }

  @Test("the log gets one JSON line a call, scripted or not, before the answer, errors and delays included")
  func log() async throws {
    let folder = try TemporaryFolder("script-log")
    let path = folder.appending("calls.jsonl")
    let clock = ManualClock()
    let provider = Self.provider(
      [
        Rule(prompt: "absent", reply: Self.says("no")),
        Rule(turn: 2, reply: SandboxScript.Reply(outcome: .failure(ProviderError(.timeout, "slow")))),
        Rule(turn: 3, reply: Self.says("late", delay: .seconds(1))),
      ], log: path, clock: clock)
    _ = try await provider.complete(Self.request("blorb\n\"quoted\"")) { _ in }
    await #expect(throws: ProviderError.self) {
      try await provider.complete(Self.request(turn: 2, after: "file.read")) { _ in }
    }
    async let late = provider.complete(Self.request(agent: "writer", turn: 3)) { _ in }
    await Self.waitForSleeper(on: clock)
    let lines = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
    #expect(
      lines == """
        {"agent":"coder","last_tool":null,"rule":null,"task":"task-7","turn":1}
        {"agent":"coder","last_tool":"file.read","rule":1,"task":"task-7","turn":2}
        {"agent":"writer","last_tool":null,"rule":2,"task":"task-7","turn":3}

        """)
    clock.advance(by: .seconds(1))
    #expect(try await late.text == "late")
  }

  @Test("lines of many callers never mix")
  func concurrentLog() async throws {
    let folder = try TemporaryFolder("script-log")
    let path = folder.appending("calls.jsonl")
    let provider = Self.provider([Rule(reply: Self.says("x"))], log: path)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for turn in 1...100 { group.addTask { _ = try await provider.complete(Self.request(turn: turn)) { _ in } } }
      try await group.waitForAll()
    }
    let lines = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self).split(separator: "\n")
    let turns = try lines.map { try JSONValue(parsing: String($0))["turn"]?.integerValue }
    #expect(Set(turns) == Set((1...100).map(Optional.some)))
  }

  @Test("a log that cannot be written is an error, not a silent witness")
  func unwritableLog() async throws {
    let folder = try TemporaryFolder("script-log")
    let provider = Self.provider([], log: folder.appending("missing/calls.jsonl"))
    let error = await #expect(throws: ProviderError.self) { try await provider.complete(Self.request()) { _ in } }
    #expect(error?.code == .providerRejected && error?.isRetryable == false)
  }

  @Test("a script can play a whole task with real tools")
  func wholeTask() async throws {
    let workshop = try Workshop(["README.md": "# old\n"])
    let provider = Self.provider([
      Rule(
        turn: 1,
        reply: SandboxScript.Reply(
          outcome: .answer(
            text: "",
            calls: [
              SandboxScript.Call(name: "file.edit", arguments: ["path": "README.md", "old": "old", "new": "new"])
            ],
            finish: nil, usage: nil))),
      Rule(lastTool: "file.edit", reply: Self.says("done")),
    ])
    let conversation = try await workshop.ask("anything", provider: provider)
    #expect(conversation.answer == "done")
    #expect(try workshop.text(of: "README.md") == "# new\n")
  }
}
