import AgentCore
import ArgumentParser

struct AgentListCommand: ClientCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List the agents.")

  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let json = try await session.api.call(APIRequest(.get, "/api/agents")).json
    if try session.showJSON(json) { return .done }
    var table = TextTable(["AGENT", "STATUS", "ACTIVE", "QUEUED", "DESCRIPTION"], numeric: [2, 3])
    for agent in json["data"]?.arrayValue ?? json["agents"]?.arrayValue ?? [] {
      let status = agent["status"]?.stringValue ?? ""
      table.add([
        .init(agent["name"]?.stringValue ?? agent["id"]?.stringValue ?? ""),
        .init(status, Paint.colour(ofStatus: status)),
        .init(agent["active_tasks"]?.integerValue.map(String.init) ?? ""),
        .init(agent["queued_tasks"]?.integerValue.map(String.init) ?? ""),
        .init(Self.description(agent)),
      ])
    }
    if !table.isEmpty { try session.console.show(table.text(session.console.paint, limit: session.console.lineLimit)) }
    return .done
  }

  /// An error matters more than what the agent is for.
  private static func description(_ agent: JSONValue) -> String {
    let error = agent["last_error"] ?? .null
    if agent["status"] == "error", error != .null {
      return error.stringValue ?? error["detail"]?.stringValue ?? error.text
    }
    return agent["description"]?.stringValue ?? ""
  }
}
