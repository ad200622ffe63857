import AgentConfig
import AgentCore
import AgentPersistence
import ArgumentParser
import Foundation
import Vault

/// `agent-system migrate --trial`: what an upgrade's first start would do to the database, tried and taken back.
struct MigrateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate", abstract: "Try what this version's first start would do to the database.",
    discussion: """
      A start brings the database to this version's schema by itself, in one transaction with the checks after it: it is \
      done as a whole or not at all. With --trial the same is done now and taken back, so that what is stored stays as \
      it was. The master key is looked for as by the `key` verbs with --data; one that only the unit's environment has \
      is given by --master-key-file. Exits 0 when a start with that key would succeed, and as the start would when not. \
      The service must be stopped.
      """)

  @Flag(help: "Take everything back at the end. A migration for good is made by a start, and only there.")
  var trial = false
  @Option(help: "The data folder.")
  var data = ServerSettings().data
  @Option(
    help: ArgumentHelp(
      "Take keys.master_file from server.yaml of this folder (default: /etc/agent-system, where that names this data "
        + "folder).", valueName: "dir"))
  var config: String?
  @Option(
    help: ArgumentHelp(
      "The master key's file, where it lies at none of its usual places.", valueName: "file"))
  var masterKeyFile: String?
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
    do {
      var options = StoreOptions(
        folder: folder, clock: SystemClock(), random: SystemRandom(), log: { report.note($0, $1) })
      options.keyCheck = try keyCheck(folder, report)
      let found = try StoreFile.tryMigrations(options)
      ProcessStream.output.write((json ? Self.json(found).text : Self.sentence(found)) + "\n")
    } catch let error as StoreStartError {
      throw report.failed(error)
    } catch let error as VaultError {
      throw report.failed(error.code, "\(error)", .configuration)
    } catch ClientError.problem(let problem) {
      throw report.failed(problem.code, problem.detail, .configuration)
    }
  }

  /// The process is the folder's owner when this returns.
  private func keyCheck(_ folder: String, _ report: OfflineReport) throws -> StoreKeyCheck {
    let keyFile = try ConfiguredKeyFile.find(
      data: folder, config: config?.absolute, environment: ProcessInfo.processInfo.environment,
      warn: { report.note(.warning, $0) })
    let places = try StoppedKeys.places(
      folder: folder, configuredFile: keyFile, givenFile: masterKeyFile?.absolute)
    try DataOwner.become(ofFolder: folder)
    return try KeyComposition(dataFolder: folder, places: places, random: SystemRandom()).trialCheck
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
