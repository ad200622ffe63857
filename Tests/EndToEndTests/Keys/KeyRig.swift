import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

/// What the tests of keys do beside the service: its folder's files, its database as `sqlite3` shows it, its verbs.
struct KeyRig {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder("keys") }

  var data: String { folder.appending("data") }
  func key(_ name: String) -> String { data + "/keys/" + name }
  func exists(_ name: String) -> Bool { access(key(name), F_OK) == 0 }
  func text(_ name: String) throws -> String { try String(contentsOfFile: key(name), encoding: .utf8) }

  static func base64(_ byte: UInt8) -> String { Data([UInt8](repeating: byte, count: 32)).base64EncodedString() }

  func serve(
    files: [String: String] = [:], master: String? = nil
  ) async throws -> ServiceProcess {
    try await ServiceProcess.serve(in: folder, files: files, environment: environment(master: master))
  }

  func environment(master: String? = nil) -> [String: String] {
    ["HOME": folder.path].merging(master.map { ["AGENT_SYSTEM_MASTER_KEY": $0] } ?? [:]) { $1 }
  }

  /// A start that nobody waits for.
  func starting(master: String? = nil) throws -> ServiceProcess {
    try ServiceProcess(
      folder: folder, environment: environment(master: master),
      arguments: [
        "serve", "--config", folder.appending("config"), "--data", data, "--log-dir", folder.appending("log"),
        "--listen", "127.0.0.1:0", "--socket", folder.appending("api.sock"),
      ])
  }

  /// Whether a start with that key would be let in; nothing is changed.
  func opens(master: String) async throws -> Bool {
    let run = try await trial(master: master)
    #expect(run.status == 0 || run.status == 78, "\(run)")
    return run.status == 0
  }

  /// A start that is tried and taken back.
  func trial(_ more: [String] = [], master: String? = nil) async throws -> ShellRun {
    try await ShellRun.run(
      ServiceProcess.binary.path, ["migrate", "--trial", "--data", data] + more,
      environment: environment(master: master))
  }

  /// A start that is to be refused: its exit status and what it said.
  func refused(master: String? = nil) async throws -> (status: Int32, said: String) {
    let service = try starting(master: master)
    let status = await service.exit()
    return (status, service.standardError)
  }

  /// Stops it as a service manager does.
  func stop(_ service: ServiceProcess) async {
    service.signal(SIGTERM)
    await service.exit()
  }

  /// A verb on the keys: asked of the service, or with `--data` done on the folder.
  func verb(
    _ arguments: [String], of service: ServiceProcess? = nil, input: String? = nil, master: String? = nil
  ) async throws -> ShellRun {
    try await ShellRun.run(
      ServiceProcess.binary.path,
      ["key"] + arguments + (service.map { ["--server", "unix:" + $0.socket] } ?? ["--data", data]),
      environment: environment(master: master), input: input)
  }

  /// Takes the keys out of the database of a stopped service, as a version before them left it but for the tables' names;
  /// what else lies in `keys/` stays.
  func forgetKeys() async throws {
    _ = try await sql("DELETE FROM key_ring; DELETE FROM sealing_pass; PRAGMA wal_checkpoint(TRUNCATE);")
    for name in ["fingerprint", "master.key"] where exists(name) {
      try FileManager.default.removeItem(atPath: key(name))
    }
  }

  /// As a version before the ring kept the key of digests.
  func writeDigestKey(_ bytes: [UInt8]) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: key("digest.key")))
    #expect(chmod(key("digest.key"), 0o600) == 0)
  }

  func log() throws -> String { try String(contentsOfFile: folder.appending("log/app.log"), encoding: .utf8) }

  /// Asked of the database of a stopped service.
  func sql(_ statement: String) async throws -> String {
    let run = try await ShellRun.run("/usr/bin/env", ["sqlite3", data + "/agent.db", statement])
    #expect(run.status == 0, "\(run)")
    return run.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// What must not change when a start is refused: the database, its WAL and the folders beside it, byte for byte.
  func untouched() throws -> [String: Data] {
    var result: [String: Data] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: data) {
      if name == "lock" || name.hasSuffix("-shm") { continue }
      var status = stat()
      guard lstat(data + "/" + name, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      let bytes = try Data(contentsOf: URL(fileURLWithPath: data + "/" + name))
      if name.hasSuffix("-wal"), bytes.isEmpty { continue }
      result[name + " \(status.st_mode)"] = bytes
    }
    return result
  }

  /// Every place on disk that a secret could have reached.
  func findings(of secret: String) async throws -> String {
    let run = try await ShellRun.run(
      "/usr/bin/env", ["grep", "-rlaF", "-e", secret, data, folder.appending("log")])
    return run.output
  }
}
