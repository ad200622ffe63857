import AgentCore

/// What the sandbox provider answers instead of its own words: rules from top to bottom, the first that fits answers.
/// The file's shape is the contract's `sandbox-script.yaml`.
package struct SandboxScript: Sendable, Hashable {
  package struct Rule: Sendable, Hashable {
    /// Each member optional: nil fits always.
    package var agent: AgentID?
    /// A substring of the task's prompt.
    package var prompt: String?
    /// The n-th model call of the task, from 1.
    package var turn: Int?
    /// The tool whose result is the newest message; a rule that names one does not fit before any tool ran.
    package var lastTool: String?
    /// How often the rule answers in the life of the process; nil: any number.
    package var times: Int?
    package var reply: Reply

    package init(
      agent: AgentID? = nil, prompt: String? = nil, turn: Int? = nil, lastTool: String? = nil, times: Int? = nil,
      reply: Reply
    ) {
      (self.agent, self.prompt, self.turn, self.lastTool) = (agent, prompt, turn, lastTool)
      (self.times, self.reply) = (times, reply)
    }
  }

  package struct Reply: Sendable, Hashable {
    package var delay: Duration
    package var outcome: Outcome
    package init(delay: Duration = .zero, outcome: Outcome) { (self.delay, self.outcome) = (delay, outcome) }
  }

  package enum Outcome: Sendable, Hashable {
    /// Call ids are given by the provider. Nil usage: the sandbox's own count. Nil finish: `tool_calls` where there
    /// are calls, else `stop`.
    case answer(text: String, calls: [Call], finish: FinishReason?, usage: ModelUsage?)
    case failure(ProviderError)
  }

  package struct Call: Sendable, Hashable {
    package var name: String
    package var arguments: JSONValue
    package init(name: String, arguments: JSONValue) { (self.name, self.arguments) = (name, arguments) }
  }

  package var rules: [Rule]
  /// A file that gets one JSON line for each call (task, agent, turn, rule), written before the answer: the witness
  /// of agent tests. Absolute path.
  package var log: String?

  package init(rules: [Rule], log: String? = nil) { (self.rules, self.log) = (rules, log) }
}
