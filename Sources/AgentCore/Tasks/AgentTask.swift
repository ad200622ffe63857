/// Why a task, or a step, failed: a stable code for programs and a sentence for people.
package struct Failure: Error, Sendable, Hashable {
  package var code: String
  package var detail: String
  /// Which of several given things (the files that came with a task) it is about, from 0; never stored.
  package var index: Int?
  package init(code: String, detail: String, index: Int? = nil) {
    (self.code, self.detail, self.index) = (code, detail, index)
  }

  package var json: JSONValue { ["code": .string(code), "detail": .string(detail)] }
  package init?(json: JSONValue?) {
    guard let code = json?["code"]?.stringValue else { return nil }
    self.init(code: code, detail: json?["detail"]?.stringValue ?? "")
  }
}

/// What a task may use up. Nil: no limit of that kind.
package struct TaskLimits: Sendable, Hashable {
  package var steps: Int?
  package var modelCalls: Int?
  package var tokens: Int64?
  package var wallTime: Duration?
  package init(steps: Int? = nil, modelCalls: Int? = nil, tokens: Int64? = nil, wallTime: Duration? = nil) {
    (self.steps, self.modelCalls, self.tokens, self.wallTime) = (steps, modelCalls, tokens, wallTime)
  }

  /// Each member the smaller of the two: a task may narrow its agent's limits, never widen them.
  package func narrowed(by other: TaskLimits) -> TaskLimits {
    func smaller<Value: Comparable>(_ left: Value?, _ right: Value?) -> Value? {
      guard let left, let right else { return left ?? right }
      return min(left, right)
    }
    return TaskLimits(
      steps: smaller(steps, other.steps), modelCalls: smaller(modelCalls, other.modelCalls),
      tokens: smaller(tokens, other.tokens), wallTime: smaller(wallTime, other.wallTime))
  }

  /// `{"model_calls":40,"steps":50,"tokens":1000000,"wall_time_seconds":900}`, members without a limit left out.
  package var json: JSONValue {
    var members: [String: JSONValue] = [:]
    if let steps { members["steps"] = JSONValue(steps) }
    if let modelCalls { members["model_calls"] = JSONValue(modelCalls) }
    if let tokens { members["tokens"] = .integer(tokens) }
    if let wallTime { members["wall_time_seconds"] = .double(Double(wallTime.wholeMilliseconds) / 1000) }
    return .object(members)
  }

  package init(json: JSONValue) {
    self.init(
      steps: json["steps"]?.integerValue.map { Int($0) }, modelCalls: json["model_calls"]?.integerValue.map { Int($0) },
      tokens: json["tokens"]?.integerValue,
      wallTime: json["wall_time_seconds"]?.doubleValue.flatMap(Self.duration(seconds:)))
  }

  /// Nil for what no clock can count: negative, infinite, beyond 64 bits of milliseconds.
  private static func duration(seconds: Double) -> Duration? {
    guard seconds >= 0, let milliseconds = Int64(exactly: (seconds * 1000).rounded()) else { return nil }
    return .milliseconds(milliseconds)
  }
}

package struct TaskUsage: Sendable, Hashable {
  package var inputTokens: Int64 = 0
  package var outputTokens: Int64 = 0
  /// Nil without a price.
  package var cost: NanoUSD?
  package var modelCalls: Int64 = 0
  package var toolCalls: Int64 = 0
  package init() {}
}

/// What a completed task answers.
package struct TaskOutput: Sendable, Hashable {
  package struct File: Sendable, Hashable {
    package var path: String
    package var size: Int64
    package init(path: String, size: Int64) { (self.path, self.size) = (path, size) }
  }
  package var text: String
  package var json: JSONValue?
  /// The files that the task's tools wrote, by path.
  package var files: [File]
  package init(text: String, json: JSONValue? = nil, files: [File] = []) {
    (self.text, self.json, self.files) = (text, json, files)
  }
}

/// One piece of work asked of an agent, as callers see it (contract: "A task").
package struct AgentTask: Sendable, Hashable, Identifiable {
  package var id: TaskID
  package var agent: AgentID
  package var owner: Principal
  package var status: TaskStatus
  /// Text, or an object with a `prompt` member.
  package var input: JSONValue
  package var metadata: JSONValue
  package var outputSchema: JSONValue?
  package var output: TaskOutput?
  package var error: Failure?
  package var waiting: TaskWait?
  /// 0–9, 9 first.
  package var priority: Int
  package var labels: [String: String]
  /// The directory below an allow-listed root it works in; nil: a workspace of its own.
  package var folder: String?
  package var limits: TaskLimits
  package var attempt: Int
  package var maxAttempts: Int
  package var timeoutSeconds: Int
  package var createdAt: Timestamp
  package var startedAt: Timestamp?
  package var finishedAt: Timestamp?
  package var runAfter: Timestamp?
  package var cancelRequestedAt: Timestamp?
  package var usage: TaskUsage
  /// W3C trace context of the request that created it.
  package var traceparent: String?

  package init(
    id: TaskID, agent: AgentID, owner: Principal, status: TaskStatus, input: JSONValue, metadata: JSONValue = .null,
    outputSchema: JSONValue? = nil, output: TaskOutput? = nil, error: Failure? = nil, waiting: TaskWait? = nil,
    priority: Int = 5, labels: [String: String] = [:], folder: String? = nil, limits: TaskLimits = TaskLimits(),
    attempt: Int = 1, maxAttempts: Int = 3, timeoutSeconds: Int = 3600, createdAt: Timestamp,
    startedAt: Timestamp? = nil, finishedAt: Timestamp? = nil, runAfter: Timestamp? = nil,
    cancelRequestedAt: Timestamp? = nil, usage: TaskUsage = TaskUsage(), traceparent: String? = nil
  ) {
    (self.id, self.agent, self.owner, self.status, self.input) = (id, agent, owner, status, input)
    (self.metadata, self.outputSchema, self.output, self.error) = (metadata, outputSchema, output, error)
    (self.waiting, self.priority, self.labels, self.folder) = (waiting, priority, labels, folder)
    (self.limits, self.attempt, self.maxAttempts) = (limits, attempt, maxAttempts)
    (self.timeoutSeconds, self.createdAt, self.startedAt) = (timeoutSeconds, createdAt, startedAt)
    (self.finishedAt, self.runAfter, self.cancelRequestedAt) = (finishedAt, runAfter, cancelRequestedAt)
    (self.usage, self.traceparent) = (usage, traceparent)
  }

  /// What the task asks, as text.
  package var prompt: String { input.stringValue ?? input["prompt"]?.stringValue ?? "" }
}

/// What a caller asked for, checked, before it has a row.
package struct NewTask: Sendable, Hashable {
  /// Drawn before the write, so that the workspace can carry its name.
  package var id: TaskID
  package var agent: AgentID
  package var input: JSONValue
  package var metadata: JSONValue
  package var outputSchema: JSONValue?
  package var priority: Int
  package var labels: [String: String]
  package var folder: String?
  package var limits: TaskLimits
  package var maxAttempts: Int
  package var timeoutSeconds: Int
  package var traceparent: String?

  package init(
    id: TaskID, agent: AgentID, input: JSONValue, metadata: JSONValue = .null, outputSchema: JSONValue? = nil,
    priority: Int = 5, labels: [String: String] = [:], folder: String? = nil, limits: TaskLimits = TaskLimits(),
    maxAttempts: Int = 3, timeoutSeconds: Int = 3600, traceparent: String? = nil
  ) {
    (self.id, self.agent, self.input, self.metadata, self.outputSchema) = (id, agent, input, metadata, outputSchema)
    (self.priority, self.labels, self.folder, self.limits) = (priority, labels, folder, limits)
    (self.maxAttempts, self.timeoutSeconds, self.traceparent) = (maxAttempts, timeoutSeconds, traceparent)
  }
}
