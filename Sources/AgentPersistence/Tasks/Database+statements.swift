import AgentCore
import GRDB

/// Short forms for prepared statements that SQLite compiles once a connection: each `sql` is a literal beside the one
/// function that runs it, with every value bound.
extension Database {
  /// Runs a statement that answers nothing.
  func run(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws {
    try cachedStatement(sql: sql).execute(arguments: arguments)
  }

  /// The first row, if any.
  func firstRow(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws -> Row? {
    try Row.fetchOne(try cachedStatement(sql: sql), arguments: arguments)
  }

  /// The first column of the first row, as an integer; nil for no row and for NULL.
  func firstInteger(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws -> Int64? {
    try Int64.fetchOne(try cachedStatement(sql: sql), arguments: arguments)
  }

  /// The first column of all rows. The statement bounds how many there are.
  func integers(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws -> [Int64] {
    try Int64.fetchAll(try cachedStatement(sql: sql), arguments: arguments)
  }

  /// All rows. The statement bounds how many there are.
  func rows(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws -> [Row] {
    try Row.fetchAll(try cachedStatement(sql: sql), arguments: arguments)
  }

  /// A number of table `meta`; 0 for one that was never written.
  func metaNumber(_ name: String) throws -> Int64 {
    try firstInteger("SELECT value FROM meta WHERE name = ?", [name]) ?? 0
  }

  /// Writes a number of table `meta`.
  func setMetaNumber(_ name: String, to value: Int64) throws {
    try run(
      "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      [name, value])
  }

  /// The text behind a number of table `name`.
  func nameText(_ id: Int64) throws -> String {
    guard let row = try firstRow("SELECT text FROM name WHERE id = ?", [id]) else {
      throw StoreError(.databaseCorrupt, "table name has no row \(id) although one refers to it")
    }
    return row[0]
  }

  /// The number of a text in table `name`; nil when nothing carries it yet.
  func nameID(_ text: String) throws -> Int64? {
    try firstInteger("SELECT id FROM name WHERE text = ?", [text])
  }
}
