import AgentConfig
import AgentCore
import AgentPersistence
import ArgumentParser
import Foundation

/// `agent-system accept-loss`: the way out of `wal_missing` when the lost files are not coming back.
struct AcceptLossCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "accept-loss", abstract: "Go on with a database that lacks its newest commits.",
    discussion: """
      For a service that refuses to start with `wal_missing`: put agent.db and agent.db-wal of one moment back if you \
      can. If you cannot, this goes on without what is lost, and leaves out every task and event number that may have \
      been given out, so that none is given twice. Changes nothing where nothing is missing. The service must be stopped.
      """)

  @Option(help: "The data folder.")
  var data = ServerSettings().data
  @Flag(help: "Print what was left out as JSON.")
  var json = false

  mutating func run() async throws {
    let folder = data.absolute
    let report = OfflineReport(isJSON: json)
    // The store would make the folder: a mistyped path must not become an empty database that "lost" nothing.
    guard access(folder, F_OK) == 0 else { throw report.failed("usage", "there is no data folder \(folder)", .usage) }
    do throws(StoreStartError) {
      try DataOwner.become(ofFolder: folder)
      let options = StoreOptions(
        folder: folder, clock: SystemClock(), random: SystemRandom(), log: { report.note($0, $1) })
      let loss = try await StoreFile.acceptLoss(options)
      print(json ? Self.json(loss).text : Self.sentence(loss))
    } catch {
      throw report.failed(error)
    }
  }

  static func sentence(_ loss: AcceptedLoss?) -> String {
    guard let loss else { return "nothing is missing; nothing was changed" }
    return "what came after commit \(loss.foundCommit), up to commit \(loss.recordedCommit), is given up; "
      + "the next task is task-\(loss.nextTask), the next event \(loss.nextSequence)"
  }

  /// `{"lost":false}`, or the numbers.
  static func json(_ loss: AcceptedLoss?) -> JSONValue {
    guard let loss else { return ["lost": false] }
    return [
      "lost": true, "found_commit": .integer(loss.foundCommit), "recorded_commit": .integer(loss.recordedCommit),
      "next_task": .integer(loss.nextTask), "next_event": .integer(loss.nextSequence),
    ]
  }
}
