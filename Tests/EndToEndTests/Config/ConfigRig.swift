import AgentCore
import AgentTestKit
import Foundation

/// What the tests of configuration ask of the binary.
extension ServiceProcess {
  /// A start that must not come about; with files and variables.
  static func refusedStart(
    files: [String: String] = [:], environment: [String: String] = [:], arguments: [String] = []
  ) async throws -> (run: ShellRun, hasData: Bool) {
    let folder = try TemporaryFolder()
    for (name, text) in files {
      try Data(text.utf8).write(to: URL(fileURLWithPath: folder.appending(name)))
    }
    let run = try await ShellRun.run(
      binary.path,
      [
        "serve", "--config", folder.path, "--data", folder.appending("data"), "--log-dir", folder.appending("log"),
        "--listen", "127.0.0.1:0", "--socket", folder.appending("api.sock"),
      ] + arguments, environment: environment)
    return (run, FileManager.default.fileExists(atPath: folder.appending("data")))
  }

  func writeConfiguration(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: configuration + "/" + name))
  }

  var logText: String {
    get throws { try String(contentsOfFile: folder.appending("log/app.log"), encoding: .utf8) }
  }

  /// The log once it holds that text so many times.
  @discardableResult
  func logged(_ text: String, times: Int = 1) async throws -> [Substring] {
    func lines() throws -> [Substring] { try logText.split(separator: "\n").filter { $0.contains(text) } }
    // An empty file between two lines is none yet.
    _ = try await asking("GET", "/livez") { _ in (try? lines().count >= times) ?? false }
    return try lines()
  }

  /// Rows of `GET /api/config` by key.
  func shownConfiguration() async throws -> [String: JSONValue] {
    let rows = try await send("GET", "/api/config").json["data"]?.arrayValue ?? []
    return Dictionary(rows.map { ($0["key"]?.stringValue ?? "", $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// A verb of the command line, spoken to this service.
  func verb(_ arguments: [String], environment: [String: String] = [:]) async throws -> ShellRun {
    try await ShellRun.run(
      Self.binary.path, arguments + ["--server", "unix:" + socket],
      environment: ["HOME": folder.path].merging(environment) { $1 })
  }
}
