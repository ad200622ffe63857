import AgentConfig
import AgentCore
import ArgumentParser

struct ConfigShowCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "List every key with its value and where that comes from.",
    discussion: """
      The source is default, file, environment, flag or state (changed over the API; it wins until the file's own value \
      changes). `pending` is what the files say by now and a reload (or, where it says so, a restart) would put in force. \
      Secrets are never shown.
      """)

  @Argument(help: "Only keys that contain this, such as agents.coder or log.")
  var key: String?
  @OptionGroup var offline: OfflineOptions
  @OptionGroup var client: ClientOptions

  /// A value's columns in the table; `--json` has all of it.
  private static let valueColumns = 60

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    var json = try await session.asking(APIRequest(.get, "/api/config"), offline) { (source) throws(ClientError) in
      do throws(ConfigError) {
        return ConfigPage.json(ConfigPage.rows(try source.load().values), folder: source.folder, readBy: "here")
      } catch {
        throw .configuration(error.description)
      }
    }
    var rows = json["data"]?.arrayValue ?? []
    if let key { rows = rows.filter { $0["key"]?.stringValue?.contains(key) ?? false } }
    if var members = json.objectValue {
      members["data"] = .array(rows)
      json = .object(members)
    }
    if try session.showJSON(json) { return .done }
    var table = TextTable(["KEY", "VALUE", "SOURCE", "FROM"])
    for row in rows { Self.add(row, to: &table) }
    if !table.isEmpty { try session.console.show(table.text(session.console.paint, limit: session.console.lineLimit)) }
    for issue in json["issues"]?.arrayValue ?? [] {
      session.console.warn("the files cannot be taken now: " + ConfigCheckCommand.line(issue))
    }
    return .done
  }

  private static func add(_ row: JSONValue, to table: inout TextTable) {
    table.add([
      .init(row["key"]?.stringValue ?? ""), .init(shown(row["value"])), .init(row["source"]?.stringValue ?? ""),
      .init(row["from"]?.stringValue ?? ""),
    ])
    if let note = row["note"]?.stringValue {
      table.add([.init("  note"), .init(shown(.string(note))), .init(""), .init("")])
    }
    guard let pending = row["pending"], pending != .null else { return }
    let verb = row["reloadable"]?.boolValue == true ? "  pending a reload" : "  pending a restart"
    table.add([
      .init(verb), .init(shown(pending["value"])), .init(pending["source"]?.stringValue ?? ""),
      .init(pending["from"]?.stringValue ?? ""),
    ])
  }

  private static func shown(_ value: JSONValue?) -> String {
    let text = value.map { $0.stringValue ?? $0.text } ?? ""
    return DisplayWidth.fitted(TerminalText.line(text), to: valueColumns)
  }
}
