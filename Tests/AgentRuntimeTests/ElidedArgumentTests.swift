import AgentCore
import AgentRuntime
import Testing

/// A reply whose calls' long arguments gave way.
@Suite("Elided arguments") struct ElidedArgumentTests {
  private static let long = String(repeating: "w", count: 900)

  private static func messages(_ shape: ConversationShape) -> [ChatMessage] {
    let call = ToolCall(id: "c1", name: "file.write", arguments: ["path": "x", "text": .string(long)])
    let arguments = JSONValue.string(call.arguments.text)
    let message: JSONValue = [
      "role": "assistant", "reasoning_content": "hm",
      "tool_calls": [["id": "c1", "function": ["name": "file_write", "arguments": arguments]]],
    ]
    let origin = ReplyOrigin(provider: "p", model: "m", message: message, envelope: ["finish_reason": "tool_calls"])
    var journal = JournalBuilder()
    journal.startModel()
    journal.end(
      .stepFinished, output: ["text": "", "tool_calls": .array([call.json]), "origin": origin.json],
      usage: ModelUsage(inputTokens: 10, outputTokens: 5))
    journal.tool(call, text: "wrote")
    let definition = AgentDefinition(id: "coder", instructions: "be good", tools: [])
    let task = AgentTask(
      id: TaskID(number: 1), agent: "coder", owner: .local, status: .running, input: "go",
      createdAt: Timestamp(milliseconds: 0))
    return AgentLoop.messages(
      AgentLoop.Script(task: task, definition: definition), history: journal.history, shape: shape)
  }

  private static func reservation(_ messages: [ChatMessage]) -> Int64 {
    Budget.reservation(
      for: ModelRequest(
        model: nil, messages: messages, tools: [], maxOutputTokens: 100, task: TaskID(number: 1), agent: "coder",
        turn: 2))
  }

  @Test("leave the reply its origin, for its own provider to get the thoughts back, and its room is set aside no more")
  func origin() throws {
    var shape = ConversationShape()
    let whole = Self.messages(shape)
    shape.elidedArguments = [2]
    let elided = Self.messages(shape)
    guard case .assistant(_, let calls, let origin?) = elided[2], case .assistant(_, _, let first?) = whole[2] else {
      Issue.record("the reply has no origin")
      return
    }
    #expect(calls.map(\.arguments) == [["path": "x", "text": "[900 bytes elided]"]])
    #expect(origin.message == first.message && origin.envelope == ["finish_reason": "tool_calls"])
    let saved = 900 - "[900 bytes elided]".utf8.count
    #expect(first.elidedBytes == 0 && origin.elidedBytes == saved)
    #expect(Self.reservation(whole) - Self.reservation(elided) == Int64(saved / 2))
  }
}
