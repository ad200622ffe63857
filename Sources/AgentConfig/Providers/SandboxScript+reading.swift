import AgentCore

extension SandboxScript {
  /// The provider looks through the rules at every call.
  static let maximumRules = 1000
  /// Of one reply.
  static let maximumCalls = 64
  /// As much as a file can hold.
  private static let maximumTextBytes = ConfigFile.maximumBytes

  /// Every key of a script.
  package static let keys: [ConfigKey] = [
    ConfigKey(
      "rules", .sections(maximumCount: maximumRules), .required, "from top to bottom, the first that fits answers"),
    ConfigKey("log", .text(maximumBytes: 4095), .nullable, "a file that gets one JSON line for each call"),
    ConfigKey("rules.*.when", .section, .defaults("{}"), "when the rule fits; every member must"),
    ConfigKey("rules.*.when.agent", .text(maximumBytes: 64), .nullable, "the task's agent"),
    ConfigKey("rules.*.when.prompt", .text(maximumBytes: 65_536), .nullable, "a substring of the task's prompt"),
    ConfigKey("rules.*.when.turn", .integer(1...100_000), .nullable, "the n-th model call of the task"),
    ConfigKey("rules.*.when.last_tool", .text(maximumBytes: 256), .nullable, "the tool that ran last"),
    ConfigKey(
      "rules.*.times", .integer(1...1_000_000_000), .nullable, "how often the rule answers; any number unless told"),
    ConfigKey("rules.*.reply", .section, .required, "the answer"),
    ConfigKey(
      "rules.*.reply.delay", .duration(.zero...(.seconds(86_400))), .defaults("0ms"), "waited before the answer"),
    ConfigKey("rules.*.reply.text", .text(maximumBytes: maximumTextBytes), .defaults("''"), "the answer's words"),
    ConfigKey("rules.*.reply.finish", .choice(FinishReason.words), .nullable, "why the answer ends"),
    ConfigKey("rules.*.reply.tool_calls", .sections(maximumCount: maximumCalls), .defaults("[]"), "tools to call"),
    ConfigKey("rules.*.reply.tool_calls.*.name", .text(maximumBytes: 256), .required, "the tool"),
    ConfigKey("rules.*.reply.tool_calls.*.arguments", .json, .defaults("{}"), "its arguments"),
    ConfigKey("rules.*.reply.usage", .section, .nullable, "tokens to report; the sandbox's own count unless told"),
    ConfigKey("rules.*.reply.usage.input_tokens", .integer(0...1_000_000_000), .defaults("0"), "tokens read"),
    ConfigKey("rules.*.reply.usage.output_tokens", .integer(0...1_000_000_000), .defaults("0"), "tokens written"),
    ConfigKey("rules.*.reply.error", .section, .nullable, "fail instead of answering"),
    ConfigKey(
      "rules.*.reply.error.code", .choice(ProviderError.Code.allCases.map(\.rawValue)), .required, "the error's code"),
    ConfigKey("rules.*.reply.error.status", .integer(100...599), .nullable, "the HTTP status it stands for"),
    ConfigKey(
      "rules.*.reply.error.retry_after", .duration(.zero...(.seconds(86_400))), .nullable, "when to try again"),
  ]

  /// Reads a script's root. `folder`: what a relative `log` is below.
  static func read(_ root: YAMLNode?, folder: String, log: inout IssueLog) -> SandboxScript {
    var reader = ConfigReader(keys: keys, log: log)
    var script = SandboxScript(rules: [])
    if root == nil { reader.log.add(.invalid, .start, "'rules' must be given") }
    let top = reader.top(root)
    script.rules = reader.sections("rules", in: top).compactMap { rule($0, &reader) }
    if let path = reader.nonEmpty("log", in: top) { script.log = path.hasPrefix("/") ? path : "\(folder)/\(path)" }
    log = reader.log
    return script
  }

  private static func rule(_ section: ConfigReader.Section, _ reader: inout ConfigReader) -> Rule? {
    guard let replySection = reader.section("reply", in: section) else { return nil }
    var rule = Rule(reply: Reply(outcome: outcome(replySection, &reader)))
    if let delay = reader.duration("delay", in: replySection) { rule.reply.delay = delay }
    rule.times = reader.integer("times", in: section).map { Int($0) }
    guard let when = reader.section("when", in: section) else { return rule }
    rule.agent = reader.nonEmpty("agent", in: when).map { AgentID($0) }
    rule.prompt = reader.nonEmpty("prompt", in: when)
    rule.turn = reader.integer("turn", in: when).map { Int($0) }
    rule.lastTool = reader.nonEmpty("last_tool", in: when)
    return rule
  }

  private static func outcome(_ section: ConfigReader.Section, _ reader: inout ConfigReader) -> Outcome {
    let answers = ["text", "finish", "tool_calls", "usage"].filter { section.entries[$0] != nil }
    if let error = reader.section("error", in: section) {
      if let member = answers.first, let entry = section.entries[member] {
        reader.log.add(
          .invalid, entry.keyMark, "'\(section.shown)' has both 'error' and '\(member)': a reply is one or the other")
      }
      return .failure(failure(error, &reader))
    }
    if answers.isEmpty, section.isWhole {
      reader.log.add(.invalid, section.mark, "'\(section.shown)' says nothing: give 'text', 'tool_calls' or 'error'")
    }
    let calls = reader.sections("tool_calls", in: section).map { call in
      Call(
        name: reader.nonEmpty("name", in: call) ?? "",
        arguments: reader.jsonObject("arguments", in: call) ?? .object([:]))
    }
    let usage = reader.section("usage", in: section).map { usage in
      ModelUsage(
        inputTokens: reader.integer("input_tokens", in: usage) ?? 0,
        outputTokens: reader.integer("output_tokens", in: usage) ?? 0)
    }
    let finish = reader.text("finish", in: section).flatMap { FinishReason(rawValue: $0.value) }
    return .answer(text: reader.text("text", in: section)?.value ?? "", calls: calls, finish: finish, usage: usage)
  }

  private static func failure(_ section: ConfigReader.Section, _ reader: inout ConfigReader) -> ProviderError {
    let code = reader.text("code", in: section).flatMap { ProviderError.Code(rawValue: $0.value) } ?? .providerError
    return ProviderError(
      code, "the sandbox's script answers with this error",
      status: reader.integer("status", in: section).map { Int($0) },
      retryAfter: reader.duration("retry_after", in: section))
  }
}

extension FinishReason {
  fileprivate static var words: [String] { [stop, length, refusal, toolCalls].map(\.rawValue) }
}
