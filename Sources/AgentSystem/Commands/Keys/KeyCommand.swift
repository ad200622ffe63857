import ArgumentParser

/// `agent-system key …`
struct KeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key", abstract: "Look at the keys that stored data is sealed with, and change them.",
    discussion: """
      The running service is asked, over its unix socket. With --data the command works on that folder itself, and the \
      service must be stopped. No verb prints a key; `key recovery new` shows its code once.
      """,
    subcommands: [KeyShowCommand.self, KeyRotateCommand.self, KeyRecoveryCommand.self])
}

/// `agent-system key recovery …`
struct KeyRecoveryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recovery", abstract: "The code that opens the data when the master key is lost.",
    subcommands: [RecoveryNewCommand.self, RecoveryConfirmCommand.self, RecoveryUseCommand.self])
}

/// Where keys are worked on when no service is asked.
struct StoppedOptions: ParsableArguments {
  @Option(help: "Work on this data folder here; the service must be stopped.")
  var data: String?
  @Option(
    help: ArgumentHelp(
      "With --data: take keys.master_file from server.yaml of this folder (default: /etc/agent-system, where that names "
        + "this data folder).", valueName: "dir"))
  var config: String?
  @Option(
    help: ArgumentHelp(
      "With --data: the master key's file, where it lies at none of its usual places (keys.master_file, else "
        + "keys/master.key in the folder, AGENT_SYSTEM_MASTER_KEY, and for root the package's own).",
      valueName: "file")
  )
  var masterKeyFile: String?

  func validate() throws {
    if masterKeyFile != nil, data == nil { throw ValidationError("--master-key-file goes with --data.") }
    if config != nil, data == nil { throw ValidationError("--config goes with --data.") }
  }
}

struct KeyShowCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show the key ring, the master key's fingerprint and place, and the way back.")

  @OptionGroup var stopped: StoppedOptions
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let json = try await session.keys(.show, stopped)
    if try !session.showJSON(json) { try session.console.show(KeyPage.text(json, session.console)) }
    return .done
  }
}
