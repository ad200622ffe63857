import AgentCore
import AgentTestKit
import Foundation
import Testing

/// The fault table's rows about a start on a machine that makes trouble, by strace over the real binary.
@Suite(.timeLimit(.minutes(2))) struct StartRowTests {
  @Test(
    "NFS, SMB: 78 `filesystem_unsupported`, and nothing is made there", .shows(.notAlone),
    .enabled(if: InjectedFault.isPossible, "\(InjectedFault.whyNot)"),
    // What statfs(2) says of the type, as the bytes lie in memory.
    arguments: [("NFS", "6969"), ("SMB", "7b51"), ("CIFS", "424d53ff"), ("SMB2", "424d53fe")])
  func networkFileSystem(name: String, magic: String) async throws {
    let folder = try TemporaryFolder()
    let trace = folder.appending("trace")
    try FileManager.default.createDirectory(atPath: folder.appending("config"), withIntermediateDirectories: true)
    try await DatabaseRowTests.startRefused(
      folder, exit: 78, "filesystem_unsupported", name,
      under: [
        InjectedFault.program, "-f", "-o", trace, "-e", "trace=statfs,fstatfs", "-e",
        "inject=statfs,fstatfs:poke_exit=@arg2=\(magic)",
      ])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.appending("data")) == [])
    // The first of `statfs`'s fields is what was changed: without the change this folder is good.
    let service = try await ServiceProcess.serve(in: folder)
    #expect(try await service.send("GET", "/health").status == 200)
  }

  @Test(
    "a migration killed at any of its writes: old data whole, and the next start completes it", .shows(.migration),
    .shows(.packageLife, "upgrade killed"), .enabled(if: InjectedFault.isPossible, "\(InjectedFault.whyNot)"))
  func killedMigration() async throws {
    let folder = try TemporaryFolder()
    try await DatabaseRowTests.stopped(folder)
    let schema = OldSchema.question
    let whole = try await DatabaseRowTests.sqlite(folder, schema)
    try await OldSchema.rewind(folder)
    let old = try await DatabaseRowTests.sqlite(folder, schema)
    #expect(old == "1 0")
    var found: [String] = []
    // Until there is no such write any more, and the start succeeds.
    for number in 1... {
      let service = try Self.starting(folder, killedAtWrite: number)
      guard await service.isListening() == false else {
        // Not strace, which would only let it go: whom the lock names.
        let holder = try String(contentsOfFile: folder.appending("data/lock"), encoding: .utf8)
        kill(try #require(Int32(holder.split(separator: "\n").first ?? "")), SIGKILL)
        await service.exit()
        break
      }
      // strace ends as what it runs does.
      #expect(await service.exit() == -SIGKILL, "\(number): \(service.standardError)")
      found.append(try await DatabaseRowTests.sqlite(folder, schema))
      #expect(try await DatabaseRowTests.sqlite(folder, "SELECT count(*) FROM task") == "2")
      #expect(try await DatabaseRowTests.sqlite(folder, "PRAGMA integrity_check") == "ok")
    }
    // All steps at once, or none.
    #expect(found.contains(old) && found.allSatisfy([old, whole].contains), "\(found)")
    let service = try await ServiceProcess.serve(in: folder)
    #expect(try await service.listed() == ["task-2", "task-1"])
    #expect(try await DatabaseRowTests.sqlite(folder, schema) == whole)
  }

  private static func starting(_ folder: TemporaryFolder, killedAtWrite number: Int) throws -> ServiceProcess {
    try ServiceProcess(
      folder: folder, environment: [:],
      arguments: [
        "-f", "-o", "/dev/null", "-P", folder.appending("data/agent.db-wal"), "-e", "trace=pwrite64", "-e",
        "inject=pwrite64:signal=SIGKILL:when=\(number)", ServiceProcess.binary.path, "serve", "--config",
        folder.appending("config"), "--data", folder.appending("data"), "--log-dir", folder.appending("log"),
        "--listen", "127.0.0.1:0", "--socket", folder.appending("api.sock"),
      ], binary: URL(fileURLWithPath: InjectedFault.program))
  }
}

extension ServiceProcess {
  /// False when it is gone without having taken connections.
  fileprivate func isListening() async -> Bool { (try? await address()) != nil }
}
