import AgentCore
import ArgumentParser

struct AgentRestartCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "restart", abstract: "Stop an agent's work at the next step, reload its definition, start again.")

  @OptionGroup var agent: AgentArgument
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    try await session.switchAgent(agent, "restart")
  }
}

struct AgentDisableCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "disable", abstract: "Let an agent start no more tasks; running ones go to their end.")

  @OptionGroup var agent: AgentArgument
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    try await session.switchAgent(agent, "disable")
  }
}

struct AgentEnableCommand: ClientCommand {
  static let configuration = CommandConfiguration(commandName: "enable", abstract: "Let an agent start tasks again.")

  @OptionGroup var agent: AgentArgument
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    try await session.switchAgent(agent, "enable")
  }
}

extension ClientSession {
  /// Asks for it and shows the agent's status as it then is.
  fileprivate func switchAgent(_ agent: AgentArgument, _ verb: String) async throws(ClientError) -> ProcessExit {
    let json = try await api.call(APIRequest(.post, agent.path + "/" + verb)).json
    if try showJSON(json) { return .done }
    let status = json["status"]?.stringValue ?? ""
    let name = TerminalText.line(agent.name)
    try console.showLine("\(name) " + console.paint(Paint.colour(ofStatus: status), TerminalText.line(status)))
    return .done
  }
}
