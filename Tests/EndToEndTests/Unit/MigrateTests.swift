import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

/// `agent-system migrate --trial`, on the real binary.
@Suite struct MigrateTests {
  private static func trial(_ folder: TemporaryFolder, _ more: String...) async throws -> ShellRun {
    try await ShellRun.run(
      ServiceProcess.binary.path, ["migrate", "--trial", "--data", folder.appending("data")] + more)
  }

  @Test("an older database: what a start would do, done and taken back, exit 0; then the start does it")
  func older() async throws {
    let folder = try TemporaryFolder()
    try await DatabaseRowTests.stopped(folder)
    let whole = try await DatabaseRowTests.sqlite(folder, OldSchema.question)
    let current = try await Self.trial(folder)
    #expect(current.status == 0 && current.output.hasPrefix("nothing to do"), "\(current)")
    try await OldSchema.rewind(folder)
    let run = try await Self.trial(folder)
    #expect(run.status == 0 && run.errors.isEmpty, "\(run)")
    let newest = try #require(Int(whole.prefix { $0 != " " }))
    #expect(run.output.contains("from schema 1 to \(newest)") && run.output.contains("taken back"), "\(run)")
    #expect(try await DatabaseRowTests.sqlite(folder, OldSchema.question) == "1 0")
    let json = try JSONValue(parsing: try await Self.trial(folder, "--json").output)
    #expect(json["schema"] == 1 && json["steps"]?.arrayValue?.count == newest - 1, "\(json)")
    let service = try await ServiceProcess.serve(in: folder)
    #expect(try await service.listed() == ["task-2", "task-1"])
    let held = try await Self.trial(folder)
    #expect(held.status == 1 && held.errors.contains("data_folder_in_use"), "\(held)")
    await service.killed()
    #expect(try await DatabaseRowTests.sqlite(folder, OldSchema.question) == whole)
  }

  @Test("what a start would refuse is refused with its code: a failing migration, a newer schema, no folder")
  func refused() async throws {
    let folder = try TemporaryFolder()
    try await DatabaseRowTests.stopped(folder, tasks: 1)
    // Schema 2 would make what is there already.
    _ = try await DatabaseRowTests.sqlite(folder, "PRAGMA user_version = 1")
    let failed = try await Self.trial(folder)
    #expect(failed.status == 1 && failed.errors.contains("migration_failed"), "\(failed)")
    #expect(failed.errors.contains("step 2"), "\(failed)")
    _ = try await DatabaseRowTests.sqlite(folder, "PRAGMA user_version = 99")
    let newer = try await Self.trial(folder, "--json")
    #expect(newer.status == 1 && newer.output.isEmpty, "\(newer)")
    #expect(try JSONValue(parsing: newer.errors)["code"] == "schema_newer")
    let gone = try await ShellRun.run(ServiceProcess.binary.path, ["migrate", "--trial", "--data", "/nowhere"])
    #expect(gone.status == 64 && gone.errors.contains("/nowhere"), "\(gone)")
    let real = try await ShellRun.run(ServiceProcess.binary.path, ["migrate", "--data", folder.appending("data")])
    #expect(real.status == 64 && real.errors.contains("--trial"), "\(real)")
  }

  @Test(
    "a downgrade is refused with the way out, and the newer version starts again", .shows(.packageLife, "downgrade"))
  func downgrade() async throws {
    let folder = try TemporaryFolder()
    try await DatabaseRowTests.stopped(folder, tasks: 1)
    let ours = try await DatabaseRowTests.sqlite(folder, "PRAGMA user_version")
    _ = try await DatabaseRowTests.sqlite(folder, "PRAGMA user_version = 99")
    try await DatabaseRowTests.startRefused(
      folder, exit: 1, "schema_newer", "Install that version again", "backup back that was taken before the upgrade")
    _ = try await DatabaseRowTests.sqlite(folder, "PRAGMA user_version = \(ours)")
    let service = try await ServiceProcess.serve(in: folder)
    #expect(try await service.listed() == ["task-1"])
  }

  @Test(
    "root becomes the data folder's owner: what it makes there is the service's own",
    .enabled(if: geteuid() == 0, "only root can become others"))
  func owner() async throws {
    let folder = try TemporaryFolder()
    try await DatabaseRowTests.stopped(folder, tasks: 1)
    _ = try await ShellRun.run("/bin/chown", ["-R", "65534:65534", folder.appending("data")])
    // The owner must be able to get there.
    chmod(folder.path, 0o755)
    // Made by whoever comes first.
    try FileManager.default.removeItem(atPath: folder.appending("data/lock"))
    for command in [["migrate", "--trial"], ["accept-loss"]] {
      let run = try await ShellRun.run(
        ServiceProcess.binary.path, command + ["--data", folder.appending("data")])
      #expect(run.status == 0, "\(run)")
    }
    let found = try await ShellRun.run("/usr/bin/find", [folder.appending("data"), "!", "-uid", "65534"])
    #expect(found.status == 0 && found.output == "", "\(found)")
  }
}
