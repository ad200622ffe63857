import AgentConfig
import AgentCore
import Testing

@testable import AgentSystem

@Suite("One agent's definition taken anew") struct AgentRenewalTests {
  private static func value(_ key: String, _ value: JSONValue) -> ConfigValue {
    ConfigValue(file: "agents.yaml", key: key, value: value, source: .builtIn, isReloadable: true)
  }

  private static func agent(_ id: AgentID, _ text: String) -> AgentDefinition {
    AgentDefinition(id: id, instructions: text, tools: [])
  }

  @Test("its own keys change, and those of an agent whose name begins like its own do not")
  func names() {
    var current = LoadedConfiguration(agents: [Self.agent("a", "old"), Self.agent("a.b", "old")])
    current.values = [
      Self.value("agents.a.instructions", "old"), Self.value("agents.a.limits.steps", 1),
      Self.value("agents.a.b.instructions", "old"), Self.value("agents.a.b.limits.steps", 1),
    ]
    var files = LoadedConfiguration(agents: [Self.agent("a", "new"), Self.agent("a.b", "new")])
    files.values = [
      Self.value("agents.a.instructions_file", "new"), Self.value("agents.a.limits.steps", 2),
      Self.value("agents.a.b.instructions", "new"), Self.value("agents.a.b.limits.steps", 2),
    ]
    current.take(files.agents[0], from: files)
    #expect(current.agents.map(\.instructions) == ["new", "old"])
    #expect(
      current.values.map { "\($0.key)=\($0.value.text)" } == [
        "agents.a.instructions_file=\"new\"", "agents.a.limits.steps=2", "agents.a.b.instructions=\"old\"",
        "agents.a.b.limits.steps=1",
      ])
  }
}
