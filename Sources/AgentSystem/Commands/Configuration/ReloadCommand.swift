import AgentConfig
import AgentCore
import ArgumentParser

/// `agent-system reload`
struct ReloadCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "reload", abstract: "Let the service read its files anew, without a restart.",
    discussion: """
      It takes \(ConfigWords.reloadable), all at once or nothing (exit 78, with every mistake). What needs a restart is \
      named. SIGHUP does the same.
      """)

  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let json: JSONValue
    do throws(ClientError) {
      json = try await session.api.call(APIRequest(.post, "/api/config/reload")).json
    } catch {
      guard case .problem(let problem) = error, problem.code == "reload_refused" else { throw error }
      return ClientProcess.tell(error, on: session.console, asJSON: session.isJSON, exit: .configuration)
    }
    if try session.showJSON(json) { return .done }
    try session.console.showLine(TerminalText.line(json["detail"]?.stringValue ?? ""))
    for (name, title) in [("changed", "changed"), ("needs_restart", "needs a restart")] {
      for key in json[name]?.arrayValue ?? [] {
        try session.console.showLine(TerminalText.line("  \(title): \(key.stringValue ?? "")"))
      }
    }
    return .done
  }
}
