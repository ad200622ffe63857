import AgentCore

extension BuiltInAgents {
  /// The built-in agents as `config show` lists them.
  static let values: [ConfigValue] = all.flatMap { agent in
    let json = agent.json
    return AgentSettings.keys.filter { !$0.isContainer }.map { key in
      // `agents.*.limits.steps`
      let path = key.path.split(separator: ".").dropFirst(2).map(String.init)
      var value: JSONValue = path.reduce(json) { $0[$1] ?? .null }
      if key.path == "agents.*.provider", value == .null { value = "default" }
      if key.path == "agents.*.limits.wall_time" { value = .string(QuantityText.text(agent.limits.wallTime ?? .zero)) }
      return ConfigValue(
        file: "agents.yaml", key: (["agents", agent.id.name] + path).joined(separator: "."), value: value,
        source: .builtIn, isReloadable: key.isReloadable)
    }
  }
}
