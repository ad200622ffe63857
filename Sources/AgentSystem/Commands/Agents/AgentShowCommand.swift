import AgentCore
import ArgumentParser

/// The one argument that verbs about one agent take.
struct AgentArgument: ParsableArguments {
  @Argument(help: "The agent's name.")
  var name: String

  /// `/api/agents/coder`
  var path: String { "/api/agents/" + APIRequest.encoded(name) }

  func validate() throws {
    if name.isEmpty { throw ValidationError("The agent's name is missing.") }
  }
}

struct AgentShowCommand: ClientCommand {
  static let configuration = CommandConfiguration(commandName: "show", abstract: "Show an agent.")

  @OptionGroup var agent: AgentArgument
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let json = try await session.api.call(APIRequest(.get, agent.path)).json
    if try session.showJSON(json) { return .done }
    var members = json.objectValue ?? [:]
    let reach = members.removeValue(forKey: "reach") ?? .null
    try session.console.show(MemberPage.members(of: .object(members), session.console.paint))
    if reach != .null { try session.console.show(Self.page(reach, session.console.paint)) }
    return .done
  }

  /// What the agent may reach, one thing a line.
  private static func page(_ reach: JSONValue, _ paint: Paint) -> String {
    var page = MemberPage(paint)
    page.add("asks", text: reach["provider"]?.stringValue ?? "no provider: its name is unknown")
    page.add("model", text: reach["model"]?.stringValue ?? "the provider's own")
    for tool in reach["tools"]?.arrayValue ?? [] {
      let effects = (tool["effects"]?.arrayValue ?? []).compactMap(\.stringValue).joined(separator: ", ")
      let missing = (tool["missing_permissions"]?.arrayValue ?? []).compactMap(\.stringValue).joined(separator: ", ")
      let name = tool["name"]?.stringValue ?? ""
      if missing.isEmpty {
        page.add("may call", text: "\(name) (\(effects))")
      } else {
        page.add("may not call", text: "\(name): the role agent lacks \(missing)")
      }
    }
    let hosts = (reach["hosts"]?.arrayValue ?? []).compactMap(\.stringValue)
    page.add("may reach", text: hosts.isEmpty ? "no host" : hosts.joined(separator: ", "))
    let roots = (reach["roots"]?.arrayValue ?? []).compactMap(\.stringValue)
    page.add("works in", text: (["its own workspace"] + roots.map { "folders below \($0)" }).joined(separator: ", "))
    return "\n" + paint(.bold, "reach") + "\n" + page.text
  }
}
