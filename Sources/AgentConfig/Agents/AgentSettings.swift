import AgentCore

/// `agents.yaml`: the whole list of agents.
package struct AgentSettings: Sendable {
  package var agents: [AgentDefinition]
  /// Where each agent that names a provider does so, to be checked once the providers are known.
  var providerMarks: [(agent: AgentID, provider: Placed<String>)] = []
  /// What variables put into the agents' `body`.
  var bodySecrets: [Secret] = []

  /// The tools that the product has.
  package static let toolNames = [
    "file.list", "file.read", "file.search", "file.write", "file.edit", "http.request",
  ]
  /// `status` is a path of the API.
  static let reservedNames: Set<String> = ["status"]
  /// Each agent costs a row of every page and metric.
  static let maximumAgents = 1000
  /// A model's context is the bound in practice; this one keeps a mistake small.
  static let maximumInstructionBytes = 256 * 1024

  /// Every key of the file.
  package static let keys: [ConfigKey] = [
    ConfigKey("agents", .named(maximumCount: maximumAgents), .required, "the agents by name"),
    ConfigKey("agents.*.description", .text(maximumBytes: 4096), .defaults("''"), "what the agent is for, in one line"),
    ConfigKey(
      "agents.*.instructions", .text(maximumBytes: maximumInstructionBytes), .nullable,
      "what the model is told before every task, taken as it stands"
    ).verbatim,
    ConfigKey(
      "agents.*.instructions_file", .text(maximumBytes: 4095), .nullable,
      "a file that holds the instructions, relative to the configuration folder; one of the two must be given"),
    ConfigKey("agents.*.provider", .text(maximumBytes: 64), .defaults("default"), "a provider's name"),
    ConfigKey("agents.*.model", .text(maximumBytes: 256), .nullable, "the model; null is the provider's own"),
    ConfigKey("agents.*.tools", .list(maximumCount: 64), .defaults("[]"), "what the agent may call"),
    ConfigKey("agents.*.concurrency", .integer(1...1000), .defaults("4"), "its tasks in flight at once"),
    ConfigKey("agents.*.limits", .section, .defaults("{}"), "what one task may use up"),
    ConfigKey("agents.*.limits.steps", .integer(1...10_000), .defaults("50"), "steps of one task"),
    ConfigKey("agents.*.limits.model_calls", .integer(1...10_000), .defaults("40"), "model calls of one task"),
    ConfigKey("agents.*.limits.tokens", .integer(1...1_000_000_000_000), .defaults("1000000"), "tokens of one task"),
    ConfigKey(
      "agents.*.limits.wall_time", .duration(.seconds(1)...(.seconds(604_800))), .defaults("15m"),
      "working time of one task"
    ),
    ConfigKey("agents.*.temperature", .number(0...2), .nullable, "sampling temperature; null is the provider's own"),
    ConfigKey(
      "agents.*.max_output_tokens", .integer(1...10_000_000), .defaults("4096"), "tokens of one reply at the most"),
    ConfigKey(
      "agents.*.context_tokens", .integer(1000...100_000_000), .defaults("100000"),
      "tokens of one request at the most; older tool outputs are left out to fit"),
    ConfigKey(
      "agents.*.allow_hosts", .list(maximumCount: 256), .defaults("[]"),
      "what http.request may reach: names, literal addresses with port, or networks"),
    ConfigKey(
      "agents.*.body", .json, .defaults("{}"),
      "further members of each request's body, laid over the provider's; null takes one away"),
  ].map(\.reloadable)

  /// What a file names outside of itself.
  struct Surroundings {
    /// The tools that this build has.
    var tools: [String]
    /// Gets a path as written and the place it stands at; nil where that file cannot be read (its issues then stand
    /// elsewhere).
    var loadInstructions: (Placed<String>, inout IssueLog) -> String?
  }

  /// Reads the file's root; a bad agent leaves an issue.
  static func read(
    _ root: YAMLNode?, log: inout IssueLog, _ surroundings: Surroundings
  ) -> (AgentSettings, [ConfigValue]) {
    var reader = ConfigReader(keys: keys, log: log, recordingAs: "agents.yaml")
    var settings = AgentSettings(agents: [])
    let top = reader.top(root)
    reader.requireEntries("agents", in: top, without: "the built-in agents serve")
    for (name, mark, section) in reader.named("agents", in: top) {
      if reservedNames.contains(name) {
        reader.log.add(.invalid, mark, "'\(name)' is a reserved name: no agent can be called so")
      }
      let (agent, provider) = readAgent(name, section, surroundings, &reader)
      if let provider { settings.providerMarks.append((agent.id, provider)) }
      settings.agents.append(agent)
      settings.bodySecrets += RequestBodyMembers.variableTexts(section)
    }
    log = reader.log
    return (settings, reader.values)
  }

  private static func readAgent(
    _ name: String, _ section: ConfigReader.Section, _ surroundings: Surroundings, _ reader: inout ConfigReader
  ) -> (AgentDefinition, Placed<String>?) {
    var agent = AgentDefinition(id: AgentID(name), instructions: "", tools: [])
    if let text = reader.text("description", in: section) { agent.description = text.value }
    agent.instructions = instructions(section, surroundings, &reader)
    let provider = reader.text("provider", in: section).flatMap { $0.value == "default" ? nil : $0 }
    agent.provider = provider.map { ProviderID($0.value) }
    agent.model = reader.nonEmptyLine("model", in: section)?.value
    if agent.model != nil, provider == nil, let entry = section.entries["model"] {
      reader.log.add(
        .invalid, entry.keyMark,
        "'\(section.shown)' names a model, and no provider: the default may become one that has no such model")
    }
    agent.tools = (reader.texts("tools", in: section) ?? []).compactMap {
      checkTool($0, section, surroundings.tools, &reader)
    }
    if let number = reader.integer("concurrency", in: section) { agent.concurrency = Int(number) }
    if let limits = reader.section("limits", in: section) { readLimits(limits, into: &agent.limits, &reader) }
    agent.temperature = reader.number("temperature", in: section)
    if let number = reader.integer("max_output_tokens", in: section) { agent.maxOutputTokens = Int(number) }
    if let number = reader.integer("context_tokens", in: section) { agent.contextTokens = Int(number) }
    agent.allowHosts = (reader.texts("allow_hosts", in: section) ?? []).compactMap { host in
      guard AllowedHost.isValid(host.value) else {
        reader.log.add(.invalid, host.mark, "'\(section.shown).allow_hosts': '\(host.shown)' \(AllowedHost.rule)")
        return nil
      }
      return host.value
    }
    agent.body = RequestBodyMembers.read(section, &reader)
    return (agent, provider)
  }

  private static func instructions(
    _ section: ConfigReader.Section, _ surroundings: Surroundings, _ reader: inout ConfigReader
  ) -> String {
    let text = reader.text("instructions", in: section)
    let path = reader.nonEmptyLine("instructions_file", in: section)
    let name: String
    let read: Placed<String>?
    switch (text, path) {
    case (let text?, let path?):
      reader.log.add(
        .invalid, path.mark, "'\(section.shown)' has both 'instructions' and 'instructions_file': give one of them")
      return text.value
    case (let text?, nil): (name, read) = ("instructions", text)
    case (nil, let path?):
      name = "instructions_file"
      read = surroundings.loadInstructions(path, &reader.log).map { Placed(value: $0, mark: path.mark) }
      if let read { reader.noteContent(name, in: section, read.value) }
    case (nil, nil):
      let isBroken = ["instructions", "instructions_file"].contains { name in
        section.entries[name].map { !$0.value.isNull } ?? false
      }
      if !isBroken {
        reader.log.add(
          .invalid, section.mark,
          "'\(section.shown).instructions' must be given, or '\(section.shown).instructions_file'")
      }
      return ""
    }
    if let read, read.value.allSatisfy(\.isWhitespace) {
      reader.log.add(.invalid, read.mark, "'\(section.shown).\(name)' says nothing")
    }
    return read?.value ?? ""
  }

  private static func readLimits(
    _ section: ConfigReader.Section, into limits: inout TaskLimits, _ reader: inout ConfigReader
  ) {
    if let number = reader.integer("steps", in: section) { limits.steps = Int(number) }
    if let number = reader.integer("model_calls", in: section) { limits.modelCalls = Int(number) }
    if let number = reader.integer("tokens", in: section) { limits.tokens = number }
    if let duration = reader.duration("wall_time", in: section) { limits.wallTime = duration }
  }

  private static func checkTool(
    _ tool: Placed<String>, _ section: ConfigReader.Section, _ tools: [String], _ reader: inout ConfigReader
  ) -> String? {
    if tools.contains(tool.value) { return tool.value }
    if toolNames.contains(tool.value) {
      reader.log.add(.notSupported, tool.mark, "this build does not support the tool '\(tool.shown)'")
      return nil
    }
    let hint = NearestName.of(tool.value, among: tools).map { "; did you mean '\($0)'?" } ?? ""
    reader.log.add(.invalid, tool.mark, "'\(section.shown).tools': there is no tool '\(tool.shown)'\(hint)")
    return nil
  }
}

extension ConfigReader {
  /// A text that says something.
  mutating func nonEmpty(_ name: String, in section: Section) -> String? { nonEmptyText(name, in: section)?.value }

  /// The same with its place.
  mutating func nonEmptyText(_ name: String, in section: Section) -> Placed<String>? {
    guard let text = text(name, in: section) else { return nil }
    guard !text.value.isEmpty else {
      log.add(.invalid, text.mark, "'\(Self.join(section.shown, name))' is empty")
      return nil
    }
    return text
  }

  /// The same, for what goes into requests or names a file.
  mutating func nonEmptyLine(_ name: String, in section: Section) -> Placed<String>? {
    guard let text = nonEmptyText(name, in: section) else { return nil }
    guard !SecretText.hasControlCharacter(text.value) else {
      log.add(
        .invalid, text.mark, "'\(Self.join(section.shown, name))' holds a control character (a line break, perhaps)")
      return nil
    }
    return text
  }
}
