import AgentConfig
import AgentCore
import AgentPersistence
import ArgumentParser
import Foundation

/// `agent-system migrate --trial`: what an upgrade's first start would do to the database, tried and taken back.
struct MigrateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate", abstract: "Try what this version's first start would do to the database.",
    discussion: """
      A start brings the database to this version's schema by itself, in one transaction with the checks after it: it is \
      done as a whole or not at all. With --trial the same is done now and taken back, so that what is stored stays as \
      it was. Exits 0 when a start would succeed, and as the start would when not. The service must be stopped.
      """)

  @Flag(help: "Take everything back at the end. A migration for good is made by a start, and only there.")
  var trial = false
  @Option(help: "The data folder.")
  var data = ServerSettings().data
  @Flag(help: "Print what was found as JSON.")
  var json = false

  func validate() throws {
    if !trial { throw ValidationError("Give --trial: a start migrates by itself.") }
  }

  mutating func run() async throws {
    let folder = data.absolute
    let report = OfflineReport(isJSON: json)
    // The store would make the folder: a mistyped path must not become an empty one where all is well.
    guard access(folder, F_OK) == 0 else { throw report.failed("usage", "there is no data folder \(folder)", .usage) }
    do throws(StoreStartError) {
      try DataOwner.become(ofFolder: folder)
      let options = StoreOptions(
        folder: folder, clock: SystemClock(), random: SystemRandom(), log: { report.note($0, $1) })
      let found = try StoreFile.tryMigrations(options)
      ProcessStream.output.write((json ? Self.json(found).text : Self.sentence(found)) + "\n")
    } catch {
      throw report.failed(error)
    }
  }

  static func sentence(_ trial: MigrationTrial) -> String {
    guard let schema = trial.schema else {
      return "there is no database yet: the first start makes one with schema \(trial.newest)"
    }
    guard !trial.steps.isEmpty else { return "nothing to do: the database has schema \(schema), the newest one" }
    let steps = trial.steps.map { "\n  \($0.number): \($0.name)" }.joined()
    return "a start would bring the database from schema \(schema) to \(trial.newest):\(steps)\n"
      + "tried, checked and taken back: it would succeed"
  }

  /// `{"schema":4,"newest":5,"steps":[{"number":5,"name":"…"}]}`; `schema` is null where there is no database.
  static func json(_ trial: MigrationTrial) -> JSONValue {
    [
      "schema": JSONValue(trial.schema), "newest": JSONValue(trial.newest),
      "steps": .array(trial.steps.map { ["number": JSONValue($0.number), "name": .string($0.name)] }),
    ]
  }
}
