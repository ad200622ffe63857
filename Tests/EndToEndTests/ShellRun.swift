import AgentTestKit
import Foundation

/// One command run to its end, as a user would: its exit status and all that it printed.
struct ShellRun: Sendable {
  var status: Int32
  var output: String
  var errors: String

  /// Runs a program; `input` is its standard input. Output goes through files: the end of a pipe would wait for every
  /// process that was started meanwhile and holds a copy of it.
  static func run(
    _ program: String, _ arguments: [String], environment: [String: String] = [:], folder: String? = nil,
    input: String? = nil
  ) async throws -> ShellRun {
    let files = try TemporaryFolder("run")
    let process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"].merging(environment) { $1 }
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    for (name, text) in [("in", input ?? ""), ("out", ""), ("err", "")] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: files.appending(name)))
    }
    process.standardInput = FileHandle(forReadingAtPath: files.appending("in"))
    process.standardOutput = FileHandle(forWritingAtPath: files.appending("out"))
    process.standardError = FileHandle(forWritingAtPath: files.appending("err"))
    let isOver = Signal()
    process.terminationHandler = { _ in isOver.set() }
    try process.run()
    await isOver.wait()
    let status = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    return ShellRun(
      status: status, output: try String(contentsOfFile: files.appending("out"), encoding: .utf8),
      errors: try String(contentsOfFile: files.appending("err"), encoding: .utf8))
  }

  static func bash(
    _ script: String, environment: [String: String] = [:], folder: String? = nil
  ) async throws -> ShellRun {
    try await run("/bin/bash", ["-c", script], environment: environment, folder: folder)
  }
}
