/// What a model call used.
package struct ModelUsage: Sendable, Hashable {
  package var inputTokens: Int64
  package var outputTokens: Int64
  /// Nil without a price.
  package var cost: NanoUSD?
  /// Our own count, not the provider's.
  package var isEstimated: Bool
  package init(inputTokens: Int64, outputTokens: Int64, cost: NanoUSD? = nil, isEstimated: Bool = false) {
    (self.inputTokens, self.outputTokens, self.cost, self.isEstimated) = (inputTokens, outputTokens, cost, isEstimated)
  }

  package var totalTokens: Int64 { inputTokens + outputTokens }

  /// `{"input_tokens":10,"output_tokens":5,"cost_nanousd":null,"estimated":false}`
  package var json: JSONValue {
    [
      "input_tokens": .integer(inputTokens), "output_tokens": .integer(outputTokens),
      "cost_nanousd": cost.map { .integer($0.amount) } ?? .null, "estimated": .bool(isEstimated),
    ]
  }

  package init?(json: JSONValue) {
    guard let input = json["input_tokens"]?.integerValue, let output = json["output_tokens"]?.integerValue else {
      return nil
    }
    self.init(
      inputTokens: input, outputTokens: output, cost: json["cost_nanousd"]?.integerValue.map { NanoUSD($0) },
      isEstimated: json["estimated"]?.boolValue ?? false)
  }
}

/// One call of a model.
package struct ModelRequest: Sendable, Hashable {
  /// Nil: the provider's own.
  package var model: String?
  package var messages: [ChatMessage]
  package var tools: [ToolDescriptor]
  package var temperature: Double?
  package var maxOutputTokens: Int
  /// Whose call this is: for logs, and for the sandbox's scripts.
  package var task: TaskID
  package var agent: AgentID
  /// The n-th model call of the task's conversation, from 1.
  package var turn: Int

  package init(
    model: String?, messages: [ChatMessage], tools: [ToolDescriptor], temperature: Double? = nil,
    maxOutputTokens: Int, task: TaskID, agent: AgentID, turn: Int
  ) {
    (self.model, self.messages, self.tools, self.temperature) = (model, messages, tools, temperature)
    (self.maxOutputTokens, self.task, self.agent, self.turn) = (maxOutputTokens, task, agent, turn)
  }
}

package enum FinishReason: String, Sendable {
  case stop, length, refusal
  case toolCalls = "tool_calls"
}

package struct ModelReply: Sendable, Hashable {
  package var text: String
  package var calls: [ToolCall]
  package var finish: FinishReason
  package var usage: ModelUsage
  /// The model that answered, as the provider names it.
  package var model: String
  package init(text: String, calls: [ToolCall], finish: FinishReason, usage: ModelUsage, model: String) {
    (self.text, self.calls, self.finish, self.usage, self.model) = (text, calls, finish, usage, model)
  }
}
