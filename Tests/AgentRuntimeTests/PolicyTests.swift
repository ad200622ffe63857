import AgentCore
import AgentTestKit
import Testing

@testable import AgentRuntime

/// The tables of the retry policy, the budget and a task's progress.
@Suite("Policies") struct PolicyTests {
  struct Fixed: RandomSource {
    let value: UInt64
    func next() -> UInt64 { value }
  }

  @Test(
    "a step's backoff is U(½,1) × min(60 s, 2^(n−1) s)",
    arguments: [(1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (7, 60.0), (30, 60.0), (Int.max, 60.0)] as [(Int, Double)])
  func stepBackoff(number: Int, most: Double) {
    let least = RetryPolicy.stepBackoff(afterTry: number, random: Fixed(value: 0))
    let longest = RetryPolicy.stepBackoff(afterTry: number, random: Fixed(value: .max))
    #expect(least == .milliseconds(Int64(most * 500)))
    #expect(longest <= .milliseconds(Int64(most * 1000)) && longest >= .milliseconds(Int64(most * 1000) - 1))
  }

  @Test(
    "a task's backoff is 5 s × 2^(n−1), at most 15 min, ± 20 %",
    arguments: [(1, 5.0), (2, 10.0), (7, 320.0), (8, 640.0), (9, 900.0), (20, 900.0), (Int.max, 900.0)]
      as [(Int, Double)])
  func taskBackoff(number: Int, middle: Double) {
    let least = RetryPolicy.taskBackoff(afterAttempt: number, random: Fixed(value: 0))
    let longest = RetryPolicy.taskBackoff(afterAttempt: number, random: Fixed(value: .max))
    #expect(least == .milliseconds(Int64(middle * 800)))
    #expect(longest <= .milliseconds(Int64(middle * 1200)) && longest >= .milliseconds(Int64(middle * 1200) - 1))
  }

  @Test("which errors are tried again: the closed list, and no other", arguments: ProviderError.Code.allCases)
  func retried(code: ProviderError.Code) {
    let isRetried =
      RetryPolicy.sequel(of: ProviderError(code, ""), tries: 1, retries: 3, random: Fixed(value: 0)) != .never
    let listed: Set<ProviderError.Code> = [
      .unreachable, .timeout, .streamTruncated, .providerError, .providerEmpty, .rateLimited,
    ]
    #expect(isRetried == listed.contains(code))
  }

  @Test(
    "a failed try is followed by the next try, then by the next attempt; what was asked for is the least",
    arguments: [
      (1, Duration?.none, RetryPolicy.Sequel.nextTry(after: .milliseconds(500))),
      (3, .none, .nextTry(after: .seconds(2))), (4, .none, .nextAttempt(after: .zero)),
      (1, .seconds(30), .nextTry(after: .seconds(30))), (4, .seconds(30), .nextAttempt(after: .seconds(30))),
      (1, .seconds(3600), .nextTry(after: .seconds(3600))), (1, .seconds(3601), .never), (4, .seconds(3601), .never),
      (1, .seconds(-5), .nextTry(after: .milliseconds(500))),
    ] as [(Int, Duration?, RetryPolicy.Sequel)])
  func sequel(tries: Int, asked: Duration?, expected: RetryPolicy.Sequel) {
    let error = ProviderError(.rateLimited, "", status: 429, retryAfter: asked)
    #expect(RetryPolicy.sequel(of: error, tries: tries, retries: 3, random: Fixed(value: 0)) == expected)
  }

  @Test("what is reserved: half the request's bytes, 1,024 and the output limit")
  func reservation() {
    let request = ModelRequest(
      model: nil,
      messages: [.system("12345"), .user("é"), .toolResult(callID: "c", name: "n", text: "12", isError: false)],
      tools: [ToolDescriptor(name: "t", description: "d", parameters: [:])], maxOutputTokens: 100,
      task: TaskID(number: 1), agent: "coder", turn: 1)
    #expect(Budget.requestBytes(request) == 5 + 2 + 3 + 4)
    #expect(Budget.reservation(for: request) == 7 + 1024 + 100)
  }

  @Test("a limit refuses what would pass it and grants what just fits")
  func refusals() {
    var journal = JournalBuilder()
    journal.model(text: "", calls: [ToolCall(id: "a", name: "t", arguments: [:])], tokens: 60)
    journal.startTool(ToolCall(id: "a", name: "t", arguments: [:]), effect: .pure)
    let progress = TaskProgress(replaying: journal.entries)
    func code(_ limits: TaskLimits, isNewStep: Bool = true, reservation: Int64? = 40, unrecorded: Int64 = 0) -> String?
    {
      Budget.refusal(
        of: progress, limits: limits, isNewStep: isNewStep, reservation: reservation, unrecorded: unrecorded)?.code
    }
    #expect(code(TaskLimits()) == nil)
    #expect(code(TaskLimits(steps: 2)) == "step_limit" && code(TaskLimits(steps: 3)) == nil)
    #expect(code(TaskLimits(steps: 2), isNewStep: false) == nil)
    #expect(code(TaskLimits(modelCalls: 1)) == "model_call_limit" && code(TaskLimits(modelCalls: 2)) == nil)
    #expect(code(TaskLimits(modelCalls: 1), reservation: nil) == nil)
    #expect(code(TaskLimits(tokens: 100)) == nil && code(TaskLimits(tokens: 99)) == "token_limit")
    #expect(code(TaskLimits(tokens: 100), unrecorded: 1) == "token_limit")
  }

  @Test("progress counts steps once, model calls by try, tokens by row; a retry that is asked for begins anew")
  func progress() {
    var journal = JournalBuilder()
    journal.startModel()
    journal.startModel(attempt: 2)
    journal.end(.stepFinished, output: ["text": "x"], usage: ModelUsage(inputTokens: 7, outputTokens: 3))
    var progress = TaskProgress(replaying: journal.entries)
    #expect(progress.steps == 1 && progress.modelCalls == 2 && progress.tokensUsed == 10 && progress.tries == 2)
    #expect(progress.lastTaskSequence == 3)
    journal.task(.taskRetrying, ["error": ["code": "e"]])
    progress = TaskProgress(replaying: journal.entries)
    #expect(progress.steps == 1 && progress.tokensUsed == 10 && progress.tries == 0)
    journal.task(.taskRequeued, ["settled": ModelUsage(inputTokens: 5, outputTokens: 0).json])
    #expect(TaskProgress(replaying: journal.entries).tokensUsed == 15)
    journal.task(.taskRetrying)
    progress = TaskProgress(replaying: journal.entries)
    #expect(progress.steps == 0 && progress.modelCalls == 0 && progress.tokensUsed == 0)
    #expect(progress.history.steps.count == 1)
  }

  @Test("a wait for a provider keeps the tries, a try that a requeue cut does not count, a person's retry is the first")
  func tries() {
    var journal = JournalBuilder()
    journal.startModel()
    journal.task(.taskWaiting)
    journal.task(.taskResumed)
    journal.startModel(attempt: 2)
    #expect(TaskProgress(replaying: journal.entries).tries == 2)
    journal.task(.taskRequeued)
    #expect(TaskProgress(replaying: journal.entries).tries == 1)
    journal.startModel(attempt: 3)
    #expect(TaskProgress(replaying: journal.entries).tries == 2)
    journal.resolve("retry")
    #expect(TaskProgress(replaying: journal.entries).tries == 0)
  }

  @Test("a requeue takes back the try that it cut, and none when it came after a failed try or before the next one")
  func triesOfRequeues() {
    var journal = JournalBuilder()
    journal.startModel()
    journal.task(.taskRequeued, ["after_failed_try": true])
    #expect(TaskProgress(replaying: journal.entries).tries == 1)
    journal.task(.taskRequeued)
    #expect(TaskProgress(replaying: journal.entries).tries == 1)
    journal.startModel(attempt: 2)
    journal.task(.taskRequeued)
    #expect(TaskProgress(replaying: journal.entries).tries == 1)
    journal.startModel(attempt: 3)
    journal.task(.taskWaiting)
    journal.task(.taskResumed)
    journal.task(.taskRequeued)
    #expect(TaskProgress(replaying: journal.entries).tries == 2)
  }

  @Test("a call that its task's end cut is set aside by a retry; a tool's own failure stands as its answer")
  func cutCalls() {
    let call = ToolCall(id: "a", name: "t", arguments: [:])
    for (failure, end, head, isSetAside) in [
      ("cancelled", JournalEventType.taskCancelled, [:] as JSONValue, true),
      ("timeout", .taskFailed, ["error": ["code": "timeout"]], true),
      ("wall_time_limit", .taskFailed, ["error": ["code": "wall_time_limit"]], true),
      ("crashed_repeatedly", .taskFailed, ["error": ["code": "crashed_repeatedly"]], true),
      ("timeout", .taskFailed, ["error": ["code": "step_limit"]], false),
      ("file_not_found", .taskCancelled, [:], false),
    ] {
      var journal = JournalBuilder()
      journal.model(text: "", calls: [call])
      journal.failedTool(call, code: failure)
      journal.task(end, head)
      journal.task(.taskRetrying)
      #expect(journal.history[2]?.isSuperseded == isSetAside, "\(failure)")
      guard case .callTool(3, 1, call, nil) = AgentLoop.next(journal.history) else {
        #expect(!isSetAside)
        continue
      }
      #expect(isSetAside)
      #expect(
        journal.history.firstStep(ofCall: "a", madeBy: 3) == 2 && journal.history.firstStep(ofCall: "b", madeBy: 3) == 3
      )
    }
  }
}
