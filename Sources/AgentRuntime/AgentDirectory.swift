import AgentCore
import Synchronization

/// The agents of the configuration in force. Replaced as a whole by a reload.
package final class AgentDirectory: Sendable {
  private let definitions: Mutex<[AgentID: AgentDefinition]>

  package init(_ definitions: [AgentDefinition]) {
    self.definitions = Mutex(Dictionary(definitions.map { ($0.id, $0) }, uniquingKeysWith: { _, last in last }))
  }

  package subscript(id: AgentID) -> AgentDefinition? { definitions.withLock { $0[id] } }

  /// Sorted by name.
  package var all: [AgentDefinition] { definitions.withLock { $0.values.sorted { $0.id < $1.id } } }

  /// Puts other agents in force, all at once. Running tasks keep the definition that they were claimed with; those of an
  /// agent that is gone wait until it comes back.
  package func replace(_ definitions: [AgentDefinition]) {
    let table = Dictionary(definitions.map { ($0.id, $0) }, uniquingKeysWith: { _, last in last })
    self.definitions.withLock { $0 = table }
  }

  /// One agent's newest definition, from the next claim on.
  package func update(_ definition: AgentDefinition) { definitions.withLock { $0[definition.id] = definition } }
}
