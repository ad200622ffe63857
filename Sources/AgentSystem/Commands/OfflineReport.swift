import AgentPersistence
import ArgumentParser

/// How a command that works on the data folder itself tells what went wrong: in words, or with `--json` as one object.
struct OfflineReport: Sendable {
  let isJSON: Bool

  /// Tells it, and gives what to throw.
  func failed(_ error: StoreStartError) -> ExitCode {
    tell(error.word, "\(error.word): \(error.detail)", error.detail)
    return ExitCode(error.exitCode)
  }

  func failed(_ code: String, _ detail: String, _ exit: ProcessExit) -> ExitCode {
    tell(code, detail, detail)
    return ExitCode(exit.rawValue)
  }

  /// The store's warnings are for people: with JSON asked for, standard error holds one object or nothing.
  func note(_ level: StoreLogLevel, _ line: String) {
    if !isJSON, level == .warning || level == .error { Self.write(line) }
  }

  private func tell(_ code: String, _ sentence: String, _ detail: String) {
    guard isJSON else { return Self.write(sentence) }
    ProcessStream.error.write(UsageReport.json(code: code, detail: detail).text + "\n")
  }

  private static func write(_ line: String) { ProcessStream.error.write("agent-system: \(line)\n") }
}
