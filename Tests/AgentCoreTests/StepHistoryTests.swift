import AgentCore
import Testing

@Suite("Steps replayed from the journal")
struct StepHistoryTests {
  private static func row(
    _ sequence: Int64, _ type: JournalEventType, step: Int? = nil, _ head: JSONValue = [:], _ body: JSONValue? = nil
  ) -> JournalEntry {
    JournalEntry(
      sequence: sequence, task: TaskID(number: 1), taskSequence: sequence, step: step, type: type,
      at: Timestamp(milliseconds: sequence * 10), actor: .system, head: head, body: body)
  }

  private static func started(_ sequence: Int64, _ step: Int, attempt: Int = 1, kind: String = "tool_call")
    -> JournalEntry
  {
    row(
      sequence, .stepStarted, step: step,
      [
        "kind": .string(kind), "name": "file.write", "effect": "idempotent", "attempt": JSONValue(attempt),
        "input_hash": .string("h\(step)"), "evidence": ["before": "a"],
      ],
      ["input": ["n": JSONValue(step)]])
  }

  @Test("a step begins, ends and keeps what its rows say")
  func finished() throws {
    let history = StepHistory(replaying: [
      Self.row(1, .taskSubmitted), Self.row(2, .taskStarted), Self.started(3, 1),
      Self.row(
        4, .stepFinished, step: 1,
        ["result_hash": "r", "usage": ["input_tokens": 3, "output_tokens": 4]], ["output": ["text": "done"]]),
    ])
    let expected = Step(
      number: 1, kind: .toolCall, name: "file.write", effect: .idempotent, status: .finished,
      startedAt: Timestamp(milliseconds: 30), finishedAt: Timestamp(milliseconds: 40), input: ["n": 1],
      output: ["text": "done"], usage: ModelUsage(inputTokens: 3, outputTokens: 4), evidence: ["before": "a"],
      inputHash: "h1", resultHash: "r")
    #expect(history.steps == [expected])
    #expect(history[1] == expected)
    #expect(history[2] == nil)
    #expect(history.lastNumber == 1)
  }

  @Test("a second try is the same step, begun anew")
  func secondTry() throws {
    var history = StepHistory(replaying: [Self.started(1, 1)])
    history.apply(Self.row(2, .stepFailed, step: 1, ["error": ["code": "timeout", "detail": "d"]]))
    #expect(history[1]?.status == .failed)
    #expect(history[1]?.error == Failure(code: "timeout", detail: "d"))
    history.apply(Self.started(3, 1, attempt: 2))
    let step = try #require(history[1])
    #expect(history.steps.count == 1)
    #expect(step.status == .started && step.attempt == 2 && step.error == nil && step.finishedAt == nil)
  }

  @Test("a try at another provider names it, and what it sends where that is something else")
  func anotherProvider() throws {
    func started(_ sequence: Int64, _ name: String, _ hash: String, _ body: JSONValue?) -> JournalEntry {
      Self.row(
        sequence, .stepStarted, step: 1,
        [
          "kind": "model_call", "name": .string(name), "effect": "pure", "attempt": .integer(sequence),
          "input_hash": .string(hash),
        ], body)
    }
    var history = StepHistory(replaying: [started(1, "first", "h1", ["input": ["model": "a"]])])
    history.apply(started(2, "second", "h1", nil))
    #expect(history[1]?.name == "second" && history[1]?.input == ["model": "a"] && history[1]?.inputHash == "h1")
    history.apply(started(3, "third", "h3", ["input": ["model": "c"]]))
    #expect(history[1]?.name == "third" && history[1]?.input == ["model": "c"] && history[1]?.inputHash == "h3")
  }

  @Test(
    "a step in doubt ends as it is resolved",
    arguments: [("finished", StepStatus.finished), ("fail", .failed), ("retry", .inDoubt), ("else", .inDoubt)])
  func resolved(_ action: String, _ status: StepStatus) throws {
    let history = StepHistory(replaying: [
      Self.started(1, 1), Self.row(2, .stepInDoubt, step: 1, ["error": ["code": "crash"], "evidence": ["after": "b"]]),
      Self.row(3, .stepResolved, step: 1, ["action": .string(action)], ["output": "o"]),
    ])
    let step = try #require(history[1])
    #expect(step.status == status)
    #expect(step.evidence == ["after": "b"])
    #expect(step.output == (status == .inDoubt ? nil : "o"))
    #expect(step.finishedAt?.milliseconds == (status == .inDoubt ? nil : 30))
  }

  @Test("a retry from a step sets it and all later ones aside, and numbers go on")
  func superseded() throws {
    var history = StepHistory(
      replaying: (1...3).flatMap {
        [Self.started(Int64($0 * 2), $0), Self.row(Int64($0 * 2 + 1), .stepFinished, step: $0)]
      })
    history.apply(Self.row(8, .taskRetrying, ["from": 2]))
    #expect(history.current.map(\.number) == [1])
    #expect(history.lastNumber == 3)
    history.apply(Self.started(9, 4))
    #expect(history.current.map(\.number) == [1, 4])
    history.apply(Self.row(10, .taskRetrying, ["reason": "error"]))
    #expect(history.current.map(\.number) == [1, 4])
  }

  @Test("rows that tell of no step, or of none that began, change no step")
  func passedOver() throws {
    var history = StepHistory(replaying: [Self.started(1, 1)])
    let before = history
    for type in JournalEventType.allCases where !type.isStep { history.apply(Self.row(2, type, step: 1)) }
    for type in JournalEventType.allCases where type.isStep && type != .stepStarted {
      history.apply(Self.row(3, type, step: 7))
      history.apply(Self.row(4, type))
    }
    history.apply(Self.row(5, .stepStarted, step: 2, ["kind": "unknown", "name": "x", "effect": "pure"]))
    history.apply(Self.row(6, .stepStarted, step: 2, [:]))
    #expect(history.steps == before.steps)
    #expect(before.lastNumberBeforeRetry == 0 && history.lastNumberBeforeRetry == 1)
  }

  @Test("replaying row by row is replaying all at once, and a prefix is the state at that moment")
  func incremental() throws {
    let rows = [
      Self.started(1, 1), Self.row(2, .stepFinished, step: 1), Self.started(3, 2), Self.row(4, .stepInDoubt, step: 2),
    ]
    var history = StepHistory()
    for (index, row) in rows.enumerated() {
      history.apply(row)
      #expect(history == StepHistory(replaying: rows[...index]))
    }
  }

  @Test("step events are told from task events by name")
  func names() {
    #expect(
      JournalEventType.allCases.filter(\.isStep).map(\.rawValue) == [
        "step.started", "step.finished", "step.failed", "step.in_doubt", "step.resolved",
      ])
  }
}
