import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The fault table's rows about the database file and its folder, on the real binary.
@Suite struct DatabaseRowTests {
  private static let script = ServiceProcess.scripted([ServiceProcess.saysDone])

  /// A folder in which a service has run, done tasks and stopped cleanly.
  static func stopped(_ folder: TemporaryFolder, tasks: Int = 2) async throws {
    let service = try await ServiceProcess.serve(in: folder, files: script)
    for _ in 0..<tasks { _ = try await service.ended(service.create(["agent": "coder", "input": "x"])) }
    service.signal(SIGTERM)
    #expect(await service.exit() == 0)
  }

  /// `under`: a program with its arguments that runs the service.
  static func startRefused(
    _ folder: TemporaryFolder, exit: Int32, _ words: String..., under: [String] = [],
    location: SourceLocation = #_sourceLocation
  ) async throws {
    let command =
      under + [
        ServiceProcess.binary.path, "serve", "--config", folder.appending("config"), "--data",
        folder.appending("data"), "--log-dir", folder.appending("log"), "--listen", "127.0.0.1:0", "--socket",
        folder.appending("api.sock"),
      ]
    let service = try ServiceProcess(
      folder: folder, environment: [:], arguments: Array(command.dropFirst()),
      binary: URL(fileURLWithPath: command[0]))
    #expect(await service.exit() == exit, "\(service.standardError)", sourceLocation: location)
    for word in words {
      #expect(service.standardError.contains(word), "\(service.standardError)", sourceLocation: location)
    }
    #expect(!service.standardOutput.contains("listening"), sourceLocation: location)
  }

  static func sqlite(_ folder: TemporaryFolder, _ statement: String) async throws -> String {
    let run = try await ShellRun.run("/usr/bin/sqlite3", [folder.appending("data/agent.db"), statement])
    #expect(run.status == 0, "\(run.errors)")
    return run.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Leaves what it writes in the WAL.
  private static func sqliteKeepingWAL(_ folder: TemporaryFolder, _ statement: String) async throws {
    let run = try await ShellRun.run(
      "/usr/bin/sqlite3", [folder.appending("data/agent.db"), ".dbconfig no_ckpt_on_close on", statement])
    #expect(run.status == 0, "\(run.errors)")
  }

  private static func bytes(_ folder: TemporaryFolder) -> Data? {
    FileManager.default.contents(atPath: folder.appending("data/agent.db"))
  }

  @Test(
    "corrupt, not a database: at start exit 1 `database_corrupt`, which names restore; nothing is written",
    .shows(.corrupt))
  func corruptAtStart() async throws {
    let folder = try TemporaryFolder()
    try await Self.stopped(folder)
    let path = URL(fileURLWithPath: folder.appending("data/agent.db"))
    let good = try Data(contentsOf: path)
    let page = try #require(
      Int(try await Self.sqlite(folder, "SELECT rootpage FROM sqlite_schema WHERE name = 'meta'")))
    var damaged = good
    damaged.replaceSubrange((page - 1) * 4096..<(page - 1) * 4096 + 64, with: Data(repeating: 0xEE, count: 64))
    for bytes in [damaged, Data("no database".utf8), Data(repeating: 0, count: 8192), Data(good.prefix(5000))] {
      try bytes.write(to: path)
      try await Self.startRefused(folder, exit: 1, "database_corrupt", "restore")
      #expect(Self.bytes(folder) == bytes)
    }
    try good.write(to: path)
    let service = try await ServiceProcess.serve(in: folder)
    #expect(try await service.listed().count == 2)
  }

  @Test("corrupt, met later: the writer stops, 503 `database_corrupt`, reads go on where they can", .shows(.corrupt))
  func corruptLater() async throws {
    let folder = try TemporaryFolder()
    try await Self.stopped(folder)
    let page = try #require(
      Int(try await Self.sqlite(folder, "SELECT rootpage FROM sqlite_schema WHERE name = 'label_task'")))
    let path = URL(fileURLWithPath: folder.appending("data/agent.db"))
    var bytes = try Data(contentsOf: path)
    bytes.replaceSubrange((page - 1) * 4096..<page * 4096, with: Data(repeating: 0xEE, count: 4096))
    try bytes.write(to: path)
    let service = try await ServiceProcess.serve(in: folder)
    let labelled: JSONValue = ["agent": "coder", "input": "x", "labels": ["a": "b"]]
    try await service.refused(503, "database_corrupt", "POST", "/api/tasks", labelled)
    try await service.refused(503, "database_corrupt", "POST", "/api/tasks", ["agent": "coder", "input": "x"])
    #expect(try await service.task("task-1")["status"] == "completed")
    #expect(try await service.listed() == ["task-2", "task-1"])
    let health = try await service.send("GET", "/health")
    #expect(health.status == 503 && health.text.contains("database_corrupt"), "\(health.text)")
  }

  private static let refusedSchemas = [
    ("user_version = 99", "schema_newer"), ("application_id = 7", "database_foreign"),
  ]

  @Test(
    "newer schema; foreign id: exit 1, nothing is migrated; database, WAL, keys and workspaces stay as they were",
    .shows(.foreignDatabase), arguments: refusedSchemas)
  func schemas(change: String, code: String) async throws {
    // Stopped, with all of it in agent.db; and killed, with a WAL that goes on behind the checkpoint.
    for isKilled in [false, true] {
      let rig = try KeyRig()
      try await Self.stopped(rig.folder, tasks: 1)
      if isKilled {
        let service = try await rig.serve()
        let files: JSONValue = [["path": "kept.txt", "text": "kept"]]
        _ = try await service.ended(service.create(["agent": "coder", "input": "x", "files": files]))
        await service.killed()
        try await Self.sqliteKeepingWAL(rig.folder, "PRAGMA \(change)")
      } else {
        _ = try await Self.sqlite(rig.folder, "PRAGMA \(change)")
      }
      let before = try rig.untouched()
      #expect(before.keys.contains { $0.hasPrefix("agent.db-wal") } == isKilled)
      #expect(before.keys.contains { $0.hasPrefix("keys/") })
      #expect(before.keys.contains { $0.hasPrefix("workspaces/") } == isKilled)
      for _ in 0..<2 { try await Self.startRefused(rig.folder, exit: 1, code) }
      #expect(try rig.untouched() == before)
    }
  }

  @Test("migration fails: exit 1 `migration_failed`, old data whole", .shows(.migration))
  func migration() async throws {
    let folder = try TemporaryFolder()
    try await Self.stopped(folder)
    // A database of schema 1 in which somebody has taken a name that schema 2 needs.
    _ = try await Self.sqlite(folder, "PRAGMA user_version = 1")
    try await Self.startRefused(folder, exit: 1, "migration_failed", "step 2")
    #expect(try await Self.sqlite(folder, "PRAGMA user_version") == "1")
    #expect(try await Self.sqlite(folder, "SELECT count(*) FROM task") == "2")
    #expect(try await Self.sqlite(folder, "PRAGMA integrity_check") == "ok")
    try await OldSchema.rewind(folder)
    let service = try await ServiceProcess.serve(in: folder)
    #expect(try await service.listed() == ["task-2", "task-1"])
  }

  @Test(
    "`commit_number` behind `wal.position`: exit 1 `wal_missing`, and `agent-system accept-loss` goes on",
    .shows(.lostCommits))
  func lostWAL() async throws {
    let folder = try TemporaryFolder()
    let first = try await ServiceProcess.serve(in: folder, files: Self.script)
    var lost: [String] = []
    for _ in 0..<3 { lost.append(try await first.create(["agent": "coder", "input": "x"])) }
    for id in lost { _ = try await first.ended(id) }
    let newest = try await Self.newestEvent(first)
    try await Self.positionWritten(folder, by: first, afterEvent: newest)
    await first.killed()

    // Nothing is missing: a kill is no loss, and accepting one changes nothing.
    let accepting = ["accept-loss", "--data", folder.appending("data")]
    let nothing = try await ShellRun.run(ServiceProcess.binary.path, accepting)
    #expect(nothing.status == 0 && nothing.output.hasPrefix("nothing is missing"), "\(nothing.errors)")

    let again = try await ServiceProcess.serve(in: folder)
    lost.append(try await again.create(["agent": "coder", "input": "x"]))
    _ = try await again.ended(lost[3])
    try await Self.positionWritten(folder, by: again, afterEvent: try await Self.newestEvent(again))
    let running = try await ShellRun.run(ServiceProcess.binary.path, accepting)
    #expect(running.status == 1 && running.errors.contains("data_folder_in_use"), "\(running.errors)")
    await again.killed()
    for name in ["agent.db-wal", "agent.db-shm"] {
      try? FileManager.default.removeItem(atPath: folder.appending("data/" + name))
    }
    for _ in 0..<2 { try await Self.startRefused(folder, exit: 1, "wal_missing", "accept-loss") }
    let accepted = try await ShellRun.run(ServiceProcess.binary.path, accepting + ["--json"])
    #expect(accepted.status == 0, "\(accepted.errors)")
    let report = try JSONValue(parsing: accepted.output)
    #expect(report["lost"] == true, "\(accepted.output)")
    let service = try await ServiceProcess.serve(in: folder)
    // Numbers that may have been given out are not given again.
    let next = try await service.create(["agent": "coder", "input": "x"])
    #expect(!lost.contains(next))
    #expect(next == "task-\(report["next_task"]?.integerValue ?? -1)")
    _ = try await service.ended(next)
    #expect(Int(try await Self.newestEvent(service)) ?? 0 > Int(newest) ?? 0)
  }

  @Test("an older file put back is `wal_missing` too", .shows(.lostCommits))
  func olderFile() async throws {
    let folder = try TemporaryFolder()
    try await Self.stopped(folder)
    let old = try #require(Self.bytes(folder))
    try await Self.stopped(folder)
    for name in ["agent.db-wal", "agent.db-shm"] {
      try? FileManager.default.removeItem(atPath: folder.appending("data/" + name))
    }
    try old.write(to: URL(fileURLWithPath: folder.appending("data/agent.db")))
    try await Self.startRefused(folder, exit: 1, "wal_missing", "accept-loss")
    #expect(Self.bytes(folder) == old)
  }

  @Test("accept-loss of a folder that does not exist makes none")
  func acceptNowhere() async throws {
    let folder = try TemporaryFolder()
    let run = try await ShellRun.run(
      ServiceProcess.binary.path, ["accept-loss", "--data", folder.appending("nowhere")])
    #expect(run.status == 64 && run.errors.contains("nowhere"), "\(run.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder.appending("nowhere")))
  }

  private static func newestEvent(_ service: ServiceProcess) async throws -> String {
    var events = try await service.events("/api/events")
    return try await events.position()
  }

  /// Returns once `wal.position` tells of that event.
  private static func positionWritten(
    _ folder: TemporaryFolder, by service: ServiceProcess, afterEvent newest: String
  ) async throws {
    let wanted = try #require(Int64(newest))
    _ = try await service.asking("GET", "/livez") { _ in
      let bytes = FileManager.default.contents(atPath: folder.appending("data/wal.position")) ?? Data()
      return ((try? JSONValue(parsing: Array(bytes)))?["next_seq"]?.integerValue ?? 0) > wanted
    }
  }

  @Test("second process: exit 1 `data_folder_in_use` with the pid of the first, which goes on", .shows(.notAlone))
  func secondProcess() async throws {
    let folder = try TemporaryFolder()
    let service = try await ServiceProcess.serve(in: folder)
    try await Self.startRefused(folder, exit: 1, "data_folder_in_use", "\(service.pid)")
    #expect(try await service.send("GET", "/health").status == 200)
    #expect(try await service.send("GET", "/health", overTCP: true).status == 200)
    await service.killed()
    let next = try await ServiceProcess.serve(in: folder)
    #expect(try await next.send("GET", "/health").status == 200)
  }

  @Test("outside `sqlite3` locks: 5 s, then 503 `storage_busy`; over when the lock is", .shows(.outsideLock))
  func outsideLock() async throws {
    let folder = try TemporaryFolder()
    let service = try await ServiceProcess.serve(in: folder, files: Self.script)
    let before = try await service.create(["agent": "coder", "input": "x"])
    _ = try await service.ended(before)
    let (process, input, lines) = (ChildProcess(), Pipe(), OutputLines())
    process.executableURL = URL(fileURLWithPath: "/usr/bin/sqlite3")
    process.arguments = [folder.appending("data/agent.db")]
    let output = Pipe()
    (process.standardInput, process.standardOutput) = (input, output)
    try process.run()
    lines.read(output)
    try input.fileHandleForWriting.write(
      contentsOf: Data(".bail on\n.timeout 5000\nBEGIN IMMEDIATE;\nSELECT 'locked';\n".utf8))
    #expect(await lines.first { $0 == "locked" } != nil)
    let started = ContinuousClock.now
    let answer = try await service.refused(503, "storage_busy", "POST", "/api/tasks", ["agent": "coder", "input": "x"])
    let took = ContinuousClock.now - started
    #expect(took > .seconds(4) && took < .seconds(12), "\(took)")
    #expect(answer.head.value(of: "retry-after") != nil)
    #expect(try await service.task(before)["status"] == "completed")
    try input.fileHandleForWriting.write(contentsOf: Data("ROLLBACK;\n.quit\n".utf8))
    process.waitUntilExit()
    let health = try await service.asking("GET", "/health") { $0.status == 200 }
    #expect(health.status == 200, "\(health.text)")
    _ = try await service.ended(service.create(["agent": "coder", "input": "x"]))
    #expect(try await service.listed().count == 2)
  }

  @Test("folder open to others: 78 `data_folder_permissions`", .shows(.openFolder), arguments: [0o750, 0o705, 0o711])
  func openFolder(mode: Int) async throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: folder.appending("data"), withIntermediateDirectories: true, attributes: [.posixPermissions: mode])
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: folder.appending("data"))
    try FileManager.default.createDirectory(atPath: folder.appending("config"), withIntermediateDirectories: true)
    try await Self.startRefused(folder, exit: 78, "data_folder_permissions", "chmod 700")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.appending("data")) == [])
  }
}
