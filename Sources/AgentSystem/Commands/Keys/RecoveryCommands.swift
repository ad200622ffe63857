import AgentAPI
import AgentCore
import ArgumentParser

struct RecoveryNewCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "new", abstract: "Make a recovery code and show it, this once.",
    discussion: """
      Write it down and keep it away from this machine: with a copy of the data it opens everything when the master key \
      is lost. It is shown on a terminal, or written to a new file (0600) with --output; a code of before opens nothing \
      any more. Then tell that you have it: agent-system key recovery confirm.
      """)

  @Option(help: ArgumentHelp("Write the code to this new file and show nothing.", valueName: "file"))
  var output: String?
  @OptionGroup var stopped: StoppedOptions
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    // apt gives scripts of packages a terminal, and logs what they print there.
    guard session.input.environment["DPKG_MAINTSCRIPT_NAME"] == nil else {
      throw .usage("a package's script makes no recovery code: its output is logged")
    }
    guard output != nil || session.console.isTerminal else {
      throw .usage(
        "the code is shown on a terminal alone, for what goes to a pipe ends in a log: name a new file with --output")
    }
    // Made first: a code that then could not be put down would be lost.
    let file = try output.map { path throws(ClientError) in try SecretFile.make(session.path(path)) }
    let json: JSONValue
    do throws(ClientError) { json = try await session.keys(.newRecoveryCode, stopped) } catch {
      file?.remove()
      throw error
    }
    let code = json["code"]?.stringValue ?? ""
    if let file {
      try file.write(Secret(code + "\n"))
      if try !session.showJSON(["file": .string(file.path)]) {
        try session.console.showLine(
          TerminalText.line("the recovery code is in \(file.path): move it off this machine"))
      }
      return .done
    }
    if try session.showJSON(json) { return .done }
    try session.console.showLine("\n  \(TerminalText.line(code))\n")
    try session.console.showLine("This is shown once. Write it down, keep it away from this machine, and then run")
    try session.console.showLine("  agent-system key recovery confirm")
    return .done
  }
}

struct RecoveryConfirmCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "confirm", abstract: "Show that you have the recovery code, or a copy of the master key.",
    discussion: "Reads it from the terminal or from standard input. `key show` says whether one is confirmed.")

  @Flag(help: "Confirm a copy of the master key instead of the code.")
  var masterKey = false
  @OptionGroup var stopped: StoppedOptions
  @OptionGroup var client: ClientOptions

  func execute(_ session: ClientSession) async throws(ClientError) -> ProcessExit {
    let proof: KeyProof =
      masterKey
      ? .masterKey(try await session.secretLine("Master key: "))
      : .recoveryCode(try await session.secretLine("Recovery code: "))
    let json = try await session.keys(.confirm(proof), stopped)
    if try !session.showJSON(json) { try session.console.showLine("confirmed: there is a way back to the data") }
    return .done
  }
}
