import AgentCore
import ArgumentParser
import Foundation

/// How a wrong command line is told: in words with the usage beside them, or as one JSON object for programs.
enum UsageReport {
  /// Whether `--json` stands on the line, wherever: the parser, which refused the line, cannot say. What follows `--`
  /// are no flags.
  static func wantsJSON(_ arguments: [String]) -> Bool { arguments.prefix { $0 != "--" }.contains("--json") }

  /// `{"code":"usage","detail":"…","title":"Usage","type":"urn:agent-system:error:usage"}`
  static func json(code: String, detail: String) -> JSONValue {
    [
      "code": .string(code), "detail": .string(detail), "type": .string("urn:agent-system:error:\(code)"),
      "title": .string((code.prefix(1).uppercased() + code.dropFirst()).replacing("_", with: " ")),
    ]
  }

  /// What to print on standard error for an error that ends the command, beside what the parser itself would print;
  /// nil where that is right: help, words for people, an exit code whose reason is told already.
  static func line(for error: any Error, arguments: [String], of command: any ParsableCommand.Type) -> String? {
    guard wantsJSON(arguments), command.exitCode(for: error) == .validationFailure, !(error is ExitCode) else {
      return nil
    }
    return TerminalText.json(json(code: "usage", detail: command.message(for: error)).text)
  }
}

extension AgentSystemCommand {
  /// As the parser's own, but that a program which asked for JSON gets it for a wrong command line too.
  static func runAsTyped() async {
    let arguments = Array(CommandLine.arguments.dropFirst())
    do {
      var command = try await asyncParseAsRoot(arguments)
      if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
    } catch {
      guard let line = UsageReport.line(for: error, arguments: arguments, of: self) else { exit(withError: error) }
      ProcessStream.error.write(line + "\n")
      exit(withError: ExitCode.validationFailure)
    }
  }
}
