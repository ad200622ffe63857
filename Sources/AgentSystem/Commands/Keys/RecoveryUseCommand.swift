import AgentCore
import ArgumentParser
import Foundation
import Vault

struct RecoveryUseCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "use", abstract: "Put the master key back into a data folder, with the recovery code.",
    discussion: """
      For a folder whose master key is lost, or a copy of one on another machine. Reads the code from the terminal, from \
      standard input or from a file. The service must be stopped; start it afterwards.
      """)

  @Option(help: "The data folder.")
  var data: String
  @Option(help: ArgumentHelp("Read the code from this file.", valueName: "file"))
  var recoveryCodeFile: String?
  @Option(
    help: ArgumentHelp(
      "Where to write the master key, a new file of mode 0400 that the folder's owner gets (default: keys/master.key in "
        + "the data folder).",
      valueName: "file"))
  var output: String?
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let folder = data.absolute
    guard access(folder + "/keys", F_OK) == 0 else { throw .usage("there is no folder \(folder)/keys") }
    let text: Secret
    if let recoveryCodeFile {
      let bytes = try session.input.file(session.path(recoveryCodeFile), ClientSession.maximumSecretBytes)
      text = Secret(String(decoding: bytes, as: UTF8.self))
    } else {
      text = try await session.secretLine("Recovery code: ")
    }
    do {
      KeyEnvironment.hideMemory()
      let found = try Self.recovered(folder, text)
      let path = output.map { session.path($0) } ?? MasterKeyPlaces.defaultFile(dataFolder: folder)
      // Root's folder is root's to write to, and any other its owner's.
      try DataOwner.become(ofFolder: URL(fileURLWithPath: path).deletingLastPathComponent().path)
      let isNew = try found.write(to: path)
      let answer: JSONValue = [
        "fingerprint": .string(found.fingerprint), "file": .string(path), "written": .bool(isNew),
      ]
      if try !session.showJSON(answer) {
        try session.console.showLine(
          TerminalText.line(
            isNew
              ? "the master key \(found.fingerprint) is in \(path): the service can be started"
              : "\(path) holds the master key \(found.fingerprint) already"))
      }
      return .done
    } catch {
      throw ClientError(refusing: error)
    }
  }

  /// Read as the data folder's owner: what lies there may be anything.
  private static func recovered(_ folder: String, _ code: Secret) throws -> RecoveredMaster {
    try DataOwner.visit(ofFolder: folder)
    defer { DataOwner.endVisit() }
    return try RecoveredMaster(dataFolder: folder, code: code)
  }
}
