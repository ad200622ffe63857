import AgentCore
import ArgumentParser

extension TaskStatus: ExpressibleByArgument {}

struct TaskListCommand: ClientCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List tasks, newest first.")

  @Option(help: "Only tasks with this status; may be given more than once.")
  var status: [TaskStatus] = []
  @Option(help: ArgumentHelp("Only tasks of this agent.", valueName: "name"))
  var agent: String?
  @Option(help: ArgumentHelp("Only tasks of this owner.", valueName: "name"))
  var owner: String?
  @Option(help: ArgumentHelp("Only tasks with this label.", valueName: "name:value"))
  var label: String?
  @Option(help: "How many tasks, 1 to 500.")
  var limit: Int?
  @Flag(help: "All of them, however many.")
  var all = false
  @OptionGroup var client: ClientOptions

  private static let defaultRows = 50

  func validate() throws {
    if let limit, !(1...PagedList.pageRows).contains(limit) {
      throw ValidationError("--limit is 1 to \(PagedList.pageRows); --all lists every task.")
    }
    if all, limit != nil { throw ValidationError("--all and --limit exclude each other.") }
    if let label, !label.contains(":") { throw ValidationError("--label is NAME:VALUE.") }
  }

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let list = PagedList(api: session.api, path: "/api/tasks", query: query)
    var pages = 0
    let isMore = try await list.read(rows: all ? nil : limit ?? Self.defaultRows) { (page) throws(ClientError) in
      defer { pages += 1 }
      if try session.showJSON(page) { return }
      let table = Self.table(page)
      if table.isEmpty { return }
      let console = session.console
      try console.show(table.text(console.paint, limit: console.lineLimit, withHeader: pages == 0))
    }
    if isMore, !session.isJSON { session.console.warn("there are more: --all lists them") }
    return .done
  }

  private var query: [(name: String, value: String)] {
    var query = status.map { (name: "status", value: $0.rawValue) }
    for (name, value) in [("agent", agent), ("owner", owner), ("label", label)] {
      if let value { query.append((name, value)) }
    }
    return query
  }

  static func table(_ page: JSONValue) -> TextTable {
    var table = TextTable(["TASK", "STATUS", "AGENT", "OWNER", "CREATED", "INPUT"])
    for task in page["data"]?.arrayValue ?? [] {
      let status = task["status"]?.stringValue ?? ""
      table.add([
        .init(task["id"]?.stringValue ?? ""), .init(status, Paint.colour(ofStatus: status)),
        .init(task["agent"]?.stringValue ?? ""), .init(task["owner"]?.stringValue ?? ""),
        .init(TaskReport.time(task["created_at"])), .init(task["input"].map { _ in TaskReport.prompt(task) } ?? ""),
      ])
    }
    return table
  }
}
