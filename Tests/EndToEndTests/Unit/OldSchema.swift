import AgentTestKit

/// A database as the first version left it.
enum OldSchema {
  /// `user_version` and the number of views.
  static let question =
    "SELECT user_version || ' ' || (SELECT count(*) FROM sqlite_schema WHERE type = 'view') FROM pragma_user_version"

  /// Takes a stopped service's database back to its first schema: without the views and tables that came after it.
  static func rewind(_ folder: TemporaryFolder) async throws {
    let gone = try await DatabaseRowTests.sqlite(
      folder,
      """
      SELECT group_concat('DROP ' || upper(type) || ' ' || name, ';') FROM sqlite_schema
      WHERE type IN ('view', 'table') AND name NOT LIKE 'sqlite%' AND name NOT IN ('meta', 'name', 'counter',
        'agent_version', 'agent_state', 'task', 'journal', 'label', 'idempotency')
      """)
    _ = try await DatabaseRowTests.sqlite(
      folder, "\(gone); ALTER TABLE task DROP COLUMN sealed; PRAGMA user_version = 1")
  }
}
