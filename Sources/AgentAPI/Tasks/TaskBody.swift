import AgentCore

/// How tasks are written in answers.
enum TaskBody {
  /// In lists and events, members over this are given by their size.
  static let inlineBytes = 4096

  /// A task with all that the contract lists. `isListed`: long `input`, `output` and `metadata` are left out.
  static func json(_ task: AgentTask, isListed: Bool = false) -> JSONValue {
    func shown(_ value: JSONValue) -> JSONValue { isListed ? shortened(value) : value }
    return [
      "id": .string(task.id.description), "agent": .string(task.agent.name), "status": .string(task.status.rawValue),
      "input": shown(task.input), "output": shown(task.output.map(json) ?? .null),
      "error": task.error?.json ?? .null, "waiting": task.waiting.map(json) ?? .null,
      "priority": JSONValue(task.priority), "labels": .object(task.labels.mapValues(JSONValue.string)),
      "metadata": shown(task.metadata), "folder": JSONValue(task.folder), "limits": task.limits.json,
      "owner": .string(task.owner.description), "attempt": JSONValue(task.attempt),
      "max_attempts": JSONValue(task.maxAttempts), "timeout_seconds": JSONValue(task.timeoutSeconds),
      "created_at": .string(task.createdAt.text), "started_at": JSONValue(task.startedAt?.text),
      "finished_at": JSONValue(task.finishedAt?.text), "run_after": JSONValue(task.runAfter?.text),
      "cancel_requested_at": JSONValue(task.cancelRequestedAt?.text), "usage": json(task.usage),
    ]
  }

  /// `{"omitted_bytes":n}` in the place of a value whose JSON is over 4 KiB.
  static func shortened(_ value: JSONValue) -> JSONValue {
    let size = value.encoded().count
    return size > inlineBytes ? omitted(size) : value
  }

  static func omitted(_ bytes: Int) -> JSONValue { ["omitted_bytes": JSONValue(bytes)] }

  /// Dollars as a decimal number; null without a price.
  static func dollars(_ cost: NanoUSD?) -> JSONValue {
    cost.map { .double(Double($0.amount) / 1_000_000_000) } ?? .null
  }

  /// Parts of the counts beside them, where there are any.
  static func json(_ usage: ModelUsage) -> JSONValue {
    var members: [String: JSONValue] = [
      "input_tokens": .integer(usage.inputTokens), "output_tokens": .integer(usage.outputTokens),
      "cost_usd": dollars(usage.cost), "estimated": .bool(usage.isEstimated),
    ]
    let parts = [
      "cached_tokens": usage.cachedTokens, "cache_write_tokens": usage.cacheWriteTokens,
      "reasoning_tokens": usage.reasoningTokens,
    ]
    for (name, count) in parts where count != 0 { members[name] = .integer(count) }
    return .object(members)
  }

  private static func json(_ usage: TaskUsage) -> JSONValue {
    [
      "input_tokens": .integer(usage.inputTokens), "output_tokens": .integer(usage.outputTokens),
      "cost_usd": dollars(usage.cost), "llm_calls": .integer(usage.modelCalls),
      "tool_calls": .integer(usage.toolCalls),
    ]
  }

  private static func json(_ output: TaskOutput) -> JSONValue {
    var members: [String: JSONValue] = ["text": .string(output.text), "files": .array(output.files.map(json))]
    members["json"] = output.json
    return .object(members)
  }

  static func json(_ file: TaskOutput.File) -> JSONValue { ["path": .string(file.path), "size": .integer(file.size)] }

  private static func json(_ wait: TaskWait) -> JSONValue {
    ["reason": .string(wait.reason.rawValue), "until": JSONValue(wait.until?.text), "step": JSONValue(wait.step)]
  }
}
