import AgentCore
import AgentRuntime

/// `GET /api/tasks?…`
enum TaskListQuery {
  static let names: Set<String> = [
    "status", "agent", "owner", "label", "created_after", "created_before", "limit", "cursor", "order",
  ]
  /// A page of 500 tasks is 10 MiB at the worst.
  private static let limits = 1...500
  private static let defaultLimit = 50
  /// Longer than any that a list has handed out.
  private static let maximumCursorBytes = 512

  static func read(_ query: QueryReader) throws(APIError) -> TaskQuery {
    var result = TaskQuery()
    for text in query.texts("status") {
      guard let status = TaskStatus(rawValue: text) else {
        let known = TaskStatus.allCases.map(\.rawValue).joined(separator: ", ")
        throw QueryReader.refused("status", "one of \(known)")
      }
      if !result.statuses.contains(status) { result.statuses.append(status) }
    }
    result.agent = try query.text("agent").map { AgentID($0) }
    if let owner = try query.text("owner") {
      result.owner = Principal(owner)
      if result.owner == nil { throw QueryReader.refused("owner", "an owner like uid:1000 or local") }
    }
    if let label = try query.text("label") { result.label = try self.label(label) }
    result.createdAfter = try query.timestamp("created_after")
    result.createdBefore = try query.timestamp("created_before")
    result.limit = try query.integer("limit", in: limits) ?? defaultLimit
    result.cursor = try query.text("cursor")
    if let cursor = result.cursor, cursor.isEmpty || cursor.utf8.count > maximumCursorBytes {
      throw QueryReader.refused("cursor", "the `next_cursor` of the page before")
    }
    switch try query.text("order") {
    case nil, "desc": break
    case "asc": result.isAscending = true
    default: throw QueryReader.refused("order", "asc or desc")
    }
    return result
  }

  private static func label(_ text: String) throws(APIError) -> TaskQuery.Label {
    guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else {
      throw QueryReader.refused("label", "name:value")
    }
    return TaskQuery.Label(name: String(text[..<colon]), value: String(text[text.index(after: colon)...]))
  }
}
