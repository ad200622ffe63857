import AgentCore
import AgentRuntime
import Testing

@Suite struct AgentLoopTests {
  static let read = ToolCall(id: "a", name: "file.read", arguments: ["path": "x"])
  static let write = ToolCall(id: "b", name: "file.write", arguments: ["path": "y", "text": "z"])

  private func next(_ build: (inout JournalBuilder) -> Void) -> AgentLoop.Action {
    var journal = JournalBuilder()
    journal.task(.taskSubmitted)
    journal.task(.taskStarted)
    build(&journal)
    return AgentLoop.next(journal.history)
  }

  @Test("an empty journal asks the model")
  func empty() { #expect(next { _ in } == .callModel(number: 1, attempt: 1, turn: 1)) }

  @Test("a reply without calls is the task's answer")
  func answer() { #expect(next { $0.model(text: "hello") } == .finish(TaskOutput(text: "hello"))) }

  @Test("calls of one reply are made one after the other, then the model is asked again")
  func calls() {
    #expect(
      next { $0.model(text: "", calls: [Self.read, Self.write]) }
        == .callTool(number: 2, attempt: 1, call: Self.read, planned: nil))
    #expect(
      next {
        $0.model(text: "", calls: [Self.read, Self.write])
        $0.tool(Self.read, text: "content")
      } == .callTool(number: 3, attempt: 1, call: Self.write, planned: nil))
    #expect(
      next {
        $0.model(text: "", calls: [Self.read, Self.write])
        $0.tool(Self.read, text: "content")
        $0.failedTool(Self.write, code: "workspace_full")
      } == .callModel(number: 4, attempt: 1, turn: 2))
  }

  @Test("a model call that a crash left open is tried again under its number")
  func openModelCall() {
    #expect(next { $0.startModel() } == .callModel(number: 1, attempt: 2, turn: 1))
    #expect(
      next {
        $0.model(text: "", calls: [Self.read])
        $0.tool(Self.read, text: "content")
        $0.startModel(attempt: 3)
      } == .callModel(number: 3, attempt: 4, turn: 2))
  }

  @Test("an idempotent call that a crash left open comes back with its evidence")
  func openToolCall() {
    let evidence: JSONValue = ["before": nil, "after": "d"]
    #expect(
      next {
        $0.model(text: "", calls: [Self.write])
        $0.startTool(Self.write, effect: .idempotent, evidence: evidence)
      }
        == .callTool(
          number: 2, attempt: 2, call: Self.write, planned: ToolPlan(effect: .idempotent, evidence: evidence)))
  }

  @Test("a step in doubt that a person settled goes on as that person said")
  func resolved() {
    func doubt(_ action: String) -> AgentLoop.Action {
      next {
        $0.model(text: "", calls: [Self.write])
        $0.startTool(Self.write, effect: .once)
        $0.end(.stepInDoubt, failure: Failure(code: "timeout", detail: ""))
        $0.resolve(action, output: action == "finished" ? ["text": "sent"] : nil)
      }
    }
    #expect(doubt("finished") == .callModel(number: 3, attempt: 1, turn: 2))
    #expect(doubt("retry") == .callTool(number: 2, attempt: 2, call: Self.write, planned: nil))
  }

  @Test("a failed model call is no part of the conversation: the next attempt asks anew")
  func failedModelCall() {
    #expect(
      next {
        $0.startModel()
        $0.end(.stepFailed, failure: Failure(code: "provider_error", detail: ""))
        $0.task(.taskRetrying)
      } == .callModel(number: 2, attempt: 1, turn: 1))
  }

  @Test("steps that a retry set aside count no more, but their numbers stay taken")
  func superseded() {
    #expect(
      next {
        $0.model(text: "wrong")
        $0.task(.taskRetrying, ["from": 1])
      } == .callModel(number: 2, attempt: 1, turn: 1))
  }

  @Test("bad arguments count by answers: many in one answer are one, and one good call is an answer that learnt")
  func badAnswers() {
    func after(_ answers: [[Bool]]) -> AgentLoop.Action {
      next { journal in
        for (turn, answer) in answers.enumerated() {
          let calls = answer.indices.map { ToolCall(id: "\(turn)-\($0)", name: "file.read", arguments: [:]) }
          journal.model(text: "", calls: calls)
          for (call, isGood) in zip(calls, answer) {
            if isGood {
              journal.tool(call, text: "x")
            } else {
              journal.failedTool(call, code: "tool_arguments_invalid")
            }
          }
        }
      }
    }
    #expect(after([[false, false, false, false]]) == .callModel(number: 6, attempt: 1, turn: 2))
    #expect(after([[false], [false, true], [false]]) == .callModel(number: 8, attempt: 1, turn: 4))
    let failed = AgentLoop.Action.fail(Failure(code: "tool_arguments_invalid", detail: "no"))
    #expect(after([[true], [false], [false, false], [false]]) == failed)
  }

  @Test("an answer that does not fit the schema is followed by one more call, one that fits ends the task")
  func schema() throws {
    let schema = try JSONSchema(["type": "object", "required": ["a"]])
    func after(_ text: String) -> AgentLoop.Action {
      var journal = JournalBuilder()
      journal.model(text: text)
      return AgentLoop.next(journal.history, schema: schema)
    }
    #expect(after(#"{"a":1}"#) == .finish(TaskOutput(text: #"{"a":1}"#, json: ["a": 1])))
    #expect(after("{}") == .callModel(number: 2, attempt: 1, turn: 2))
    #expect(after("hello") == .callModel(number: 2, attempt: 1, turn: 2))
  }

  @Test("the third call in a row with arguments no tool can take fails the task")
  func badArguments() {
    func after(_ count: Int) -> AgentLoop.Action {
      next { journal in
        for index in 0..<count {
          let call = ToolCall(id: "\(index)", name: "file.read", arguments: [:])
          journal.model(text: "", calls: [call])
          journal.failedTool(call, code: "tool_arguments_invalid")
        }
      }
    }
    #expect(after(2) == .callModel(number: 5, attempt: 1, turn: 3))
    #expect(after(3) == .fail(Failure(code: "tool_arguments_invalid", detail: "no")))
  }

  @Test("a retry that is asked for lets the model try anew after three such calls")
  func badArgumentsRetried() {
    #expect(
      next { journal in
        for index in 0..<3 {
          let call = ToolCall(id: "\(index)", name: "file.read", arguments: [:])
          journal.model(text: "", calls: [call])
          journal.failedTool(call, code: "tool_arguments_invalid")
        }
        journal.task(.taskFailed, ["error": ["code": "tool_arguments_invalid"]])
        journal.task(.taskRetrying)
      } == .callModel(number: 7, attempt: 1, turn: 4))
  }

  @Test("the messages of a resumed task are those that were sent the first time")
  func messages() {
    var journal = JournalBuilder()
    journal.model(text: "let me look", calls: [Self.read, Self.write])
    journal.tool(Self.read, text: "content")
    journal.failedTool(Self.write, code: "workspace_full")
    let task = AgentTask(
      id: TaskID(number: 1), agent: "coder", owner: .local, status: .running,
      input: ["prompt": "do it", "tone": "dry"], createdAt: Timestamp(milliseconds: 0))
    let definition = AgentDefinition(id: "coder", instructions: "be good", tools: [])
    let messages = AgentLoop.messages(
      AgentLoop.Script(task: task, definition: definition), history: journal.history)
    #expect(
      messages == [
        .system("be good"), .user("do it\n\n{\"tone\":\"dry\"}"),
        .assistant(text: "let me look", calls: [Self.read, Self.write]),
        .toolResult(callID: "a", name: "file.read", text: "content", isError: false),
        .toolResult(callID: "b", name: "file.write", text: "workspace_full: no", isError: true),
      ])
  }

  @Test("replaying any prefix of a history gives an action, and the same one twice")
  func prefixes() {
    var journal = JournalBuilder()
    journal.model(text: "", calls: [Self.read])
    journal.tool(Self.read, text: "x")
    journal.startModel()
    journal.end(.stepFailed, failure: Failure(code: "timeout", detail: ""))
    journal.task(.taskRetrying, ["from": 2])
    journal.model(text: "end")
    for count in 0...journal.entries.count {
      let prefix = journal.entries.prefix(count)
      #expect(
        AgentLoop.next(StepHistory(replaying: prefix)) == AgentLoop.next(StepHistory(replaying: prefix)), "\(count)")
    }
  }
}
