/// What a model call used.
package struct ModelUsage: Sendable, Hashable {
  /// All of the request: what was read from and written to a provider's cache included.
  package var inputTokens: Int64
  package var outputTokens: Int64
  /// Of `inputTokens`, read from a provider's cache.
  package var cachedTokens: Int64
  /// Of `inputTokens`, written to a provider's cache.
  package var cacheWriteTokens: Int64
  /// Of `outputTokens`, thinking that is not shown.
  package var reasoningTokens: Int64
  /// Nil without a price.
  package var cost: NanoUSD?
  /// Our own count, not the provider's.
  package var isEstimated: Bool
  package init(
    inputTokens: Int64, outputTokens: Int64, cachedTokens: Int64 = 0, cacheWriteTokens: Int64 = 0,
    reasoningTokens: Int64 = 0, cost: NanoUSD? = nil, isEstimated: Bool = false
  ) {
    (self.inputTokens, self.outputTokens, self.cachedTokens) = (inputTokens, outputTokens, cachedTokens)
    (self.cacheWriteTokens, self.reasoningTokens) = (cacheWriteTokens, reasoningTokens)
    (self.cost, self.isEstimated) = (cost, isEstimated)
  }

  package var totalTokens: Int64 { inputTokens + outputTokens }

  /// `{"input_tokens":10,"output_tokens":5,"cost_nanousd":null,"estimated":false}`, and beside them, where they are
  /// not 0, `cached_tokens`, `cache_write_tokens` and `reasoning_tokens`.
  package var json: JSONValue {
    var members: [String: JSONValue] = [
      "input_tokens": .integer(inputTokens), "output_tokens": .integer(outputTokens),
      "cost_nanousd": cost.map { .integer($0.amount) } ?? .null, "estimated": .bool(isEstimated),
    ]
    if cachedTokens != 0 { members["cached_tokens"] = .integer(cachedTokens) }
    if cacheWriteTokens != 0 { members["cache_write_tokens"] = .integer(cacheWriteTokens) }
    if reasoningTokens != 0 { members["reasoning_tokens"] = .integer(reasoningTokens) }
    return .object(members)
  }

  package init?(json: JSONValue) {
    guard let input = json["input_tokens"]?.integerValue, let output = json["output_tokens"]?.integerValue else {
      return nil
    }
    self.init(
      inputTokens: input, outputTokens: output, cachedTokens: json["cached_tokens"]?.integerValue ?? 0,
      cacheWriteTokens: json["cache_write_tokens"]?.integerValue ?? 0,
      reasoningTokens: json["reasoning_tokens"]?.integerValue ?? 0,
      cost: json["cost_nanousd"]?.integerValue.map { NanoUSD($0) }, isEstimated: json["estimated"]?.boolValue ?? false)
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
  /// The JSON Schema that the provider itself is to hold the answer to; nil: it is not asked to. Whether the answer
  /// fits is the caller's to check either way.
  package var outputSchema: JSONValue?
  /// Members of the agent's `body`, laid over the provider's own; null takes one away.
  package var extraBody: [String: JSONValue]
  /// What was set aside for this call: a usage ten times over it is not believed.
  package var reservedTokens: Int64

  package init(
    model: String?, messages: [ChatMessage], tools: [ToolDescriptor], temperature: Double? = nil,
    maxOutputTokens: Int, task: TaskID, agent: AgentID, turn: Int, outputSchema: JSONValue? = nil,
    extraBody: [String: JSONValue] = [:], reservedTokens: Int64 = 0
  ) {
    (self.model, self.messages, self.tools, self.temperature) = (model, messages, tools, temperature)
    (self.maxOutputTokens, self.task, self.agent, self.turn) = (maxOutputTokens, task, agent, turn)
    (self.outputSchema, self.extraBody, self.reservedTokens) = (outputSchema, extraBody, reservedTokens)
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
  /// Nil for the sandbox, which keeps nothing that text and calls do not say.
  package var origin: ReplyOrigin?
  package init(
    text: String, calls: [ToolCall], finish: FinishReason, usage: ModelUsage, model: String,
    origin: ReplyOrigin? = nil
  ) {
    (self.text, self.calls, self.finish, self.usage, self.model) = (text, calls, finish, usage, model)
    self.origin = origin
  }
}
