import AgentConfig
import AgentCore

extension LoadedConfiguration {
  /// Takes one agent, with the values of its keys, as `files` has it; the rest stays.
  mutating func take(_ agent: AgentDefinition, from files: LoadedConfiguration) {
    if let index = agents.firstIndex(where: { $0.id == agent.id }) {
      agents[index] = agent
    } else {
      agents.append(agent)
    }
    let index = values.firstIndex { $0.belongs(to: agent.id) } ?? values.endIndex
    values.removeAll { $0.belongs(to: agent.id) }
    values.insert(contentsOf: files.values.filter { $0.belongs(to: agent.id) }, at: min(index, values.endIndex))
  }
}

extension ConfigValue {
  /// Names have dots: `agents.a.b.tools` is a key of the agent `a.b`, and none of `a`.
  fileprivate func belongs(to agent: AgentID) -> Bool {
    let prefix = "agents.\(agent.name)."
    guard file == "agents.yaml", key.hasPrefix(prefix) else { return false }
    let rest = key.dropFirst(prefix.count)
    return AgentSettings.keys.contains { $0.path == "agents.*.\(rest)" }
  }
}
