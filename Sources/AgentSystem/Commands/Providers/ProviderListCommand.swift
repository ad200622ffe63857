import AgentCore
import ArgumentParser

struct ProviderListCommand: ClientCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List the providers.")

  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let json = try await session.api.call(APIRequest(.get, "/api/providers")).json
    if try session.showJSON(json) { return .done }
    var table = TextTable(["PROVIDER", "DEFAULT", "STATUS", "IN USE", "MODEL", "ADDRESS", "LAST ERROR"])
    for provider in json["data"]?.arrayValue ?? [] {
      let status = provider["status"]?.stringValue ?? ""
      table.add([
        .init(provider["name"]?.stringValue ?? ""), .init(provider["default"] == true ? "default" : ""),
        .init(status, status == "ok" ? .green : .red), .init(Self.use(provider["concurrency"] ?? .null)),
        .init(provider["model"]?.stringValue ?? ""), .init(provider["base_url"]?.stringValue ?? ""),
        .init(provider["last_error"]?["code"]?.stringValue ?? ""),
      ])
    }
    if !table.isEmpty { try session.console.show(table.text(session.console.paint, limit: session.console.lineLimit)) }
    return .done
  }

  /// `3/8`, or `3` where there is no limit.
  private static func use(_ concurrency: JSONValue) -> String {
    guard let inUse = concurrency["in_use"]?.integerValue else { return "" }
    return concurrency["max"]?.integerValue.map { "\(inUse)/\($0)" } ?? "\(inUse)"
  }
}
