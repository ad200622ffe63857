import AgentCore

/// Where the round of agents and, in each agent, the round of owners stand. Owners go by their number.
struct ClaimTurns: Sendable {
  /// Agents remembered; a configuration has far fewer. Past it all turns begin anew.
  private static let maximumAgents = 1024
  private var lastAgent: AgentID?
  private var lastOwners: [AgentID: Int64] = [:]

  init() {}

  /// The rooms in the order of this request: after the agent that was served last.
  func ordered(_ rooms: [ClaimRequest.Room]) -> [ClaimRequest.Room] {
    let sorted = rooms.sorted { $0.agent.id < $1.agent.id }
    guard let lastAgent, let index = sorted.firstIndex(where: { $0.agent.id > lastAgent }) else { return sorted }
    return Array(sorted[index...] + sorted[..<index])
  }

  /// The owner served last for that agent; 0 before the first.
  func lastOwner(of agent: AgentID) -> Int64 { lastOwners[agent] ?? 0 }

  mutating func served(_ owner: Int64, of agent: AgentID) {
    if lastOwners[agent] == nil, lastOwners.count >= Self.maximumAgents { lastOwners = [:] }
    lastOwners[agent] = owner
    lastAgent = agent
  }

  mutating func served(_ agent: AgentID) { lastAgent = agent }
}
