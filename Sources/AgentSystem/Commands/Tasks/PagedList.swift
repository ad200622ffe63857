import AgentCore

/// Walks a list of the API page by page.
struct PagedList: Sendable {
  /// The server's largest page.
  static let pageRows = 500
  /// Of 500 rows each: more than the queue's limit of unfinished tasks has.
  private static let maximumPages = 20_000

  let api: APIClient
  let path: String
  let query: [(name: String, value: String)]

  /// Hands over page after page until there is no more, or `rows` rows were handed over. Nil: all rows. Says whether
  /// rows were left.
  func read(
    rows: Int?, _ handle: (JSONValue) async throws(ClientError) -> Void
  ) async throws(ClientError) -> Bool {
    var left = rows ?? .max
    var cursor: String?
    for _ in 0..<Self.maximumPages {
      var query = self.query + [("limit", String(min(left, Self.pageRows)))]
      if let cursor { query.append(("cursor", cursor)) }
      let page = try await api.call(APIRequest(.get, path, query: query)).json
      guard let items = page["data"]?.arrayValue else {
        throw .badAnswer(server: "\(api.address)", detail: "its list has no data")
      }
      try await handle(page)
      left -= items.count
      guard let next = page["next_cursor"]?.stringValue else { return false }
      guard next != cursor else {
        throw .badAnswer(server: "\(api.address)", detail: "its list does not go on")
      }
      if left <= 0 { return true }
      cursor = next
    }
    return true
  }
}
