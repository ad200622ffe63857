import AgentConfig
import AgentCore
import ArgumentParser

struct ConfigCheckCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Say whether the files as they are now would be taken.",
    discussion: "Exits 0 when they would, and 78 when not, with every mistake at once. Nothing is put in force.")

  @OptionGroup var offline: OfflineOptions
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let json = try await session.asking(APIRequest(.post, "/api/config/check"), offline) {
      ConfigPage.check($0, by: "here")
    }
    let isGood = json["ok"]?.boolValue ?? false
    if try !session.showJSON(json) {
      for issue in json["issues"]?.arrayValue ?? [] { try session.console.showLine(Self.line(issue)) }
      for warning in json["warnings"]?.arrayValue ?? [] {
        try session.console.showLine("warning: " + Self.line(warning))
      }
      for note in json["notes"]?.arrayValue ?? [] { try session.console.showLine("note: " + Self.line(note)) }
      if isGood {
        let folder = json["folder"]?.stringValue ?? "no folder"
        let reader = json["checked_by"]?.stringValue == "service" ? "the running service" : "this command"
        try session.console.showLine(TerminalText.line("good: \(folder), checked by \(reader)"))
      }
    }
    return isGood ? .done : .configuration
  }

  /// `/etc/agent-system/server.yaml:3:1: config_invalid: …`
  static func line(_ issue: JSONValue) -> String {
    let file = issue["file"]?.stringValue ?? ""
    let place = issue["line"]?.integerValue.map { "\(file):\($0):\(issue["column"]?.integerValue ?? 1)" } ?? file
    return TerminalText.line("\(place): \(issue["code"]?.stringValue ?? ""): \(issue["message"]?.stringValue ?? "")")
  }
}

extension ClientSession {
  /// The running service's answer; where none answers, or the options ask for it, what this process makes of the files.
  func asking(
    _ request: APIRequest, _ options: OfflineOptions, offline: (ConfigurationSource) throws(ClientError) -> JSONValue
  ) async throws(ClientError) -> JSONValue {
    if !options.isAsked {
      do throws(ClientError) { return try await api.call(request).json } catch {
        // A server that was named and does not answer is no reason to read something else.
        guard case .unreachable = error, !isServerNamed else { throw error }
      }
    }
    if !isJSON { console.warn(TerminalText.line(options.note(input))) }
    return try offline(options.source(input))
  }
}
