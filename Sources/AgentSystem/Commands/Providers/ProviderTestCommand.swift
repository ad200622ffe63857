import AgentCore
import ArgumentParser

struct ProviderTestCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Make one small real call; exits 1 when it fails.")

  @OptionGroup var provider: ProviderArgument
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let path = "/api/providers/" + APIRequest.encoded(provider.name) + "/test"
    let json = try await session.api.call(APIRequest(.post, path)).json
    let status: ProcessExit = json["ok"] == true ? .done : .failed
    if try session.showJSON(json) { return status }
    let name = TerminalText.line(provider.name)
    if status == .done {
      let model = TerminalText.line(json["model"]?.stringValue ?? "")
      let time = json["latency_ms"]?.integerValue.map { " in \($0) ms" } ?? ""
      try session.console.showLine("\(name) " + session.console.paint(.green, "ok") + ": \(model) answered\(time)")
    } else {
      let (code, detail) = (json["error"]?["code"]?.stringValue ?? "", json["error"]?["detail"]?.stringValue ?? "")
      try session.console.showLine(
        "\(name) " + session.console.paint(.red, TerminalText.line(code)) + ": " + TerminalText.line(detail))
    }
    return status
  }
}
