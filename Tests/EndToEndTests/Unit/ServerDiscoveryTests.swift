import AgentTestKit
import Foundation
import Glibc
import Testing

/// How the command line finds an installed service whose `server.yaml` puts the socket elsewhere: what `systemctl reload`
/// asks first, too.
@Suite struct ServerDiscoveryTests {
  /// The command with an `/etc` of its own, in which nothing but these files of the configuration lies.
  private static func agentSystem(
    _ arguments: [String], in folder: TemporaryFolder, server: String, environment: [String: String] = [:]
  ) async throws -> ShellRun {
    let etc = folder.appending("etc")
    try FileManager.default.createDirectory(atPath: etc + "/agent-system", withIntermediateDirectories: true)
    try Data(server.utf8).write(to: URL(fileURLWithPath: etc + "/agent-system/server.yaml"))
    return try await ShellRun.run(
      "/usr/bin/unshare",
      [
        "--mount", "/bin/sh", "-c", "mount --bind \"$0\" /etc && exec \"$@\"", etc, ServiceProcess.binary.path,
      ] + arguments, environment: environment)
  }

  @Test(
    "the socket is the one of server.yaml, variables and all, whatever is wrong with the file's other keys",
    .enabled(if: geteuid() == 0, "only root can have another /etc"),
    arguments: ["socket: SOCKET\n", "socket: ${RUN_FOLDER}/api.sock\n", "lisen: nobody\nsocket: SOCKET\n"])
  func configured(server: String) async throws {
    let folder = try TemporaryFolder()
    let service = try await ServiceProcess.serve(in: folder)
    let run = try await Self.agentSystem(
      ["config", "check"], in: folder, server: server.replacing("SOCKET", with: service.socket),
      environment: ["RUN_FOLDER": folder.path])
    #expect(run.status == 0 && run.output.contains("checked by the running service"), "\(run)")
    await service.killed()
  }

  @Test(
    "with a file that cannot be read the search goes on as without one; where nobody listens the files are read here",
    .enabled(if: geteuid() == 0, "only root can have another /etc"))
  func fallback() async throws {
    let folder = try TemporaryFolder()
    // Nothing listens at port 8080 of a machine that runs tests, or a stranger does: the name that was tried is told.
    let broken = try await Self.agentSystem(["task", "list"], in: folder, server: "socket: [\n")
    #expect(broken.status != 0 && !broken.errors.contains("unix:"), "\(broken)")
    let gone = try await Self.agentSystem(
      ["task", "list"], in: folder, server: "socket: \(folder.appending("gone.sock"))\n")
    #expect(gone.status == 69 && gone.errors.contains("gone.sock"), "\(gone)")
    let checked = try await Self.agentSystem(
      ["config", "check"], in: folder, server: "socket: \(folder.appending("gone.sock"))\n")
    #expect(checked.status == 0 && checked.output.contains("checked by this command"), "\(checked)")
  }
}
